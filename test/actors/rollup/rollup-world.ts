/**
 * Trades that land, are merged and roll back, and the table of candles that follows them: real
 * tables in a folder, and processes that are killed at whatever step.
 */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { candlesTable, tradesSpec } from '../../../src/actors/data-types.ts'
import { candlesQueryOver } from '../../../src/actors/reading/candles-reading.ts'
import { leasesOf } from '../../../src/actors/reading/leases.ts'
import { openLocalCopies } from '../../../src/actors/reading/local-copies.ts'
import { openRollup } from '../../../src/actors/rollup/open-rollup.ts'
import { type RollupEvent, rollupStep } from '../../../src/actors/rollup/rollup.ts'
import { dataFolderAt, openTable } from '../../../src/actors/storage/data-folder.ts'
import { openStores } from '../../../src/actors/storage/stores.ts'
import { type AvroRecord, columnsOf } from '../../../src/adapters/duckdb/columns.ts'
import type { QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import type { Table } from '../../../src/adapters/iceberg/table.ts'
import { HotEntries } from '../../../src/adapters/query/hot-entries.ts'
import { makeHotMinutes } from '../../../src/adapters/query/hot-minutes.ts'
import { nothingBeyond, type RecordsPlanner } from '../../../src/adapters/query/query-ports.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { LandedTable } from '../repair/support/landed-table.ts'
import { poolOver } from '../../support/query-pool.ts'

/** Stops everything on that line, as SIGKILL does. */
class Killed extends Error {}

const limits = { tradesMax: 40, fileRowsMax: 24 }
const hotBytesMax = 2 ** 20
export const zones = new Map([['ASX', 'Australia/Sydney']])

export class RollupWorld {
  readonly events: RollupEvent[] = []
  readonly removed: string[] = []
  /** Statements of queries. */
  readonly statements: string[] = []
  readonly trades: LandedTable
  readonly engine: QueryPool
  /** Of all queries. */
  readonly #hotMinutes = makeHotMinutes(new HotEntries(hotBytesMax, () => 0))
  readonly #scope: Scope.Closeable

  private constructor(trades: LandedTable, engine: QueryPool, scope: Scope.Closeable) {
    this.trades = trades
    this.engine = engine
    this.#scope = scope
  }

  static async open(): Promise<RollupWorld> {
    const trades = await LandedTable.open()
    const scope = Effect.runSync(Scope.make())
    const engine = await Effect.runPromise(
      poolOver(trades.folder, { connections: 2, deadlineMsMax: 60_000 }).pipe(Scope.provide(scope))
    )
    return new RollupWorld(trades, engine, scope)
  }

  async close(): Promise<void> {
    await Effect.runPromise(Scope.close(this.#scope, Exit.void))
    await this.trades.close()
    rmSync(this.trades.folder, { recursive: true })
  }

  openMinutes(): Promise<Table> {
    return Effect.runPromise(openTable(candlesTable, this.#context))
  }

  /**
   * A process of its own takes steps, until nothing is left to do or it is killed at a durable
   * step of that number, before or after it takes effect.
   */
  async rollup(options: { readonly killAt?: number; readonly stepsMax?: number } = {}) {
    const { killAt = Infinity, stepsMax = 1_000 } = options
    const minutes = killing(await this.openMinutes(), killAt)
    const trades = await Effect.runPromise(openTable(tradesSpec, this.#context))
    const program = Effect.gen({ self: this }, function* () {
      const folder = dataFolderAt(this.trades.folder)
      const ports = yield* openRollup({
        trades,
        minutes,
        stores: yield* openStores({}, folder, Date.now),
        folder,
        keepsCopies: false,
        copiesBytesMax: 2 ** 20,
        uuid: randomUUID,
        nowMs: Date.now,
        observe: (event) => this.events.push(event),
        onRemoved: (locations) => this.removed.push(...locations),
        limits
      })
      for (let step = 0; step < stepsMax; step += 1) {
        if ((yield* rollupStep(ports)) === 'covered') return 'covered' as const
      }
      return 'more' as const
    })
    const exit = await Effect.runPromiseExit(Effect.scoped(program))
    if (Exit.isSuccess(exit)) return exit.value
    if (exit.cause.toString().includes('Killed') || killAt !== Infinity) return 'killed' as const
    throw new Error(JSON.stringify(exit.cause))
  }

  /** Queries over both tables; `wrap` changes what leases of the trades say. */
  async query(
    newest: ReadonlyMap<string, number>,
    wrap: (planner: RecordsPlanner<never>) => RecordsPlanner<never> = (it) => it
  ) {
    const minutes = await this.openMinutes()
    const trades = await Effect.runPromise(openTable(tradesSpec, this.#context))
    const folder = dataFolderAt(this.trades.folder)
    const stores = await Effect.runPromise(openStores({}, folder, Date.now))
    const copies = await Effect.runPromise(
      Effect.scoped(openLocalCopies(stores, folder, 2 ** 20))
    )
    const planner = (table: Table, schema: AvroRecord) =>
      leasesOf(table, columnsOf(schema), copies) as RecordsPlanner<never>
    const engine: QueryPool = {
      ...this.engine,
      run: (query) => {
        this.statements.push(query.sql)
        return this.engine.run(query)
      }
    }
    return candlesQueryOver<never>({
      tables: { trades, candles: minutes },
      engine,
      zones,
      trades: wrap(planner(trades, tradesSpec.schema)),
      minutes: planner(minutes, candlesTable.schema),
      hotMinutes: this.#hotMinutes,
      gaps: { acquire: () => Effect.succeed(noGaps) },
      sequencesAt: () => Effect.succeed(sequencesOf(newest))
    })
  }

  get #context() {
    return {
      folder: dataFolderAt(this.trades.folder),
      storage: {},
      snapshotsMax: 10,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: () => undefined
    }
  }
}

const noGaps = {
  snapshotId: null,
  files: [],
  source: 'read_parquet($files)',
  read: <A, E>(_: unknown, use: Effect.Effect<A, E>) => use,
  beyond: nothingBeyond,
  release: () => {}
}

/** As if nothing were missing. */
const sequencesOf = (newest: ReadonlyMap<string, number>) =>
  Object.fromEntries(
    [...newest].map(([key, newestUs]) => [
      key,
      {
        held: [],
        epochs: [
          { number: 0, startUs: 0, low: 1, high: 2, newestUs, holes: [], writtenOffIds: 0 }
        ]
      }
    ])
  )

/** Rows of the log that no file has yet, as the tail would say it. */
export const tailSql = (trades: readonly TradeV2[]): string => {
  const text = (value: string) => `'${value}'`
  const decimal = (value: bigint) => {
    const digits = String(value < 0n ? -value : value).padStart(9, '0')
    const sign = value < 0n ? '-' : ''
    return `'${sign}${digits.slice(0, -8)}.${digits.slice(-8)}'::DECIMAL(18,8)`
  }
  const rows = trades.map((it) =>
    [
      text(it.exchange),
      text(it.symbol),
      `make_timestamptz(${it.timestamp})`,
      decimal(it.price),
      decimal(it.quantity),
      text(it.side),
      it.source_sequence ?? 'NULL::BIGINT',
      text(it.message_id)
    ].join(', ')
  )
  return `SELECT * FROM (VALUES ${rows.map((row) => `(${row})`).join(', ')})
    AS tail(exchange, symbol, timestamp, price, quantity, side, source_sequence, message_id)`
}

const killing = (table: Table, killAt: number): Table => {
  let steps = 0
  const step = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      steps += 1
      if (steps === 2 * killAt) throw new Killed()
      return Effect.tap(effect, () =>
        Effect.sync(() => {
          if (steps === 2 * killAt + 1) throw new Killed()
        })
      )
    })
  const { files, catalog } = table.ports
  return {
    ...table,
    ports: {
      ...table.ports,
      files: { ...files, writeNew: (location, bytes) => step(files.writeNew(location, bytes)) },
      catalog: {
        ...catalog,
        prepare: (identifier, commit) =>
          Effect.map(step(catalog.prepare(identifier, commit)), (prepared) => ({
            ...prepared,
            commit: step(prepared.commit)
          }))
      }
    }
  }
}
