/**
 * Reads the rows of a span in slices of time, and gives them as blocks of text, in their order.
 *
 * 1. Where a slice is of files alone its rows are found once and their text comes part by part, as
 *    it is taken. What may have rows of the tail is read at once, since others wait for the engine
 *    that has them; of more rows than guessed so many are read, and then those behind them.
 * 2. While the blocks of a slice are taken, the next one is opened; nothing else is read while a
 *    block waits to be taken.
 * 3. Rows of the span that are there no more end it with a failure. A later lease may lack some for
 *    a while, where the tail was let go or is behind: they are waited for.
 */
import * as Effect from 'effect/Effect'
import * as Scope from 'effect/Scope'
import { openAhead, type OpenedAhead } from './open-ahead.ts'
import type { RecordPosition } from './newest-first.ts'
import { fieldsNamed, type LineFrame, type RecordField } from './record-json.ts'
import type { RecordsFilter } from './records-sql.ts'
import { Cuts, type From, type SliceAtOnce, type SliceRange } from './replay-cuts.ts'
import { makePace, type Pace } from './replay-pace.ts'
import type { ReplayClock, ReplayPin } from './replay-pin.ts'
import { rowsInTime } from './replay-slices.ts'
import { PointNotReached } from './read-point.ts'
import { type ReplayFault, RowsRemoved } from './replay-faults.ts'
import { reaches } from './records-view.ts'
import { partsOfSpan, rowsOfSpan, type Span } from './replay-span.ts'
import { type Block, blocksOf, linesStatement, sliceStatement } from './replay-sql.ts'
import type {
  BytesEngine,
  RecordsLease,
  RecordsPlanner,
  ScanFile,
  TextsEngine
} from './query-ports.ts'

export interface ReplayRequest {
  readonly filter: Pick<RecordsFilter, 'symbols' | 'exchanges' | 'fromUs' | 'toUs'>
  /** Names, in the order of a line; default: all. */
  readonly fields?: readonly string[] | undefined
  readonly frame: LineFrame
  /** Times as fast as the records came; absent: as fast as can be. */
  readonly speed?: number | undefined
  readonly isLive: boolean
}

export interface ReplayPorts<PlanError, EngineError> {
  readonly planner: RecordsPlanner<PlanError>
  readonly engine: BytesEngine<EngineError>
  /** For rows of files alone, each of which is read once; absent: all are read as if of a tail. */
  readonly filesEngine?: BytesEngine<EngineError> & TextsEngine<EngineError>
  readonly fields: readonly RecordField[]
  readonly clock: ReplayClock
  /** Of a block, about. */
  readonly blockBytesMax?: number
  /** Whether others need the engine: the next slice is then not opened meanwhile. */
  readonly isBusy?: () => boolean
  /** Blocks that were sent are garbage, of which some MiB wait for a collection otherwise. */
  readonly releaseBuffers?: () => void
}

export type Sent = Pick<Block, 'bytes' | 'count'> & Partial<Pick<Block, 'firstUs'>>

interface Taker {
  readonly rows: (block: Sent) => Effect.Effect<void>
  /** Nothing is due for a while. */
  readonly idle: Effect.Effect<void>
}

const blockBytesDefault = 6 * 2 ** 20
/** Whoever waits for longer is told. */
export const idleMs = 15_000
const dayUs = 86_400_000_000
const dayOf = (us: number): number => Math.floor(us / dayUs)
const notReachedMsMax = 30_000
const notReachedRestMs = 250
/** Of paced replays, whose rows are sent one by one. */
const pacedBlockMs = 20
/** Blocks that were sent are let go when there are so many. */
const sentBytesMax = 4 * 2 ** 20

/** A slice whose rows are found. */
interface OpenSlice<E> {
  readonly next: Effect.Effect<Sent | undefined, E>
  /** Where the next slice begins; undefined behind the last. */
  readonly rest: From | undefined
  readonly isAlone: boolean
  /** Where only its end tells how much was in it. */
  readonly learn?: (found: number, bytes: number) => void
}

type Opening<PlanError, EngineError> = OpenedAhead<
  OpenSlice<EngineError>,
  PlanError | EngineError | ReplayFault
>

export class ReplayReader<PlanError, EngineError> {
  readonly ports: ReplayPorts<PlanError, EngineError>
  readonly request: ReplayRequest
  readonly taker: Taker
  readonly pin: ReplayPin<PlanError>
  readonly fields: readonly RecordField[]
  readonly #cuts: Cuts
  pace: Pace | undefined
  /** Rows sent. */
  count = 0
  #sentBytes = 0

  constructor(
    ports: ReplayPorts<PlanError, EngineError>,
    request: ReplayRequest,
    taker: Taker,
    pin: ReplayPin<PlanError>
  ) {
    this.ports = ports
    this.request = request
    this.taker = taker
    this.pin = pin
    const { filter, fields: names, speed } = request
    this.fields = fieldsNamed(ports.fields, names)
    this.#cuts = new Cuts(filter, {
      blockBytesMax: ports.blockBytesMax ?? blockBytesDefault,
      fieldCount: this.fields.length,
      isPaced: speed !== undefined
    })
    this.pace = speed === undefined ? undefined : makePace(speed, ports.clock)
  }

  /** All rows of the span that the filter meets, in their order. */
  send(span: Span, first: RecordsLease<PlanError>) {
    const days = new Set(span.since === undefined ? first.files.map(dayOfFile) : [])
    const open = (from: From) =>
      openAhead(
        Effect.gen({ self: this }, function* () {
          const lease = yield* this.#leaseWith(span, first)
          if (lease !== first) yield* this.#stillThere(days, from.sinceUs, lease)
          return yield* this.pin.reading(this.#open(from, span, lease))
        })
      )
    const sinceUs = this.request.filter.fromUs ?? -Infinity
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        let current: Opening<PlanError, EngineError> | undefined =
          yield* open({ sinceUs, after: undefined })
        while (current !== undefined) current = yield* this.#sendSlice(current, open)
      })
    )
  }

  /** The first rows of the span behind a position: as many as are wanted, or all there are. */
  page(
    span: Span,
    lease: RecordsLease<PlanError>,
    { after, rowsMax }: { readonly after: RecordPosition | undefined; readonly rowsMax: number }
  ) {
    return Effect.gen({ self: this }, function* () {
      const { fromUs = -Infinity } = this.request.filter
      const inTime = rowsInTime(partsOfSpan(span, lease))
      const page: Block[] = []
      let from: From = { sinceUs: after?.timestampUs ?? fromUs, after }
      for (let left = rowsMax; ; ) {
        const slice = { ...this.#cuts.atOnce(from, inTime), rowsMax: left }
        const { blocks, found } = yield* this.#read(span, lease, slice)
        page.push(...blocks)
        left -= found
        if (left === 0 || slice.isLast) return page
        from = { sinceUs: slice.untilUs, after: undefined }
      }
    })
  }

  /** Gives the slice behind it. */
  #sendSlice(
    { opened, close }: Opening<PlanError, EngineError>,
    open: (from: From) => Effect.Effect<Opening<PlanError, EngineError>, never, Scope.Scope>
  ) {
    return Effect.gen({ self: this }, function* () {
      const { rest, isAlone, next, learn } = yield* opened
      const ahead = rest === undefined || isAlone ? undefined : yield* open(rest) // (2)
      let [found, foundBytes] = [0, 0]
      // A block that is held by what was run for it outlives collections of what is young.
      for (let block = yield* next; block !== undefined; block = yield* next) {
        const { count, bytes } = block
        const { length } = bytes
        if (block.firstUs !== undefined) yield* this.#due(block.firstUs)
        yield* this.taker.rows(block)
        this.#noteSent(count, length)
        found += count
        foundBytes += length
      }
      learn?.(found, foundBytes)
      yield* close
      return ahead ?? (rest && (yield* open(rest)))
    })
  }

  /** (1) */
  #open(from: From, span: Span, lease: RecordsLease<PlanError>) {
    return Effect.gen({ self: this }, function* () {
      const { filesEngine, isBusy } = this.ports
      const rows = rowsInTime(partsOfSpan(span, lease))
      const tailUs = lease.beyond.tail?.timestampLowerUs ?? Infinity
      const isPaced = this.pace !== undefined
      const isAlone = isPaced || isBusy?.() === true
      const hasBounds = Number.isFinite(Math.max(from.sinceUs, rows.oldestUs))
      if (filesEngine !== undefined && !isPaced && hasBounds && from.sinceUs < tailUs) {
        const slice = this.#cuts.streamed(from, rows, tailUs)
        const next = yield* this.#stream(filesEngine, span, lease, slice)
        const learn = (found: number, bytes: number) => this.#cuts.learn(found, bytes, slice)
        return { next, rest: restOf(slice), isAlone, learn }
      }
      const slice = this.#cuts.atOnce(from, rows)
      const { blocks, found } = yield* this.#read(span, lease, slice)
      const left = [...blocks]
      const next = Effect.sync(() => left.shift())
      const last = blocks.at(-1)?.last
      const rest =
        found === slice.rowsMax && last !== undefined
          ? { sinceUs: last.timestampUs, after: last }
          : restOf(slice)
      return { next, rest, isAlone }
    })
  }

  /** (3) */
  #leaseWith(span: Span, first: RecordsLease<PlanError>) {
    return Effect.gen({ self: this }, function* () {
      const { nowMs, sleep } = this.ports.clock
      for (const startedMs = nowMs(); ; yield* sleep(notReachedRestMs)) {
        const lease = yield* this.pin.current
        if (lease === first || reaches(lease.beyond.watermarks, span.to.watermarks)) return lease
        this.pin.release()
        if (nowMs() - startedMs > notReachedMsMax) return yield* new PointNotReached()
      }
    })
  }

  /** (3) Whole days are removed at a time. */
  #stillThere(days: ReadonlySet<number>, sinceUs: number, { files }: RecordsLease<PlanError>) {
    const left = new Set(files.map(dayOfFile))
    const missed = [...days].filter(
      (day) => Number.isFinite(day) && day >= dayOf(sinceUs) && !left.has(day)
    )
    // Merging may have narrowed the bounds of files so that none can meet the filter any more.
    return Effect.forEach(missed, (day) =>
      Effect.acquireUseRelease(
        this.ports.planner.acquire({ fromUs: day * dayUs, toUs: (day + 1) * dayUs }),
        (lease) =>
          lease.files.length > 0
            ? Effect.void
            : Effect.fail(new RowsRemoved({ day: isoDay(day) })),
        (lease) => Effect.sync(() => lease.release())
      )
    )
  }

  #linesOf({ sinceUs, untilUs, after }: SliceRange) {
    const { frame, filter } = this.request
    const { symbols, exchanges } = filter
    return {
      fields: this.fields,
      frame,
      after,
      filter: {
        ...(symbols === undefined ? {} : { symbols }),
        ...(exchanges === undefined ? {} : { exchanges }),
        ...(sinceUs === -Infinity ? {} : { fromUs: sinceUs }),
        ...(untilUs === Infinity ? {} : { toUs: untilUs })
      }
    }
  }

  #stream(
    { texts }: TextsEngine<EngineError>,
    span: Span,
    lease: RecordsLease<PlanError>,
    slice: SliceRange
  ) {
    return Effect.gen({ self: this }, function* () {
      const { files, sources } = rowsOfSpan(span, lease, slice)
      if (sources.length === 0) return Effect.succeed(undefined)
      const statement = linesStatement({ sources, ...this.#linesOf(slice) })
      const opening = Scope.provide(texts(statement), yield* Effect.scope)
      const { next } = yield* lease.read(files, opening)
      return next
    })
  }

  #read(span: Span, lease: RecordsLease<PlanError>, slice: SliceAtOnce) {
    return Effect.gen({ self: this }, function* () {
      const { files, sources, hasTail } = rowsOfSpan(span, lease, slice)
      const { speed } = this.request
      const { engine, filesEngine = engine } = this.ports
      const { runBytes } = hasTail ? engine : filesEngine
      const blockUs =
        this.pace === undefined || speed === undefined
          ? undefined
          : Math.max(1, Math.floor(speed * pacedBlockMs * 1_000))
      const lines = { sources, ...this.#linesOf(slice) }
      const statement = sliceStatement({ ...lines, rowsMax: slice.rowsMax, blockUs })
      const blocks =
        sources.length === 0 ? [] : blocksOf(yield* lease.read(files, runBytes(statement)))
      const found = blocks.reduce((sum, { count }) => sum + count, 0)
      this.#cuts.learn(found, blocks.reduce((sum, { bytes }) => sum + bytes.length, 0), slice)
      return { blocks, found }
    })
  }

  /** Until a row of that time is due; who waits for long is told. */
  #due(us: number) {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const waitMs = this.pace?.waitMs(us) ?? 0
        if (waitMs <= 0) return
        yield* this.ports.clock.sleep(Math.min(waitMs, idleMs))
        if (waitMs > idleMs) yield* this.taker.idle
      }
    })
  }

  #noteSent(count: number, bytes: number): void {
    this.count += count
    this.#sentBytes += bytes
    if (this.#sentBytes < sentBytesMax) return
    this.#sentBytes = 0
    this.ports.releaseBuffers?.()
  }
}

const restOf = ({ isLast, untilUs }: SliceRange): From | undefined =>
  isLast ? undefined : { sinceUs: untilUs, after: undefined }

/** Files lie within a day each (R22). */
const dayOfFile = ({ timestampLowerUs }: ScanFile): number => dayOf(timestampLowerUs)

const isoDay = (day: number): string => new Date((day * dayUs) / 1_000).toISOString().slice(0, 10)
