import { expect, test } from 'vitest'
import { makeClientAddress } from '../../../src/adapters/http/client-address.ts'

const addressOf = makeClientAddress(['10.0.0.0/8', '::1', '192.168.7.7'])

test.each([
  // Nobody is believed but a proxy.
  ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['203.0.113.9', null, '203.0.113.9'],
  ['10.1.2.3', null, '10.1.2.3'],
  ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
  // What a client writes before the proxy's own hop is its own business.
  ['10.1.2.3', '127.0.0.1, 198.51.100.1', '198.51.100.1'],
  ['::1', '198.51.100.1, 192.168.7.7, 10.9.9.9', '198.51.100.1'],
  ['::1', '192.168.7.7', '192.168.7.7'],
  ['10.1.2.3', 'unknown', '10.1.2.3'],
  ['10.1.2.3', '198.51.100.1, <script>', '10.1.2.3'],
  ['10.1.2.3', '', '10.1.2.3'],
  ['::ffff:10.1.2.3', '2001:db8::1', '2001:db8::1'],
  ['::ffff:203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['unknown', '198.51.100.1', 'unknown']
])('from %s, forwarded for %s: %s', (peer, forwarded, address) => {
  expect(addressOf(peer, forwarded)).toBe(address)
})
