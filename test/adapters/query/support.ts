/** A warehouse of real files behind a planner that knows them by their statistics. */
import { Effect, Exit, Scope } from 'effect'
import * as fc from 'fast-check'
import type { WrittenFile } from '../../../src/adapters/duckdb/parquet-writer.ts'
import {
  nothingBeyond,
  type BytesEngine,
  type QueryEngine,
  type ReadAt,
  type RecordsLease,
  type RecordsPlanner,
  type ScanFile,
  type TailPart,
  type TextsEngine
} from '../../../src/adapters/query/query-ports.ts'
import type { QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { columnsOfTrades, openFixture, tradeFieldIds } from '../duckdb/support.ts'
import { midnightUs } from '../duckdb/trades.ts'
import { poolOver } from '../../support/query-pool.ts'

export interface Warehouse {
  readonly engine: QueryEngine<unknown> & BytesEngine<unknown>
  /** The same for a replay's files. */
  readonly filesEngine: BytesEngine<unknown> & TextsEngine<unknown>
  readonly planner: RecordsPlanner<never>
  /** Of files that queries write. */
  readonly directory: string
  /** Statements that run now, or are read part by part. */
  readonly pending: () => number
  /** Statements that were run. */
  readonly statements: string[]
  readonly leases: { taken: number; released: number }
  /** What the log has beyond the files. */
  readonly setTail: (trades: readonly TradeV2[]) => Promise<void>
  /** What the tail has is in files from now on. */
  readonly landTail: () => void
  /** Writes a batch and adds its files to the table. */
  readonly land: (trades: readonly TradeV2[]) => Promise<readonly ScanFile[]>
  /** The table has these files only. */
  readonly setFiles: (files: readonly ScanFile[]) => void
  readonly close: () => Promise<void>
}

export const openWarehouse = async (): Promise<Warehouse> => {
  const fixture = await openFixture({ fileRowsMax: 1_000 })
  const scope = Effect.runSync(Scope.make())
  const pool = await Effect.runPromise(
    poolOver(fixture.directory, { connections: 2 }).pipe(Scope.provide(scope))
  )
  let files: readonly ScanFile[] = []
  let batches = 0
  let heldFiles: readonly ScanFile[] = []
  /** Of all rows that were ever written. */
  let nextOffset = 0
  let tail: TailPart | undefined
  const statements: string[] = []
  const leases = { taken: 0, released: 0 }
  const leaseAt = (at: ReadAt | undefined): RecordsLease<never> => {
    leases.taken++
    const now = {
      snapshotId: '9223372036854775807',
      removals: 0,
      watermarks: new Map([['log-1/0', nextOffset]]),
      undecided: new Map(),
      missing: []
    }
    const point = at?.kind === 'point' ? at.point : now
    return {
      snapshotId: '9223372036854775807',
      facts: {
        manifestsConsidered: 0,
        manifestsPruned: 0,
        filesConsidered: files.length,
        filesPruned: 0
      },
      files: [...files].sort((a, b) => b.timestampUpperUs - a.timestampUpperUs),
      source: 'read_parquet($files)',
      read: (_, use) => use,
      beyond: { ...nothingBeyond, tail },
      point: () => Effect.succeed(point),
      within: point === now ? undefined : point,
      release: () => {
        leases.released++
      }
    }
  }
  const write = async (trades: readonly TradeV2[]): Promise<readonly ScanFile[]> => {
    const batch = batches++
    const written = await Effect.runPromise(
      fixture.writer.write({
        rows: columnsOfTrades(trades, nextOffset),
        directory: fixture.directory,
        fileName: ({ index }) => `${batch}-${index}.parquet`
      })
    )
    nextOffset += trades.length
    return written.map((file) => ({ ...scanFile(file), sequenceNumber: batch + 1 }))
  }
  const counted =
    <A>(run: (query: Parameters<QueryPool['run']>[0]) => A) =>
    (query: Parameters<QueryPool['run']>[0]) => {
      statements.push(query.sql)
      return run(query)
    }
  const runBytes = counted(pool.runBytes)
  return {
    directory: fixture.directory,
    pending: pool.pending,
    statements,
    leases,
    engine: { run: counted(pool.run), runBytes },
    filesEngine: { runBytes, texts: counted(pool.texts) },
    planner: { acquire: (_, at) => Effect.sync(() => leaseAt(at)) },
    land: async (trades) => {
      const added = await write(trades)
      files = [...files, ...added]
      return added
    },
    setTail: async (trades) => {
      heldFiles = trades.length === 0 ? [] : await write(trades)
      tail = heldFiles.length === 0 ? undefined : tailOf(heldFiles)
    },
    landTail: () => {
      files = [...files, ...heldFiles]
      tail = undefined
    },
    setFiles: (next) => {
      files = next
    },
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await fixture.close()
    }
  }
}

const tailOf = (held: readonly ScanFile[]): TailPart => ({
  sql: 'SELECT * FROM read_parquet($tail_files)',
  parameters: { tail_files: { type: 'texts', value: held.map(({ path }) => path) } },
  rowsMax: held.reduce((sum, { recordCount }) => sum + recordCount, 0),
  timestampLowerUs: Math.min(...held.map((it) => it.timestampLowerUs)),
  timestampUpperUs: Math.max(...held.map((it) => it.timestampUpperUs)),
  since: (us) => {
    const rest = held.filter(({ timestampUpperUs }) => timestampUpperUs >= us)
    return rest.length === 0 ? undefined : tailOf(rest)
  }
})

const scanFile = (file: WrittenFile): ScanFile => {
  const time = file.columns.find(({ fieldId }) => fieldId === tradeFieldIds['timestamp'])!
  return {
    path: file.path,
    recordCount: file.recordCount,
    timestampLowerUs: Number(time.min),
    timestampUpperUs: Number(time.max)
  }
}

/** Conditions that `isSimple` takes, about records of `arbitraryTrade`. */
export const simpleConditions = {
  symbols: fc.uniqueArray(fc.constantFrom('BTCUSDT', 'ETHUSDT', ''), { minLength: 1 }),
  exchanges: fc.uniqueArray(fc.constantFrom('BINANCE', "O'X"), { minLength: 1 }),
  fromUs: fc.integer({ min: midnightUs - 4, max: midnightUs + 4 }),
  toUs: fc.integer({ min: midnightUs - 4, max: midnightUs + 4 })
}

export const simpleFilters = fc.record(simpleConditions, { requiredKeys: [] })
