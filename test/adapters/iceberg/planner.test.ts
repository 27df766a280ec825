import * as fc from 'fast-check'
import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import type { DataFile } from '../../../src/adapters/iceberg/data-file.ts'
import { makeScanPlanner } from '../../../src/adapters/iceberg/planner.ts'
import type { ScanFilter } from '../../../src/adapters/iceberg/scan-filter.ts'
import { refresh, type Table } from '../../../src/adapters/iceberg/table.ts'
import { batch, dataFile, day0, logIdentity, makeWorld, openTable, topic } from './support.ts'

const run = Effect.runPromise
const dayUs = 86_400_000_000
const symbols = ['ADAUSDT', 'BTCUSDT', 'DOGEUSDT', 'ETHUSDT', 'XRPUSDT', '1000SATSUSDT_LONGER_NAME']

interface FileShape {
  readonly exchange: string
  readonly day: number
  readonly rows: readonly { readonly symbol: string; readonly offsetUs: number }[]
}

const shape = fc.record({
  exchange: fc.constantFrom('BINANCE', 'KRAKEN'),
  day: fc.integer({ min: day0 - 2, max: day0 + 2 }),
  rows: fc.array(
    fc.record({
      symbol: fc.constantFrom(...symbols),
      offsetUs: fc.integer({ min: 0, max: dayUs - 1 })
    }),
    { minLength: 1, maxLength: 6 }
  )
})

const filterOf = fc.record(
  {
    exchange: fc.constantFrom('BINANCE', 'KRAKEN', 'NONE'),
    symbol: fc.constantFrom(...symbols, 'NONE'),
    exchanges: fc.uniqueArray(fc.constantFrom('BINANCE', 'KRAKEN', 'NONE'), { minLength: 1 }),
    symbols: fc.uniqueArray(fc.constantFrom(...symbols, 'NONE'), { minLength: 1 }),
    fromUs: fc.integer({ min: (day0 - 3) * dayUs, max: (day0 + 3) * dayUs }),
    toUs: fc.integer({ min: (day0 - 3) * dayUs, max: (day0 + 3) * dayUs })
  },
  { requiredKeys: [] }
)

const fileOf = ({ exchange, day, rows }: FileShape, index: number): DataFile => {
  const ordered = rows
    .map((it) => it.symbol)
    .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
  const times = rows
    .map((it) => BigInt(day * dayUs + it.offsetUs))
    .sort((left, right) => (left < right ? -1 : 1))
  const column = { sizeBytes: 1, valueCount: rows.length, nullCount: 0 }
  return {
    ...dataFile(`file:///data/${index}.parquet`, rows.length, day),
    partition: { exchange, timestamp_day: day },
    columns: [
      { ...column, fieldId: 3, min: ordered[0]!, max: ordered.at(-1)! },
      { ...column, fieldId: 6, min: times[0]!, max: times.at(-1)! }
    ]
  }
}

const matches = (
  file: FileShape,
  { exchange, symbol, exchanges, symbols, fromUs, toUs }: ScanFilter
): boolean =>
  (exchange === undefined || file.exchange === exchange) &&
  (exchanges === undefined || exchanges.includes(file.exchange)) &&
  file.rows.some((row) => {
    const us = file.day * dayUs + row.offsetUs
    return (
      (symbol === undefined || row.symbol === symbol) &&
      (symbols === undefined || symbols.includes(row.symbol)) &&
      (fromUs === undefined || us >= fromUs) &&
      (toUs === undefined || us < toUs)
    )
  })

const tableWith = async (groups: readonly (readonly FileShape[])[]): Promise<Table> => {
  const table = await run(openTable(makeWorld()))
  let index = 0
  for (const [position, files] of groups.entries()) {
    await run(
      commitAppend(table, {
        commitId: `c${position}`,
        dataFiles: files.map((it) => fileOf(it, index++)),
        advances: [
          {
            logIdentity,
            topic,
            partition: 0,
            fromOffset: position === 0 ? null : position,
            nextOffset: position + 1,
            statePath: 's'
          }
        ]
      })
    )
  }
  return table
}

describe('planner', () => {
  it('names every file with a matching row, newest upper bound first', async () => {
    const groups = fc.array(fc.array(shape, { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5
    })
    await fc.assert(
      fc.asyncProperty(
        groups,
        fc.array(filterOf, { minLength: 1, maxLength: 8 }),
        async (files, filters) => {
          const planner = makeScanPlanner(await tableWith(files))
          for (const filter of filters) {
            const plan = await run(planner.plan(filter))
            const named = new Set(plan.files.map((it) => it.location))
            for (const [index, file] of files.flat().entries()) {
              if (matches(file, filter)) expect(named).toContain(`file:///data/${index}.parquet`)
            }
            expect(plan.filesConsidered).toBe(files.flat().length)
            expect(plan.filesPruned).toBe(plan.filesConsidered - plan.files.length)
            for (const [index, file] of plan.files.entries()) {
              const previous = plan.files[index - 1]
              if (previous === undefined) continue
              expect(previous.timestampUpperUs).toBeGreaterThanOrEqual(file.timestampUpperUs)
            }
          }
        }
      ),
      { numRuns: 40 }
    )
  }, 60_000)

  it('prunes manifests by day and exchange, files by symbol, and keeps the plan', async () => {
    const row = (symbol: string) => [{ symbol, offsetUs: 5 }]
    const table = await tableWith([
      [
        { exchange: 'BINANCE', day: day0, rows: row('BTCUSDT') },
        { exchange: 'BINANCE', day: day0, rows: row('ETHUSDT') }
      ],
      [{ exchange: 'KRAKEN', day: day0, rows: row('BTCUSDT') }],
      [{ exchange: 'BINANCE', day: day0 + 1, rows: row('BTCUSDT') }]
    ])
    const planner = makeScanPlanner(table)
    const filter = {
      exchange: 'BINANCE',
      symbol: 'BTCUSDT',
      fromUs: day0 * dayUs,
      toUs: (day0 + 1) * dayUs
    }
    const plan = await run(planner.plan(filter))
    expect(plan).toMatchObject({
      manifestsConsidered: 3,
      manifestsPruned: 2,
      filesConsidered: 4,
      filesPruned: 3
    })
    expect(plan.files[0]).toMatchObject({
      path: '/data/0.parquet',
      timestampLowerUs: day0 * dayUs + 5,
      timestampUpperUs: day0 * dayUs + 5,
      symbolLower: 'BTCUSDT',
      symbolUpper: 'BTCUSDT',
      exchange: 'BINANCE',
      sorted: true
    })
    expect(await run(planner.plan(filter))).toBe(plan)
  })

  it('reads a pinned snapshot, an empty table, and refuses an unknown snapshot', async () => {
    const empty = makeScanPlanner(await run(openTable(makeWorld())))
    expect(await run(empty.plan({}))).toMatchObject({ snapshotId: null, files: [] })
    const table = await run(openTable(makeWorld('pinned')))
    const first = await run(commitAppend(table, batch('c1', [0, null, 100])))
    await run(commitAppend(table, batch('c2', [0, 100, 200])))
    const planner = makeScanPlanner(table)
    expect((await run(planner.plan({}, first.snapshotId))).files).toHaveLength(1)
    expect((await run(planner.plan({}))).files).toHaveLength(2)
    expect((await run(Effect.flip(planner.plan({}, 5n))))._tag).toBe('SnapshotMissing')
    await run(refresh(table))
  })
})
