/**
 * Reads the rows of a span in slices of time, and gives them as blocks of text, in their order.
 *
 * 1. A slice has about as many rows as a block of so many bytes takes. How they lie in time is
 *    guessed from the bounds of files, and learnt; of one that has more than guessed so many are
 *    read, and then those behind them.
 * 2. Nothing is read while a block waits to be taken.
 * 3. Rows of the span that are there no more end it with a failure. A later lease may lack some for
 *    a while, where the tail was let go or is behind: they are waited for.
 */
import * as Effect from 'effect/Effect'
import type { RecordPosition } from './newest-first.ts'
import { fieldsNamed, type LineFrame, type RecordField } from './record-json.ts'
import type { RecordsFilter } from './records-sql.ts'
import { makePace, type Pace } from './replay-pace.ts'
import type { ReplayClock, ReplayPin } from './replay-pin.ts'
import { type RowsInTime, rowsInTime } from './replay-slices.ts'
import { PointNotReached } from './read-point.ts'
import { RowsRemoved } from './replay-faults.ts'
import { reaches } from './records-view.ts'
import { partsOfSpan, rowsOfSpan, type Span } from './replay-span.ts'
import { type Block, blocksOf, sliceStatement } from './replay-sql.ts'
import type { BytesEngine, RecordsLease, RecordsPlanner, ScanFile } from './query-ports.ts'

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
  /** For rows of files alone, each of which is read once; absent: the same. */
  readonly filesEngine?: BytesEngine<EngineError>
  readonly fields: readonly RecordField[]
  readonly clock: ReplayClock
  /** Of a block, about. */
  readonly blockBytesMax?: number
  /** Whether others wait for the engine: two slices are then not read side by side. */
  readonly isBusy?: () => boolean
  /** Blocks that were sent are garbage, of which some MiB wait for a collection otherwise. */
  readonly releaseBuffers?: () => void
}

interface Taker {
  readonly rows: (block: Block) => Effect.Effect<void>
  /** Nothing is due for a while. */
  readonly idle: Effect.Effect<void>
}

const blockBytesDefault = 6 * 2 ** 20
/** Whoever waits for longer is told. */
export const idleMs = 15_000
const dayUs = 86_400_000_000
const dayOf = (us: number): number => Math.floor(us / dayUs)
/** For the first rows to be there soon. */
const firstRows = 4_096
const growth = 4
/** A line is about so long for each of its fields. */
const fieldBytes = 25
const notReachedMsMax = 30_000
const notReachedRestMs = 250
/** Of paced replays, whose rows are sent one by one. */
const pacedRows = 16_384
const pacedBlockMs = 20

/** Where a slice begins: at a time, and behind a row of it. */
interface From {
  readonly sinceUs: number
  readonly after: RecordPosition | undefined
}

interface SliceRange extends From {
  /** Exclusive. */
  readonly untilUs: number
  readonly rowsMax: number
  /** How many rows files have in it, about. */
  readonly expected: number | undefined
  readonly isLast: boolean
}

export class ReplayReader<PlanError, EngineError> {
  readonly ports: ReplayPorts<PlanError, EngineError>
  readonly request: ReplayRequest
  readonly taker: Taker
  readonly pin: ReplayPin<PlanError>
  readonly fields: readonly RecordField[]
  pace: Pace | undefined
  /** Rows sent. */
  count = 0
  #rowBytes: number
  #wantedRows = firstRows
  /** Of the rows that files have at a time, how many meet the filter. */
  #share = 1

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
    const { fields: names, speed } = request
    this.fields = fieldsNamed(ports.fields, names)
    this.#rowBytes = this.fields.length * fieldBytes
    this.pace = speed === undefined ? undefined : makePace(speed, ports.clock)
  }

  /** All rows of the span that the filter meets, in their order. */
  send(span: Span, first: RecordsLease<PlanError>) {
    return Effect.gen({ self: this }, function* () {
      const days = new Set(span.since === undefined ? first.files.map(dayOfFile) : [])
      let from: From | undefined = {
        sinceUs: this.request.filter.fromUs ?? -Infinity,
        after: undefined
      }
      while (from !== undefined) {
        const lease: RecordsLease<PlanError> = yield* this.#leaseWith(span, first)
        if (lease !== first) yield* this.#stillThere(days, from.sinceUs, lease)
        from = yield* this.#sendFrom(from, span, lease)
      }
    })
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
        const slice = { ...this.#sliceFrom(from, inTime), rowsMax: left }
        const blocks = yield* this.#read(span, lease, slice)
        const found = blocks.reduce((sum, { count }) => sum + count, 0)
        this.#learn(blocks, found, slice.expected)
        page.push(...blocks)
        left -= found
        if (left === 0 || slice.isLast) return page
        from = { sinceUs: slice.untilUs, after: undefined }
      }
    })
  }

  /** Slices that are read side by side; where the next begins, undefined after the last. */
  #sendFrom(from: From, span: Span, lease: RecordsLease<PlanError>) {
    return Effect.gen({ self: this }, function* () {
      const slices = this.#slicesFrom(from, span, lease)
      const read = this.pin.reading(
        Effect.forEach(slices, (slice) => this.#read(span, lease, slice), { concurrency: 2 })
      )
      for (const [index, blocks] of (yield* read).entries()) {
        const { rowsMax, expected, untilUs, isLast } = slices[index]!
        const found = blocks.reduce((sum, { count }) => sum + count, 0)
        this.#learn(blocks, found, expected)
        for (const block of blocks) yield* this.#emit(block)
        const last = blocks.at(-1)?.last
        // How long the next slice is follows from where it begins; what was read of it is too much.
        if (found === rowsMax && last !== undefined)
          return { sinceUs: last.timestampUs, after: last }
        if (isLast) return undefined
        if (index === slices.length - 1) return { sinceUs: untilUs, after: undefined }
      }
      return undefined
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

  #slicesFrom(from: From, span: Span, lease: RecordsLease<PlanError>): readonly SliceRange[] {
    const rows = rowsInTime(partsOfSpan(span, lease))
    const first = this.#sliceFrom(from, rows)
    if (first.isLast || this.pace !== undefined || this.ports.isBusy?.() === true) return [first]
    return [first, this.#sliceFrom({ sinceUs: first.untilUs, after: undefined }, rows)]
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

  get #rowsAtOnce(): number {
    const { blockBytesMax = blockBytesDefault } = this.ports
    const most = Math.max(1, Math.floor(blockBytesMax / this.#rowBytes))
    return Math.min(this.#wantedRows, this.pace === undefined ? most : Math.min(most, pacedRows))
  }

  /** As long as there should be as many rows in it as are read at once. */
  #sliceFrom({ sinceUs, after }: From, rows: RowsInTime): SliceRange {
    const { fromUs = -Infinity, toUs = Infinity } = this.request.filter
    const startUs = Math.max(sinceUs, fromUs, rows.oldestUs)
    const wanted = Math.ceil(this.#rowsAtOnce / this.#share)
    const untilUs = Number.isFinite(startUs) ? rows.until(startUs, wanted) : undefined
    const rowsMax = Math.ceil(this.#rowsAtOnce * 1.5)
    if (untilUs === undefined || untilUs >= toUs)
      return { sinceUs, after, untilUs: toUs, rowsMax, expected: undefined, isLast: true }
    const expected = rows.before(untilUs) - rows.before(startUs)
    return { sinceUs, after, untilUs, rowsMax, expected, isLast: false }
  }

  #read(
    span: Span,
    lease: RecordsLease<PlanError>,
    range: SliceRange
  ): Effect.Effect<readonly Block[], PlanError | EngineError> {
    const { sinceUs, untilUs, after, rowsMax } = range
    const { files, sources, hasTail } = rowsOfSpan(span, lease, range)
    if (sources.length === 0) return Effect.succeed([])
    const { frame, filter, speed } = this.request
    const { symbols, exchanges } = filter
    const statement = sliceStatement({
      sources,
      fields: this.fields,
      frame,
      after,
      rowsMax,
      filter: {
        ...(symbols === undefined ? {} : { symbols }),
        ...(exchanges === undefined ? {} : { exchanges }),
        ...(sinceUs === -Infinity ? {} : { fromUs: sinceUs }),
        ...(untilUs === Infinity ? {} : { toUs: untilUs })
      },
      blockUs:
        this.pace === undefined || speed === undefined
          ? undefined
          : Math.max(1, Math.floor(speed * pacedBlockMs * 1_000))
    })
    const { engine, filesEngine = engine } = this.ports
    const { runBytes } = hasTail ? engine : filesEngine
    return Effect.map(lease.read(files, runBytes(statement)), blocksOf)
  }

  #learn(blocks: readonly Block[], found: number, expected: number | undefined): void {
    this.#wantedRows = Math.min(this.#wantedRows * growth, Number.MAX_SAFE_INTEGER)
    if (expected !== undefined && expected > 0)
      this.#share = Math.min(1, Math.max(found / expected, this.#share / growth, shareMin))
    if (found === 0) return
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
    this.#rowBytes = Math.ceil(bytes / found)
  }

  #emit(block: Block) {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const waitMs = this.pace?.waitMs(block.firstUs) ?? 0
        if (waitMs <= 0) break
        yield* this.ports.clock.sleep(Math.min(waitMs, idleMs))
        if (waitMs > idleMs) yield* this.taker.idle
      }
      yield* this.taker.rows(block)
      this.ports.releaseBuffers?.()
      this.count += block.count
    })
  }
}

const shareMin = 1e-6

/** Files lie within a day each (R22). */
const dayOfFile = ({ timestampLowerUs }: ScanFile): number => dayOf(timestampLowerUs)

const isoDay = (day: number): string => new Date((day * dayUs) / 1_000).toISOString().slice(0, 10)
