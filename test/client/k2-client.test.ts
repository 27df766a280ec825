import { Effect } from 'effect'
import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { ApiDeps } from '../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../src/adapters/http/app.ts'
import { K2Client, K2Problem, UnexpectedAnswer } from '../../src/client/k2-client.ts'
import { parseExact, parseSqlAnswer } from '../../src/client/exact-json.ts'
import { accessOf, allOfIt, fakeDeps } from '../adapters/http/support.ts'

const url = 'http://127.0.0.1:8000'

/** Of the app itself, without a socket. */
const clientOf = (deps: ApiDeps, apiKey?: string) => {
  const app = makeApp(deps)
  const requests: Request[] = []
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    requests.push(new Request(input, init))
    return app.request(new Request(input, init))
  }
  const k2 = new K2Client({ url: `${url}/`, fetch, ...(apiKey === undefined ? {} : { apiKey }) })
  return { k2, requests }
}

/** Of a server that answers this, in these pieces. */
const answering = (pieces: readonly string[], type: string, status = 200) => {
  let isCancelled = false
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece))
      controller.close()
    },
    cancel: () => {
      isCancelled = true
    }
  })
  const headers = { 'content-type': type }
  const fetch = async () => new Response(body, { status, headers })
  return { k2: new K2Client({ url, fetch }), isCancelled: () => isCancelled }
}

describe('requests', () => {
  test('parameters reach the query, decimals come as text and ids exact', async () => {
    const rows = ['{"price":61837.63000000,"quantity":1,"source_sequence":9223372036854775807}']
    const deps = fakeDeps({
      records: () => Effect.succeed({ snapshotId: '7', rows, ...allOfIt })
    })
    const { k2, requests } = clientOf(deps)
    const { data, meta } = await k2.request('GET /v1/trades', { query: { symbol: 'A', limit: 2 } })
    expect(new URL(requests[0]!.url).searchParams.toString()).toContain('symbol=A&limit=2')
    expect(data).toEqual([
      { price: '61837.63000000', quantity: '1', source_sequence: 9_223_372_036_854_775_807n }
    ])
    expect(meta.snapshot_id).toBe('7')
    expectTypeOf(data[0]!.price).toEqualTypeOf<string>()
    expectTypeOf(data[0]!.side).toEqualTypeOf<'BUY' | 'SELL' | 'SELL_SHORT' | 'UNKNOWN'>()
  })

  test('what the API does not know does not compile', () => {
    const { k2 } = clientOf(fakeDeps())
    // @ts-expect-error: it is limit
    void (() => k2.request('GET /v1/trades', { query: { limits: 2 } }))
    // @ts-expect-error: a symbol is required
    void (() => k2.request('GET /v1/candles', { query: {} }))
    // @ts-expect-error: so is the statement
    void (() => k2.request('POST /v1/sql'))
    // @ts-expect-error: there is no such address
    void (() => k2.request('GET /v1/trade'))
    // @ts-expect-error: it does not stream
    void (() => k2.stream('GET /health'))
  })

  test('parts of the address are encoded, a POST says that it is JSON', async () => {
    const { k2, requests } = clientOf(fakeDeps())
    const path = { path: 'root/landing/lander' }
    const { data } = await k2.request('POST /v1/system/actors/{path}/release', { path })
    expect(data).toEqual(path)
    expect(requests[0]!.url).toBe(`${url}/v1/system/actors/root%2Flanding%2Flander/release`)
    expect(requests[0]!.headers.get('content-type')).toBe('application/json')
  })

  test('a key goes along', async () => {
    const access = accessOf('k'.repeat(32))
    const { k2 } = clientOf(fakeDeps({ access }), 'k'.repeat(32))
    expect((await k2.request('GET /v1/symbols')).data).toEqual(['BTCUSDT'])
    const { k2: nobody } = clientOf(fakeDeps({ access }))
    await expect(nobody.request('GET /v1/symbols')).rejects.toMatchObject({
      code: 'api_key_missing',
      status: 401
    })
  })
})

describe('problems', () => {
  test('have code, hint, errors, correlation id and when to ask again', async () => {
    const { k2 } = clientOf(fakeDeps({ overloadSeconds: () => 17 }))
    const overloaded = await k2.request('GET /v1/trades').catch((error: unknown) => error)
    expect(overloaded).toBeInstanceOf(K2Problem)
    expect(overloaded).toMatchObject({ code: 'overloaded', retryAfterSeconds: 17 })
    expect(overloaded).toMatchObject({ hint: expect.any(String), correlationId: 'id-1' })
    const query = { symbol: 'no such symbol' }
    const invalid = await clientOf(fakeDeps())
      .k2.request('GET /v1/trades', { query })
      .catch((error: unknown) => error)
    expect(invalid).toMatchObject({ code: 'invalid_parameters', errors: [{ field: 'symbol' }] })
  })

  test('an answer of something else is none of K2', async () => {
    const { k2 } = answering(['<html>'], 'text/html', 502)
    await expect(k2.request('GET /v1/trades')).rejects.toThrow(UnexpectedAnswer)
  })
})

describe('streams', () => {
  // No address need stream for this: what streams is the client.
  const rowsOf = (k2: K2Client) =>
    (k2.stream as unknown as (operation: string) => AsyncGenerator).call(
      k2,
      'GET /v1/gaps'
    )
  const collected = async (rows: AsyncGenerator) => {
    const found: unknown[] = []
    for await (const row of rows) found.push(row)
    return found
  }

  test('rows are the same however the bytes are cut', async () => {
    const text = '{"symbol":"€","price":0.00000001}\n{"symbol":"b","price":2}\n'
    const bytes = new TextEncoder().encode(text)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            for (const [index, from] of places.entries()) {
              const to = places[index + 1]
              if (to !== undefined && to > from) controller.enqueue(bytes.slice(from, to))
            }
            controller.close()
          }
        })
        const headers = { 'content-type': 'application/x-ndjson' }
        const k2 = new K2Client({ url, fetch: async () => new Response(body, { headers }) })
        expect(await collected(rowsOf(k2))).toEqual([
          { symbol: '€', price: '0.00000001' },
          { symbol: 'b', price: '2' }
        ])
      }),
      { numRuns: 50 }
    )
  })

  test('one that breaks off within a row fails', async () => {
    const { k2 } = answering(['{"price":1}\n{"pri'], 'application/x-ndjson')
    await expect(collected(rowsOf(k2))).rejects.toThrow('broke off')
  })

  test('leaving the loop ends the request', async () => {
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode('{"price":1}\n')),
      cancel: () => {
        isCancelled = true
      }
    })
    const k2 = new K2Client({ url, fetch: async () => new Response(body) })
    for await (const row of rowsOf(k2)) {
      expect(row).toEqual({ price: '1' })
      break
    }
    expect(isCancelled).toBe(true)
  })
})

describe('numbers', () => {
  test('any decimal keeps its digits, any whole number its value', () => {
    const digits = fc.stringMatching(/^-?(?:0|[1-9][0-9]{0,17})[.][0-9]{1,16}$/)
    fc.assert(
      fc.property(digits, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (price, id) => {
        const parsed = parseExact(`[{"price":${price},"source_sequence":${id}}]`, false)
        const [{ price: read, source_sequence: sequence }] = parsed as [
          { readonly price: string; readonly source_sequence: number | bigint }
        ]
        expect(read).toBe(price)
        expect(BigInt(sequence)).toBe(id)
        const text = parseExact(`{"price":"${price}","source_sequence":${id}}`, true)
        expect(text).toEqual({ price, source_sequence: sequence })
      })
    )
  })

  test('columns of SQL say what is a decimal', () => {
    const columns = [
      { name: 'd', type: 'DECIMAL(10,2)' },
      { name: 'f', type: 'DOUBLE' },
      { name: 'n', type: 'BIGINT' },
      { name: 'l', type: 'DECIMAL(18,8)[]' }
    ]
    const row = '{"d":1.25,"f":0.5,"n":9007199254740993,"l":[1.50000000,2]}'
    const text = `{"data":[${row}],"meta":{"columns":${JSON.stringify(columns)},"row_count":1}}`
    expect(parseSqlAnswer(text)).toEqual({
      data: [{ d: '1.25', f: 0.5, n: 9_007_199_254_740_993n, l: ['1.50000000', '2'] }],
      meta: { columns, row_count: 1 }
    })
  })
})
