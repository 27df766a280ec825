/** Settings of OpenTelemetry traces. */
import { optional, setting } from './setting.ts'
import { integer, type Kind, ok, pathUrl, refuse, Secret } from './values.ts'

/** A name and a value as HTTP has them, without commas. */
const header = /^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)=([\x20-\x2b\x2d-\x7e]+)$/

const headers: Kind<Secret> = {
  unit: 'list of headers',
  isSecret: true,
  parse: (text) =>
    text.split(',').every((part) => header.test(part))
      ? ok(new Secret(text))
      : refuse('headers as name=value, comma-separated, values without commas')
}

/** By name. */
export const headersIn = (secret: Secret | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (secret?.reveal().split(',') ?? []).map((part) => {
      const [, name, value] = header.exec(part)!
      return [name!.toLowerCase(), value!.trim()]
    })
  )

export const traceSettings = {
  otlpEndpoint: optional('K2_OTLP_ENDPOINT', pathUrl('https', 'http'), [
    'http://127.0.0.1:4318',
    'OpenTelemetry collector that takes traces by OTLP over HTTP, without /v1/traces; ' +
      'without it nothing is traced.'
  ]),
  otlpHeaders: optional('K2_OTLP_HEADERS', headers, [
    'authorization=Bearer 0123456789abcdef',
    'Headers that the collector asks for, as name=value, comma-separated.'
  ]),
  traceRecords: setting('K2_TRACE_RECORDS', integer(100, 1_000_000_000, 'records'), '10000', [
    '1000',
    'One record of so many in each partition is traced, from its frame to its commit; ' +
      'processes that share the work need the same.'
  ]),
  traceRequests: setting('K2_TRACE_REQUESTS', integer(1, 1_000_000_000, 'requests'), '10', [
    '1',
    'One request of so many is traced, beside those whose traceparent says so.'
  ])
} as const
