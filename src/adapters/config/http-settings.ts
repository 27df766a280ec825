/** Settings of the HTTP API: where it listens, and whom it answers how often. */
import { apiKeys } from './api-key-values.ts'
import { network, origin } from './http-values.ts'
import { optional, setting } from './setting.ts'
import { choice, durationOrOff, integer, list, listenHost, secret } from './values.ts'

export const httpSettings = {
  httpHost: setting('K2_HTTP_HOST', listenHost, '127.0.0.1', [
    '::1',
    'Address that the HTTP API listens on; one that other machines reach needs K2_API_KEYS.'
  ]),
  httpPort: setting('K2_HTTP_PORT', integer(0, 65_535, 'port'), '8000', [
    '8080',
    'Port of the HTTP API; 0 takes any free one.'
  ]),
  apiKeys: setting('K2_API_KEYS', apiKeys(16), '', [
    'quant=read+sql:0123456789abcdef0123456789abcdef',
    'Keys of the HTTP API, of which a request carries one; several let one be replaced. ' +
      'Before a key may stand the name of who has it and what it allows, of read, sql and admin ' +
      '(all, unless told); instead of it its SHA-256, after sha256:. ' +
      'Without keys only this machine is answered. `openssl rand -hex 32` makes one.'
  ]),
  apiKey: optional('K2_API_KEY', secret, [
    '0123456789abcdef0123456789abcdef',
    'Key that commands send to the API; by default the first of K2_API_KEYS that is not hashed.'
  ]),
  httpRateLimit: setting('K2_HTTP_RATE_LIMIT', integer(0, 10_000_000, 'requests/min'), '6000', [
    '600',
    'Requests a minute that each of K2_API_KEYS is answered, and each address without a key; ' +
      '0 sets no limit. Where there are no keys, there is none.'
  ]),
  httpTrustedProxies: setting('K2_HTTP_TRUSTED_PROXIES', list(network, 0, 64), '', [
    '10.0.0.0/8,::1',
    'Addresses and networks of proxies whose X-Forwarded-For is believed.'
  ]),
  httpCorsOrigins: setting('K2_HTTP_CORS_ORIGINS', list(origin, 0, 64), '', [
    'https://charts.example',
    'Origins of pages in browsers that may read the API; none unless told.'
  ]),
  httpAccessLog: setting('K2_HTTP_ACCESS_LOG', choice('off', 'on'), 'off', [
    'on',
    'Whether every request is a line of the log.'
  ]),
  slowQueryMs: setting('K2_SLOW_QUERY', durationOrOff(1, 600_000), '1s', [
    '200ms',
    'A query that takes longer is a line of the log, with its parameters and what it read. ' +
      'off writes none.'
  ])
}
