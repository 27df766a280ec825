/**
 * The instruments that the table holds.
 *
 * 1. A file is asked once for its symbols: files never change, so the answer is kept for as long as
 *    the file is in the table.
 * 2. Base and quote asset are what the venue said in a landed trade, never guessed from letters.
 */
import * as Effect from 'effect/Effect'
import type { Cell, QueryEngine, ScanFile, ScanLease, ScanPlanner } from './query-ports.ts'

interface ListedInstrument {
  readonly symbol: string
  readonly exchange: string
  /** null where no trade named it. */
  readonly baseAsset: string | null
  /** The currency of the price. */
  readonly quoteAsset: string
}

interface SymbolsPage {
  readonly snapshotId: string | null
  /** By symbol, then exchange. */
  readonly instruments: readonly ListedInstrument[]
  /** What cannot be answered now, in words. */
  readonly missing: readonly string[]
}

export interface SymbolsQuery<E> {
  readonly list: (filter: { readonly exchange?: string }) => Effect.Effect<SymbolsPage, E>
}

/** Files asked in one statement; a table of many files is asked in turns. */
const filesPerStatement = 256

export const makeSymbolsQuery = <PlanError, EngineError>(ports: {
  readonly planner: ScanPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
}): SymbolsQuery<PlanError | EngineError> => {
  const cache: Cache = { keysByPath: new Map(), instruments: new Map() }
  return {
    list: ({ exchange }) =>
      Effect.acquireUseRelease(
        ports.planner.acquire({}),
        (lease) =>
          learn(cache, ports.engine, lease).pipe(
            Effect.andThen(inTail(cache, ports.engine, lease)),
            Effect.map((tailKeys) => ({
              snapshotId: lease.snapshotId,
              instruments: known(cache, lease.files, tailKeys).filter(
                (instrument) => exchange === undefined || instrument.exchange === exchange
              ),
              missing: lease.beyond.missing
            }))
          ),
        (lease) => Effect.sync(() => lease.release())
      )
  }
}

interface Cache {
  readonly keysByPath: Map<string, readonly string[]>
  readonly instruments: Map<string, ListedInstrument>
}

const learn = <PlanError, EngineError>(
  cache: Cache,
  engine: QueryEngine<EngineError>,
  { files, read }: ScanLease<PlanError>
) =>
  Effect.gen(function* () {
    const live = new Map(files.map((file) => [file.path, file]))
    for (const path of cache.keysByPath.keys()) if (!live.has(path)) cache.keysByPath.delete(path)
    const unread = [...live.values()].filter(({ path }) => !cache.keysByPath.has(path))
    for (let from = 0; from < unread.length; from += filesPerStatement) {
      const group = unread.slice(from, from + filesPerStatement)
      yield* read(group, learnFiles(cache, engine, group.map(({ path }) => path)))
    }
  })

const learnFiles = Effect.fnUntraced(function* <E>(
  { keysByPath, instruments }: Cache,
  engine: QueryEngine<E>,
  paths: readonly string[]
) {
  const rows = yield* engine.run({
    sql: `SELECT filename, "exchange", "symbol", any_value("currency")
      FROM read_parquet($files, filename = true) GROUP BY ALL`,
    parameters: { files: { type: 'texts', value: paths } }
  })
  const found = new Map<string, string[]>(paths.map((path) => [path, []]))
  const unknown = new Map<string, { readonly path: string; readonly row: readonly Cell[] }>()
  for (const row of rows) {
    const [path, exchange, symbol] = row.map(String) as [string, string, string]
    const key = keyOf(exchange, symbol)
    found.get(path)?.push(key)
    if (!instruments.has(key) && !unknown.has(key)) unknown.set(key, { path, row })
  }
  const baseAssets = yield* baseAssetsOf(
    engine,
    [...unknown.values()].map(({ path }) => path)
  )
  for (const [key, { row }] of unknown) {
    const [, exchange, symbol, quoteAsset] = row.map(String) as [string, string, string, string]
    instruments.set(key, { symbol, exchange, baseAsset: baseAssets.get(key) ?? null, quoteAsset })
  }
  for (const [path, keys] of found) keysByPath.set(path, keys)
})

/** Keys of what has not come into a file yet. */
const inTail = <PlanError, EngineError>(
  { instruments }: Cache,
  engine: QueryEngine<EngineError>,
  { beyond: { tail } }: ScanLease<PlanError>
): Effect.Effect<readonly string[], EngineError> =>
  tail === undefined
    ? Effect.succeed([])
    : engine
        .run({
          sql: `SELECT "exchange", "symbol", any_value("currency"),
              any_value("vendor_data"['base_asset'])
            FROM (${tail.sql}) GROUP BY ALL`,
          parameters: tail.parameters
        })
        .pipe(
          Effect.map((rows) =>
            rows.map(([exchangeCell, symbolCell, currency, base = null]) => {
              const [exchange, symbol] = [String(exchangeCell), String(symbolCell)]
              const key = keyOf(exchange, symbol)
              const baseAsset = base === null ? null : String(base)
              if (!instruments.has(key))
                instruments.set(key, { symbol, exchange, baseAsset, quoteAsset: String(currency) })
              return key
            })
          )
        )

/** Maps are dear to read: only one file for each instrument that was never seen before. */
const baseAssetsOf = <E>(
  engine: QueryEngine<E>,
  paths: readonly string[]
): Effect.Effect<ReadonlyMap<string, string>, E> =>
  paths.length === 0
    ? Effect.succeed(new Map())
    : engine
        .run({
          sql: `SELECT "exchange", "symbol", any_value("vendor_data"['base_asset'])
            FROM read_parquet($files) WHERE "vendor_data"['base_asset'] IS NOT NULL GROUP BY ALL`,
          parameters: { files: { type: 'texts', value: [...new Set(paths)] } }
        })
        .pipe(
          Effect.map(
            (rows) =>
              new Map(
                rows.map(([exchange, symbol, base]) => [
                  keyOf(String(exchange), String(symbol)),
                  String(base)
                ])
              )
          )
        )

const known = (
  { keysByPath, instruments }: Cache,
  files: readonly ScanFile[],
  tailKeys: readonly string[]
): ListedInstrument[] => {
  const keys = new Set([...files.flatMap(({ path }) => keysByPath.get(path) ?? []), ...tailKeys])
  return [...keys]
    .flatMap((key) => instruments.get(key) ?? [])
    .sort(
      (left, right) => compare(left.symbol, right.symbol) || compare(left.exchange, right.exchange)
    )
}

const keyOf = (exchange: string, symbol: string): string =>
  `${exchange.length}:${exchange}:${symbol}`

const compare = (left: string, right: string): number => Number(left > right) - Number(left < right)
