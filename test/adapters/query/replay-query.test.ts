/** A replay of files: all rows that meet the filter, once, in the order of time. */
import { Deferred, Effect, Exit, Fiber } from 'effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ScanFile } from '../../../src/adapters/query/query-ports.ts'
import { makeReplayQuery, type ReplayPart } from '../../../src/adapters/query/replay-query.ts'
import type { ReplayPorts, ReplayRequest } from '../../../src/adapters/query/replay-reader.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { arbitraryTrade, midnightUs, trade, withOwnIds } from '../duckdb/trades.ts'
import { openWarehouse, simpleFilters, type Warehouse } from './support.ts'
import { jsonOf } from './trade-json.ts'

const { fields } = tradeV2Schema

let warehouse: Warehouse

beforeAll(async () => {
  warehouse = await openWarehouse()
})
beforeEach(() => {
  warehouse.setFiles([])
  warehouse.statements.length = 0
})
afterAll(() => warehouse.close())

const clock = { nowMs: () => 0, sleep: () => Effect.never }
type Ports = Partial<ReplayPorts<unknown, unknown>>

/** Nothing is streamed, as if all were of a tail. */
const atOnce = (): Ports => ({ engine: warehouse.engine })

const portsOver = (ports: Ports = {}): ReplayPorts<unknown, unknown> => {
  const { planner, engine, filesEngine } = warehouse
  const streaming = ports.engine === undefined ? { filesEngine } : {}
  return { planner, engine, ...streaming, fields, clock, ...ports }
}

/** What a replay sends; each part is taken at once, unless told. */
const replayed = async (
  request: Partial<ReplayRequest> = {},
  ports: Ports = {},
  taking: Effect.Effect<void> = Effect.void
) => {
  const parts: ReplayPart[] = []
  const query = makeReplayQuery(portsOver(ports))
  const exit = await Effect.runPromiseExit(
    query.run(
      { filter: {}, frame: { before: '', after: '\n' }, isLive: false, ...request },
      {
        opened: () => undefined,
        emit: (part) => Effect.andThen(Effect.sync(() => void parts.push(part)), taking)
      }
    )
  )
  return { parts, exit, lines: linesOf(parts) }
}

const linesOf = (parts: readonly ReplayPart[]): readonly string[] =>
  parts
    .flatMap((part) => (part.type === 'rows' ? Buffer.from(part.bytes).toString() : []))
    .join('')
    .split('\n')
    .slice(0, -1)

const byUtf8 = (left: string, right: string) =>
  Buffer.compare(Buffer.from(left), Buffer.from(right))

const inOrder = (left: TradeV2, right: TradeV2): number =>
  left.timestamp - right.timestamp ||
  byUtf8(left.symbol, right.symbol) ||
  (left.source_sequence ?? Infinity) - (right.source_sequence ?? Infinity) ||
  byUtf8(left.message_id, right.message_id)

/** Whoever reads everything. */
const naive = (trades: readonly TradeV2[], filter: ReplayRequest['filter']): readonly string[] =>
  trades
    .filter(
      ({ symbol, exchange, timestamp }) =>
        (filter.symbols === undefined || filter.symbols.includes(symbol)) &&
        (filter.exchanges === undefined || filter.exchanges.includes(exchange)) &&
        (filter.fromUs === undefined || timestamp >= filter.fromUs) &&
        (filter.toUs === undefined || timestamp < filter.toUs)
    )
    .toSorted(inOrder)
    .map(jsonOf)


/** Of which no two have the same message id. */
const batches = fc
  .array(fc.array(arbitraryTrade, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 })
  .map(withOwnIds)

const withoutBounds = (file: ScanFile): ScanFile => ({
  ...file,
  timestampLowerUs: -Infinity,
  timestampUpperUs: Infinity
})

/** DuckDB and JavaScript write hexadecimal digits each in its own way. */
const lowerEscapes = (line: string): string =>
  line.replaceAll(/\\u[0-9A-F]{4}/g, (escape) => escape.toLowerCase())

describe('replay', () => {
  test('property: whatever the slices, the filter and the bounds', async () => {
    await fc.assert(
      fc.asyncProperty(
        batches,
        simpleFilters,
        fc.constantFrom(1_500, 5_000, 8_000_000),
        fc.record({ hasBounds: fc.boolean(), isStreamed: fc.boolean() }),
        async (all, filter, blockBytesMax, { hasBounds, isStreamed }) => {
          warehouse.setFiles([])
          const files: ScanFile[] = []
          for (const batch of all) files.push(...(await warehouse.land(batch)))
          if (!hasBounds) warehouse.setFiles(files.map(withoutBounds))
          const engines = isStreamed ? {} : atOnce()
          const { parts, lines } = await replayed({ filter }, { blockBytesMax, ...engines })
          const expected = naive(all.flat(), filter)
          expect(lines.map(lowerEscapes)).toEqual(expected.map(lowerEscapes))
          const missing: string[] = []
          const snapshotId = '9223372036854775807'
          expect(parts.at(-1)).toEqual({
            type: 'completed',
            count: expected.length,
            snapshotId,
            missing
          })
        }
      ),
      { numRuns: 40 }
    )
  }, 120_000)

  test('a second with more rows than a block has is read in parts', async () => {
    const burst = Array.from({ length: 5_000 }, (_, id) =>
      trade({ source_sequence: id, timestamp: id < 10 ? midnightUs + id : midnightUs + 10 })
    )
    await warehouse.land(burst)
    const { parts, lines } = await replayed({}, { blockBytesMax: 100_000, ...atOnce() })
    expect(lines).toEqual(naive(burst, {}))
    const sizes = parts.flatMap((part) => (part.type === 'rows' ? part.bytes.length : []))
    expect(sizes.length).toBeGreaterThan(10)
    expect(Math.max(...sizes)).toBeLessThan(400_000)
  })

  test('fields by name, in their order, framed', async () => {
    await warehouse.land([trade()])
    const { lines } = await replayed({
      fields: ['price', 'symbol'],
      frame: { before: 'data: ', after: '\n\n' }
    })
    expect(lines).toEqual(['data: {"price":61837.63000000,"symbol":"BTCUSDT"}', ''])
  })

  test('text of files comes in parts, whatever lies in one microsecond', async () => {
    const burst = Array.from({ length: 9_000 }, (_, id) => trade({ source_sequence: id }))
    await warehouse.land(burst)
    const { parts, lines } = await replayed()
    expect(lines).toEqual(naive(burst, {}))
    const sizes = parts.flatMap((part) => (part.type === 'rows' ? part.bytes.length : []))
    expect(sizes.length).toBeGreaterThan(3)
    expect(Math.max(...sizes)).toBeLessThan(2 * 2 ** 20)
    const [whole] = warehouse.statements
    expect(warehouse.statements).toEqual([whole])
  })

  test.each([
    ['streamed', (ports: Ports) => ports],
    ['at once', ({ blockBytesMax = 0 }: Ports) => ({ blockBytesMax, ...atOnce() })]
  ] as const)('while a block waits the next slice is opened, no more: %s', async (_, engines) => {
    await warehouse.land(
      Array.from({ length: 900 }, (__, id) => trade({ source_sequence: id, timestamp: id }))
    )
    let parts = 0
    const { filesEngine } = warehouse
    const texts: typeof filesEngine.texts = (query) =>
      Effect.map(filesEngine.texts(query), ({ next }) => ({
        next: Effect.tap(next, () => Effect.sync(() => void parts++))
      }))
    const blockBytesMax = 5_000
    const streamed = { filesEngine: { ...filesEngine, texts }, blockBytesMax }
    const query = makeReplayQuery(portsOver(engines(streamed)))
    let taken = 0
    let waiting = 0
    const request = { filter: {}, frame: { before: '', after: '\n' }, isLive: false }
    await Effect.runPromise(
      query.run(request, {
        opened: () => undefined,
        emit: (part) =>
          Effect.promise(async () => {
            if (part.type !== 'rows') return
            waiting++
            const [opened, made] = [warehouse.statements.length, parts]
            for (let turn = 0; turn < 40; turn++) await new Promise(setImmediate)
            expect(warehouse.statements.length).toBeLessThanOrEqual(opened + 1)
            expect(warehouse.statements.length).toBeLessThanOrEqual(taken + 2)
            expect(parts).toBe(made)
            expect(waiting).toBe(1)
            waiting--
            taken++
          })
      })
    )
    expect(taken).toBeGreaterThan(5)
  })

  test('who leaves amid a slice leaves no statement behind', async () => {
    await warehouse.land(
      Array.from({ length: 9_000 }, (_, id) => trade({ source_sequence: id, timestamp: id }))
    )
    const { taken, released } = warehouse.leases
    const query = makeReplayQuery(portsOver())
    for (let turn = 0; turn < 3; turn++) {
      const began = Deferred.makeUnsafe<void>()
      const fiber = Effect.runFork(
        query.run(
          { filter: {}, frame: { before: '', after: '\n' }, isLive: false },
          {
            opened: () => undefined,
            emit: () => Effect.andThen(Deferred.succeed(began, undefined), Effect.never)
          }
        )
      )
      await Effect.runPromise(Deferred.await(began))
      await Effect.runPromise(Fiber.interrupt(fiber))
      expect(warehouse.pending()).toBe(0)
    }
    expect(warehouse.leases.taken - taken).toBe(warehouse.leases.released - released)
    expect((await replayed()).lines).toHaveLength(9_000)
  })

  test('its lease is released, also where a statement fails', async () => {
    await warehouse.land([trade()])
    const { taken, released } = warehouse.leases
    await replayed()
    const fail = () => Effect.fail(new Error('planted'))
    const { exit } = await replayed({}, { filesEngine: { runBytes: fail, texts: fail } })
    expect(Exit.isFailure(exit)).toBe(true)
    expect(warehouse.leases.taken).toBe(taken + 2)
    expect(warehouse.leases.released).toBe(released + 2)
  })

  test('rows of its view that no later lease has are waited for, and then told', async () => {
    await warehouse.land(
      Array.from({ length: 900 }, (_, id) => trade({ source_sequence: id, timestamp: id }))
    )
    let nowMs = 0
    let ends = [10]
    const planner: Ports['planner'] = {
      acquire: (conditions) =>
        Effect.map(warehouse.planner.acquire(conditions), (lease) => {
          const watermarks = new Map([['log-1/0', ends.length > 1 ? ends.shift()! : ends[0]!]])
          const view = { watermarks, undecided: new Map() }
          return { ...lease, beyond: { ...lease.beyond, watermarks, view } }
        })
    }
    const sleep = (ms: number) =>
      ms < 10_000 ? Effect.sync(() => void (nowMs += ms)) : Effect.never
    // Each block is taken so late that the next is read by another lease.
    const takeLate = Effect.sync(() => void (nowMs += 31_000))
    const run = () =>
      replayed(
        {},
        { planner, blockBytesMax: 20_000, clock: { nowMs: () => nowMs, sleep } },
        takeLate
      )
    ends = [10, 9, 10]
    expect((await run()).lines).toHaveLength(900)
    ends = [10, 9]
    const { exit, lines } = await run()
    expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: 'PointNotReached' } })
    expect(lines.length).toBeLessThan(900)
  })

  test('live rows cannot be had where nobody reads the log', async () => {
    const { exit, parts } = await replayed({ isLive: true })
    expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: 'NotFollowed' } })
    expect(parts).toEqual([])
  })
})

describe('pace', () => {
  test('rows are due as far apart as they came, divided by the speed', async () => {
    const seconds = [0, 1, 1, 4]
    await warehouse.land(
      seconds.map((second, id) =>
        trade({ source_sequence: id, timestamp: midnightUs + second * 1_000_000 })
      )
    )
    let nowMs = 7_000
    const simulated = {
      nowMs: () => nowMs,
      sleep: (ms: number) => Effect.sync(() => void (nowMs += ms))
    }
    const sent: (readonly [number, number])[] = []
    const query = makeReplayQuery<unknown, unknown>({
      ...warehouse,
      planner: warehouse.planner,
      fields,
      clock: { ...simulated, sleep: (ms) => (ms === 10_000 ? Effect.never : simulated.sleep(ms)) }
    })
    const request = { filter: {}, frame: { before: '', after: '\n' }, isLive: false, speed: 10 }
    await Effect.runPromise(
      query.run(request, {
        opened: () => undefined,
        emit: (part) =>
          Effect.sync(() => {
            if (part.type === 'rows') sent.push([nowMs - 7_000, part.count])
          })
      })
    )
    expect(sent).toEqual([
      [0, 1],
      [100, 2],
      [400, 1]
    ])
  })
})
