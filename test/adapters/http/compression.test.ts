import { Effect } from 'effect'
import { gunzipSync, inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { allOfIt, fakeDeps } from './support.ts'

const row = '{"price":61837.63000000}'

const ask = async (rows: number, encoding: string | undefined, init: RequestInit = {}) => {
  const deps = fakeDeps({
    records: () =>
      Effect.succeed({
        snapshotId: null,
        rows: Array<string>(rows).fill(row),
        ...allOfIt
      })
  })
  const headers = encoding === undefined ? {} : { 'accept-encoding': encoding }
  const response = await makeApp(deps).request('http://127.0.0.1:8000/v1/trades', {
    ...init,
    headers
  })
  return { headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
}

test.each([
  ['gzip', gunzipSync],
  ['deflate', inflateSync]
] as const)('%s for those who take it, the same answer within', async (encoding, unpack) => {
  const plain = await ask(1_000, undefined)
  expect(plain.headers.get('content-encoding')).toBeNull()
  expect(plain.headers.get('content-length')).toBe(String(plain.bytes.length))
  const packed = await ask(1_000, encoding)
  expect(packed.headers.get('content-encoding')).toBe(encoding)
  expect(packed.headers.get('content-length')).toBeNull()
  expect(packed.headers.get('vary')).toContain('Accept-Encoding')
  expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 10)
  expect(unpack(packed.bytes).equals(plain.bytes)).toBe(true)
})

test.each([
  [1, 'gzip'],
  [1_000, 'identity'],
  [1_000, 'br'],
  [1_000, 'gzip;q=0']
])('%i rows go as they are for %s', async (rows, encoding) => {
  const { headers, bytes } = await ask(rows, encoding)
  expect(headers.get('content-encoding')).toBeNull()
  expect(JSON.parse(bytes.toString()).data).toHaveLength(rows)
})

test('who asks for the head is told the length and gets no body', async () => {
  const { headers, bytes } = await ask(1_000, 'gzip', { method: 'HEAD' })
  expect(headers.get('content-encoding')).toBeNull()
  expect(Number(headers.get('content-length'))).toBeGreaterThan(4_096)
  expect(bytes).toHaveLength(0)
})
