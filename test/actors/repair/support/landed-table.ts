/** A real table in a folder, landed by the real writer, with as many commits as a test needs. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { tradesSpec } from '../../../../src/actors/data-types.ts'
import { dataFolder, localDataFiles } from '../../../../src/actors/lander/data-file-store.ts'
import { makeIcebergLandingTable } from '../../../../src/actors/lander/iceberg-landing-table.ts'
import { type CompactionEvent, runCompaction } from '../../../../src/actors/repair/compaction.ts'
import { dataFolderAt, openTable } from '../../../../src/actors/storage/data-folder.ts'
import {
  makeFolder,
  removeFile,
  syncToDisk
} from '../../../../src/adapters/disk/folders.ts'
import { fieldIdsOf } from '../../../../src/adapters/duckdb/columns.ts'
import {
  openParquetRewriter,
  type ParquetRewriter
} from '../../../../src/adapters/duckdb/parquet-rewriter.ts'
import { openParquetWriter } from '../../../../src/adapters/duckdb/parquet-writer.ts'
import { TradeColumns } from '../../../../src/adapters/duckdb/trade-columns.ts'
import { currentSchema } from '../../../../src/adapters/iceberg/metadata.ts'
import type { Table } from '../../../../src/adapters/iceberg/table.ts'
import type { TradeV2 } from '../../../../src/market/records/trade-v2.ts'
import { trade } from '../../../support/trades.ts'

export const startUs = 1_723_075_200_000_000
const logIdentity = 'log-1'
const topic = 'market.crypto.trades.binance'

export type Wrap = (table: Table) => Table

export class LandedTable {
  readonly folder: string
  readonly table: Table
  readonly rewriter: ParquetRewriter
  readonly events: CompactionEvent[] = []
  readonly #writer
  readonly #scope: Scope.Closeable
  #offset = 0

  private constructor(folder: string, parts: Awaited<ReturnType<typeof openParts>>) {
    this.folder = folder
    this.table = parts.table
    this.rewriter = parts.rewriter
    this.#writer = parts.writer
    this.#scope = parts.scope
  }

  static async open(): Promise<LandedTable> {
    const folder = mkdtempSync(join(tmpdir(), 'k2-compaction-'))
    return new LandedTable(folder, await openParts(folder))
  }

  close(): Promise<void> {
    return Effect.runPromise(Scope.close(this.#scope, Exit.void))
  }

  /** A commit of `count` trades of two symbols, from a time on, evenly over a time. */
  async land(count: number, fromUs: number, lengthUs: number, wrap: Wrap = (it) => it) {
    const first = this.#offset
    const trades = Array.from({ length: count }, (_, index) =>
      tradeAt(first + index, fromUs + Math.floor((index * lengthUs) / count))
    )
    await this.landTrades(trades, wrap)
  }

  /** A commit of these. */
  async landTrades(trades: readonly TradeV2[], wrap: Wrap = (it) => it) {
    const [first, count] = [this.#offset, trades.length]
    const rows = new TradeColumns()
    for (const [index, it] of trades.entries()) rows.push(it, 'log-1/0', first + index)
    const landing = makeIcebergLandingTable<TradeV2>({
      table: wrap(this.table),
      writer: this.#writer,
      dataFiles: localDataFiles(this.table, this.#writer.sync),
      logIdentity,
      topic,
      partitionCount: 1,
      onRemoved: () => undefined
    })
    const program = Effect.gen(function* () {
      const commitId = randomUUID()
      const files = yield* landing.writeRows(rows, commitId)
      const statePath = yield* landing.writeState(0, Buffer.from(String(first + count)))
      const fromOffset = first === 0 ? null : first
      const advances = [{ partition: 0, fromOffset, nextOffset: first + count, statePath }]
      return yield* landing.commit({ commitId, files, advances })
    })
    const outcome = await Effect.runPromise(program)
    if (outcome.kind !== 'landed') throw new Error(`the commit was ${outcome.kind}`)
    this.#offset += count
  }

  /** Runs compaction to its end. */
  compact(wrap: Wrap = (it) => it, rewriter = this.rewriter) {
    const table = wrap(this.table)
    return runCompaction(
      {
        table,
        rewriter,
        store: localDataFiles(table, rewriter.sync),
        copies: { pathOf: fileURLToPath, readerOf: () => (_, use) => use },
        nowMs: Date.now,
        uuid: randomUUID,
        observe: (event) => this.events.push(event),
        onRemoved: () => undefined
      },
      100
    )
  }

  /** Names of data files on disk, live or not. */
  get dataFiles(): readonly string[] {
    return readdirSync(dataFolder(this.table)).sort()
  }
}

/** Values that a double, or a lossy copy, would not keep. */
const tradeAt = (id: number, timestamp: number): TradeV2 =>
  trade(id % 3 === 0 ? 'ETHUSDT' : 'BTCUSDT', id, {
    exchange: 'BINANCE',
    timestamp,
    price: 999_999_999_999_999_999n - BigInt(id),
    quantity: BigInt(id) + 1n,
    trade_conditions: id % 2 === 0 ? ['a', 'ü'] : [],
    platform_sequence: id % 5 === 0 ? id : null,
    vendor_data: id % 4 === 0 ? { k: `v${id}`, empty: '' } : null
  })

const openParts = async (root: string) => {
  const scope = Effect.runSync(Scope.make())
  const folder = dataFolderAt(root)
  const program = Effect.gen(function* () {
    yield* makeFolder(folder.temporary)
    const table = yield* openTable(tradesSpec, {
      folder,
      storage: {},
      snapshotsMax: 10,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: () => undefined
    })
    yield* makeFolder(dataFolder(table))
    const { columns } = new TradeColumns()
    const shared = {
      columns,
      fieldIds: fieldIdsOf(currentSchema(table.loaded.metadata)),
      files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
      memoryBytesMax: 256 * 2 ** 20
    }
    const spill = (name: string) => join(folder.temporary, name)
    return {
      scope,
      table,
      writer: yield* openParquetWriter({ ...shared, threads: 1, tempDirectory: spill('w') }),
      rewriter: yield* openParquetRewriter({ ...shared, tempDirectory: spill('r') })
    }
  })
  return Effect.runPromise(Scope.provide(program, scope))
}
