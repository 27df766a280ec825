/**
 * One step of the table of candles of minutes towards the trades (R21).
 *
 * 1. The table alone says where to go on: its snapshot names what of the trades it covers, and a
 *    commit takes place only if it still does. Whoever is killed, or overtaken, at whatever point,
 *    begins again with the table, and derives the same.
 * 2. Every minute in which a file that is not covered has a trade is made anew of all its trades,
 *    never added to: a late trade opens its minute again, files that are merged change nothing.
 * 3. A step covers files in the order of their snapshots, as many as have about `tradesMax` rows: a
 *    long past is made step by step. Files after them that end in the same minute come with them:
 *    that minute is made of theirs, too. What a step reads may be newer than what it then covers:
 *    that is made anew by the next one, and queries do not use it until then.
 * 4. A table that covers another history, since the trades were rolled back, is made anew.
 * 5. Each file of an exchange and day that is touched is written anew as a whole, small ones with
 *    it: the table is always laid out, and needs no compaction.
 */
import * as Effect from 'effect/Effect'
import type {
  DayRequest,
  MinutesWriter,
  Stale,
  TableFiles
} from '../../adapters/duckdb/minutes-writer.ts'
import type { RewrittenFile } from '../../adapters/duckdb/parquet-rewriter.ts'
import type { DataFile } from '../../adapters/iceberg/data-file.ts'
import { snapshotById } from '../../adapters/iceberg/metadata.ts'
import type { ScanPlanner } from '../../adapters/iceberg/planner.ts'
import { readRecordedState, type Table } from '../../adapters/iceberg/table.ts'
import { minuteUs } from '../../market/candle.ts'
import type { DataFileStore } from '../lander/data-file-store.ts'
import type { ReadCopies } from '../reading/local-copies.ts'
import { commitMinutes } from './rollup-commit.ts'
import { coveredSequence, coversKey, coverText, parseCover } from './rollup-cover.ts'

type Planned = Effect.Success<ReturnType<ScanPlanner['plan']>>
type PlannedFile = Planned['files'][number]

export interface RollupPorts {
  readonly trades: TableReading
  readonly minutes: TableReading
  readonly writer: MinutesWriter
  /** Takes the new data files. */
  readonly store: DataFileStore
  readonly uuid: () => string
  /** Files that no snapshot names any more; to be deleted, but not at once (R28). */
  readonly onRemoved: (locations: readonly string[]) => void
  readonly observe: (event: RollupEvent) => void
  readonly nowMs: () => number
  readonly limits?: RollupLimits
}

export interface TableReading {
  readonly table: Table
  readonly planner: ScanPlanner
  readonly readerOf: (files: readonly PlannedFile[]) => ReadCopies
  /** Table function over `$files`. */
  readonly source: () => string
}

interface RollupLimits {
  /** Of a step, about (3). */
  readonly tradesMax: number
  /** Of a file, about. */
  readonly fileRowsMax: number
}

export type RollupEvent =
  | {
      readonly type: 'candles.committed'
      readonly minutes: number
      readonly days: number
      readonly files: number
      readonly sequence: number
      readonly snapshotId: string
      readonly tookMs: number
    }
  | { readonly type: 'candles.overtaken'; readonly detail: string }

const rollupLimits: RollupLimits = { tradesMax: 2_000_000, fileRowsMax: 131_072 }

/** Trades that are summed at a time span this long. */
const stretchUs = 3_600_000_000
const dayUs = 86_400_000_000
const partition = 'candles/market.trades/0'

/** `more`: there is more to do, or something else has changed the table. */
export const rollupStep = Effect.fnUntraced(function* (ports: RollupPorts) {
  const startedMs = ports.nowMs()
  const { trades, minutes } = ports
  const { carried } = yield* readRecordedState(minutes.table)
  const cover = parseCover(carried[coversKey])
  const plan = yield* trades.planner.plan({})
  if (plan.snapshotId === null) return 'covered' as const
  const { metadata } = trades.table.loaded
  const covered = coveredSequence(metadata, plan.snapshotId, cover)
  const old = yield* minutes.planner.plan({})
  const isAnew = covered === -Infinity && old.files.length > 0
  const next = nextFiles(plan.files, covered, ports.limits ?? rollupLimits)
  if (next.files.length === 0 && !isAnew) return 'covered' as const
  const sequence = next.isLast
    ? (snapshotById(metadata, plan.snapshotId)?.['sequence-number'] ?? next.sequence)
    : next.sequence
  const kept = isAnew ? [] : old.files
  const reading = { plan, kept, sequence }
  const made = yield* next.files.length === 0
    ? Effect.succeed(nothingMade)
    : makeDays(ports, next.files, reading)
  const outcome = yield* commitMinutes(ports, {
    commitId: ports.uuid(),
    replaced: isAnew ? old.files.map(({ location }) => location) : made.replaced,
    dataFiles: made.dataFiles,
    paths: made.paths,
    summary: { [coversKey]: coverText({ snapshotId: plan.snapshotId.toString(), sequence }) },
    requires: { [coversKey]: carried[coversKey] ?? null }
  })
  if (outcome.kind === 'overtaken') {
    ports.observe({ type: 'candles.overtaken', detail: outcome.detail })
    return 'more' as const
  }
  ports.observe({
    type: 'candles.committed',
    minutes: made.minutes,
    days: made.days,
    files: made.dataFiles.length,
    sequence,
    snapshotId: plan.snapshotId.toString(),
    tookMs: ports.nowMs() - startedMs
  })
  return next.isLast ? ('covered' as const) : ('more' as const)
})

interface NextFiles {
  readonly files: readonly PlannedFile[]
  /** Of the newest of them. */
  readonly sequence: number
  readonly isLast: boolean
}

/** (3) */
const nextFiles = (
  files: readonly PlannedFile[],
  covered: number,
  { tradesMax }: RollupLimits
): NextFiles => {
  const due = files
    .filter(({ sequenceNumber }) => sequenceNumber > covered)
    .sort((left, right) => left.sequenceNumber - right.sequenceNumber)
  let rows = 0
  const end = due.findIndex((file, index) => {
    if (rows >= tradesMax && file.sequenceNumber > due[index - 1]!.sequenceNumber) return true
    rows += file.recordCount
    return false
  })
  const taken = end === -1 ? due : due.slice(0, withinMinute(due, end))
  return {
    files: taken,
    sequence: taken.at(-1)?.sequenceNumber ?? covered,
    isLast: taken.length === due.length
  }
}

/** How many can be taken where `count` are: with those behind them that end in the same minute. */
const withinMinute = (due: readonly PlannedFile[], count: number): number => {
  const minuteOf = (file: PlannedFile) => Math.floor(file.timestampUpperUs / minuteUs)
  const last = Math.max(...due.slice(0, count).map(minuteOf))
  let end = count
  while (end < due.length && minuteOf(due[end]!) <= last) end += 1
  // What one snapshot has added is covered as a whole.
  while (end > count && due[end]?.sequenceNumber === due[end - 1]!.sequenceNumber) end -= 1
  return end
}

interface Made {
  readonly replaced: readonly string[]
  readonly dataFiles: readonly DataFile[]
  readonly paths: readonly string[]
  readonly minutes: number
  readonly days: number
}

const nothingMade: Made = { replaced: [], dataFiles: [], paths: [], minutes: 0, days: 0 }

interface Reading {
  readonly plan: Planned
  /** Of the table of candles. */
  readonly kept: readonly PlannedFile[]
  readonly sequence: number
}

/** Removes what it has written unless it comes to its end; the caller does from then on. */
const makeDays = Effect.fnUntraced(function* (
  ports: RollupPorts,
  due: readonly PlannedFile[],
  { plan, kept, sequence }: Reading
) {
  const { trades, minutes, writer, store, uuid } = ports
  const stale = yield* trades.readerOf(due)(
    due,
    writer.findStale(filesOf(trades, due))
  )
  const runId = uuid()
  const replaced: string[] = []
  const dataFiles: DataFile[] = []
  const paths: string[] = []
  const days = daysOf(stale)
  yield* Effect.forEach(
    days,
    Effect.fnUntraced(function* ({ exchange, day, symbols }, dayIndex) {
      const old = touchedOf(kept, { exchange, day, symbols }, ports.limits ?? rollupLimits)
      const stretches = stretchesOf(stale, exchange, day).map(({ fromUs, toUs, minutes }) => ({
        fromUs,
        toUs,
        files: plan.files.filter((file) => mayHave(file, exchange, minutes))
      }))
      const base = [...new Set(stretches.flatMap(({ files }) => files))]
      const request: DayRequest = {
        exchange,
        day,
        kept: filesOf(minutes, old),
        stretches: stretches.map(({ files, ...times }) => ({
          ...times,
          trades: filesOf(trades, files)
        })),
        partition,
        offset: sequence,
        pathOf: (index) => `${store.folder}/${runId}-${dayIndex}-${index}.parquet`
      }
      const written = yield* trades.readerOf(base)(
        base,
        minutes.readerOf(old)(old, writer.writeDay(request))
      )
      replaced.push(...old.map(({ location }) => location))
      paths.push(...written.map(({ path }) => path))
      dataFiles.push(...written.map((file) => dataFileOf(store, file, { exchange, day })))
    }),
    { discard: true }
  ).pipe(
    Effect.onExit((exit) =>
      exit._tag === 'Success'
        ? Effect.void
        : Effect.forEach(dataFiles, ({ location }) => store.discard(location), { discard: true })
    )
  )
  const counts = { minutes: stale.minutes.length, days: days.length }
  const made: Made = { replaced, dataFiles, paths, ...counts }
  return made
})

const filesOf = ({ source }: TableReading, files: readonly PlannedFile[]): TableFiles => ({
  source: source(),
  paths: files.map(({ path }) => path)
})

interface Day {
  readonly exchange: string
  readonly day: number
  readonly symbols: readonly string[]
}

const daysOf = ({ symbols }: Stale): readonly Day[] => {
  const days = new Map<string, { exchange: string; day: number; symbols: string[] }>()
  for (const { exchange, day, symbol } of symbols) {
    const key = `${exchange} ${day}`
    const known = days.get(key)
    if (known === undefined) days.set(key, { exchange, day, symbols: [symbol] })
    else known.symbols.push(symbol)
  }
  return [...days.values()]
}

/** Files of the day that have a stale symbol, or room for more (5). */
const touchedOf = (
  kept: readonly PlannedFile[],
  { exchange, day, symbols }: Day,
  { fileRowsMax }: RollupLimits
): readonly PlannedFile[] =>
  kept.filter(
    (file) =>
      file.exchange === exchange &&
      Math.floor(file.timestampLowerUs / dayUs) === day &&
      (file.recordCount * 2 < fileRowsMax || symbols.some((symbol) => isWithin(file, symbol)))
  )

/** By their bytes, as the table sorts them. */
const isWithin = ({ symbolLower, symbolUpper }: PlannedFile, symbol: string): boolean => {
  const at = (bound: string | null) =>
    bound === null ? 0 : Buffer.compare(Buffer.from(symbol), Buffer.from(bound))
  return at(symbolLower) >= 0 && at(symbolUpper) <= 0
}

interface Stretch {
  readonly fromUs: number
  readonly toUs: number
  /** Starts of its stale minutes, ascending. */
  readonly minutes: readonly number[]
}

const stretchesOf = ({ minutes }: Stale, exchange: string, day: number): readonly Stretch[] => {
  const stretches = new Map<number, number[]>()
  for (const { exchange: of, minuteUs: startUs } of minutes) {
    if (of !== exchange || Math.floor(startUs / dayUs) !== day) continue
    const key = Math.floor(startUs / stretchUs)
    const known = stretches.get(key)
    if (known === undefined) stretches.set(key, [startUs])
    else known.push(startUs)
  }
  return [...stretches.values()].map((its) => ({
    fromUs: its[0]!,
    toUs: its.at(-1)! + minuteUs,
    minutes: its
  }))
}

const mayHave = (file: PlannedFile, exchange: string, minutes: readonly number[]): boolean =>
  (file.exchange === null || file.exchange === exchange) &&
  minutes.some(
    (startUs) => file.timestampLowerUs < startUs + minuteUs && file.timestampUpperUs >= startUs
  )

const dataFileOf = (
  store: DataFileStore,
  file: RewrittenFile,
  { exchange, day }: Pick<Day, 'exchange' | 'day'>
): DataFile => ({
  location: store.locationOf(file.path),
  recordCount: file.recordCount,
  fileSizeBytes: file.fileSizeBytes,
  partition: { exchange, timestamp_day: day },
  columns: file.columns,
  splitOffsets: file.splitOffsets,
  sorted: true
})
