/**
 * Sequence tracking for streams whose venue numbers its records: tells next, gap, late, duplicate
 * and held apart, from record contents and log order alone, never from a clock (R7). What follows
 * is of ids without gaps, as trades have them; `increasing-sequence.ts` has the kind of quotes.
 *
 * 1. An id is landed at most once per epoch: it is inside [low, high] and in no hole from then on.
 * 2. Holes are disjoint, ascending, inside (low, high), and at most `holesMax`;
 *    beyond that the oldest is written off, so that a late arrival of it counts
 *    as a duplicate and cannot land twice.
 * 3. One corrupt id changes nothing: a jump of more than `jumpMax` ids, and an id at or below the
 *    high-water that is newer in exchange time, are held until `confirmationsMin` consecutive ids
 *    agree. What is not confirmed is refused, one by one.
 * 4. A record belongs to the newest epoch that began no later than the record's exchange time, so a
 *    resend from before a venue's id restart is still recognised after it.
 */

export interface SequenceLimits {
  /** A longer jump is suspicious. Ids. */
  readonly jumpMax: number
  /** Open holes kept per symbol. */
  readonly holesMax: number
}

export const defaultSequenceLimits: SequenceLimits = { jumpMax: 1_000_000, holesMax: 10_000 }

/** Consecutive ids that turn a suspicion into a fact. */
const confirmationsMin = 3
/** Epochs remembered per symbol; what is older than the oldest start counts as a duplicate. */
const epochsMax = 8

/** Spans of written-off ids remembered per epoch; beyond that the oldest two become one. */
const writtenOffSpansMax = 256

/**
 * Missing ids, both inclusive, and the exchange times of the trades before and behind them,
 * microseconds; null, or absent from a state that an older K2 has written, where unknown.
 */
export type Hole = [from: number, to: number, afterUs?: number | null, beforeUs?: number | null]

/** Ids that were written off; `ids` is how many of the range, all but where spans became one. */
type WrittenOffSpan = [from: number, to: number, ids: number]

export interface Epoch {
  /** 0 for the first, one more after each restart of the venue's ids. */
  readonly number: number
  /**
   * Exchange time of its first record; records before it belong to the epoch before. Microseconds.
   */
  readonly startUs: number
  low: number
  /** Exchange time of the record with the lowest id, microseconds; absent where unknown. */
  lowUs?: number
  high: number
  /** Newest exchange time among its records. Microseconds. */
  newestUs: number
  holes: Hole[]
  /** Ids given up with holes beyond `holesMax`. */
  writtenOffIds: number
  /** Where those were, in the order in which they were given up; absent where there are none. */
  writtenOff?: WrittenOffSpan[]
}

/**
 * A record that waits for confirmation; `payload` is the caller's, kept because the log moves on.
 */
export interface HeldRecord {
  readonly id: number
  readonly timeUs: number
  readonly payload: string
}

/**
 * JSON-safe state of one symbol. Folding changes it in place: work on a copy that can be dropped.
 */
export interface SymbolSequence {
  /** Oldest first. */
  epochs: Epoch[]
  held: HeldRecord[]
}

interface Arrival {
  readonly id: number
  readonly timeUs: number
  /** Called only when the record is held. */
  readonly payload: () => string
}

export type Outcome =
  /** `gapIds` is how many ids the arrival skipped. */
  | { readonly kind: 'next'; readonly epoch: number; readonly gapIds: number }
  | { readonly kind: 'late'; readonly epoch: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'held' }
  /** A suspicion became a fact: `released` land, in order, before the arrival, in `epoch`. */
  | {
      readonly kind: 'confirmed'
      readonly epoch: number
      readonly released: readonly HeldRecord[]
      readonly reason: 'jump' | 'restart' | 'history'
    }

interface Step {
  readonly outcome: Outcome
  /** Held records that the arrival contradicts: each goes to the dead-letter log. */
  readonly refused: readonly HeldRecord[]
}

export const emptySequence = (): SymbolSequence => ({ epochs: [], held: [] })

/** What the kinds of sequences differ in (R12). */
export interface SequenceKind {
  readonly suspicionOf: (
    epoch: Epoch,
    isNewest: boolean,
    arrival: Arrival,
    limits: SequenceLimits
  ) => Suspicion | undefined
  /** Whether a suspicious arrival only repeats what is held already. */
  readonly isHeld: (
    held: readonly HeldRecord[],
    arrival: Arrival,
    limits: SequenceLimits
  ) => boolean
  /** Whether an id confirms the one that is held before it. */
  readonly follows: (heldId: number, id: number, limits: SequenceLimits) => boolean
  /** Puts an id that is not suspicious into its epoch. */
  readonly place: (epoch: Epoch, record: PlacedRecord, limits: SequenceLimits) => Placed
}

interface PlacedRecord {
  readonly id: number
  readonly timeUs: number
}

export type Placed = Extract<Outcome, { kind: 'next' | 'late' | 'duplicate' }>

/** Folds one arrival into the state, in log order. */
export type FoldArrival = (
  state: SymbolSequence,
  arrival: Arrival,
  limits?: SequenceLimits
) => Step

export const foldBy =
  (kind: SequenceKind): FoldArrival =>
  (state, arrival, limits = defaultSequenceLimits) => {
    const epoch = epochOf(state, arrival)
    if (epoch === 'forgotten') return { outcome: duplicate, refused: [] }
    if (epoch === undefined) {
      state.epochs.push(newEpoch(0, Number.MIN_SAFE_INTEGER, arrival))
      return landed(0)
    }
    const suspicion = kind.suspicionOf(epoch, epoch === state.epochs.at(-1), arrival, limits)
    if (suspicion !== undefined) {
      return foldSuspicious(state, epoch, arrival, { kind, suspicion, limits })
    }
    const refused = takeHeld(state)
    const outcome = kind.place(epoch, arrival, limits)
    return refused.length === 0 && outcome.kind === 'next' && outcome.gapIds === 0
      ? landed(outcome.epoch)
      : { outcome, refused }
  }

/**
 * The common case alone: the id that follows the newest one, of a symbol whose ids never restarted.
 * True: folded, as `foldArrival` would have as `next` without a gap. False: nothing has changed.
 */
export const foldNext = (state: SymbolSequence, id: number, timeUs: number): boolean => {
  const epoch = state.epochs[0]
  if (epoch === undefined || state.epochs.length > 1 || epoch.number > 0) return false
  if (id !== epoch.high + 1 || timeUs < epoch.startUs || state.held.length > 0) return false
  epoch.high = id
  if (timeUs > epoch.newestUs) epoch.newestUs = timeUs
  return true
}

/** Ids that the state knows to be missing. */
export const openIds = (state: SymbolSequence): number =>
  state.epochs.reduce(
    (sum, epoch) => epoch.holes.reduce((total, [from, to]) => total + to - from + 1, sum),
    0
  )

export const duplicate = { kind: 'duplicate' } as const
const nothing: readonly HeldRecord[] = []

/** The common case shares one object per epoch: nothing is allocated for a record in sequence. */
const inSequence: Step[] = []
const landed = (epoch: number): Step =>
  (inSequence[epoch] ??= { outcome: { kind: 'next', epoch, gapIds: 0 }, refused: nothing })

const newEpoch = (
  number: number,
  startUs: number,
  first: { id: number; timeUs: number }
): Epoch => ({
  number,
  startUs,
  low: first.id,
  lowUs: first.timeUs,
  high: first.id,
  newestUs: first.timeUs,
  holes: [],
  writtenOffIds: 0
})

const epochOf = (state: SymbolSequence, arrival: Arrival): Epoch | undefined | 'forgotten' => {
  for (let index = state.epochs.length - 1; index >= 0; index--) {
    const epoch = state.epochs[index]!
    if (arrival.timeUs >= epoch.startUs) return epoch
  }
  return state.epochs.length === 0 ? undefined : 'forgotten'
}

type Suspicion = 'jump' | 'restart' | 'history'

const foldSuspicious = (
  state: SymbolSequence,
  epoch: Epoch,
  arrival: Arrival,
  {
    kind,
    suspicion,
    limits
  }: { kind: SequenceKind; suspicion: Suspicion; limits: SequenceLimits }
): Step => {
  if (kind.isHeld(state.held, arrival, limits)) return { outcome: duplicate, refused: nothing }
  const last = state.held.at(-1)
  const continues = last !== undefined && kind.follows(last.id, arrival.id, limits)
  const refused = continues ? nothing : takeHeld(state)
  if (state.held.length + 1 < confirmationsMin) {
    state.held.push({ id: arrival.id, timeUs: arrival.timeUs, payload: arrival.payload() })
    return { outcome: { kind: 'held' }, refused }
  }
  const released = takeHeld(state)
  const target = suspicion === 'restart' ? openEpoch(state, epoch, released[0]!) : epoch
  for (const record of suspicion === 'restart' ? released.slice(1) : released) {
    kind.place(target, record, limits)
  }
  kind.place(target, arrival, limits)
  return {
    outcome: { kind: 'confirmed', epoch: target.number, released, reason: suspicion },
    refused
  }
}

const openEpoch = (state: SymbolSequence, previous: Epoch, first: HeldRecord): Epoch => {
  const epoch = newEpoch(previous.number + 1, first.timeUs, first)
  state.epochs.push(epoch)
  if (state.epochs.length > epochsMax) state.epochs.shift()
  return epoch
}

const takeHeld = (state: SymbolSequence): readonly HeldRecord[] => {
  if (state.held.length === 0) return nothing
  const { held } = state
  state.held = []
  return held
}

const placeConsecutive = (
  epoch: Epoch,
  { id, timeUs }: PlacedRecord,
  limits: SequenceLimits
): Placed => {
  if (id > epoch.high) {
    const gapIds = id - epoch.high - 1
    if (gapIds > 0) {
      const hole: Hole = [epoch.high + 1, id - 1, epoch.newestUs, timeUs]
      addHole(epoch, epoch.holes.length, hole, limits)
    }
    epoch.high = id
    if (timeUs > epoch.newestUs) epoch.newestUs = timeUs
    return { kind: 'next', epoch: epoch.number, gapIds }
  }
  if (id < epoch.low) {
    if (id + 1 < epoch.low) {
      addHole(epoch, 0, [id + 1, epoch.low - 1, timeUs, epoch.lowUs ?? null], limits)
    }
    epoch.low = id
    epoch.lowUs = timeUs
    return { kind: 'late', epoch: epoch.number }
  }
  const index = holeAt(epoch.holes, id)
  if (index === -1) return duplicate
  narrow(epoch, index, { id, timeUs }, limits)
  return { kind: 'late', epoch: epoch.number }
}

const addHole = (epoch: Epoch, index: number, hole: Hole, limits: SequenceLimits): void => {
  epoch.holes.splice(index, 0, hole)
  if (epoch.holes.length <= limits.holesMax) return
  const [from, to] = epoch.holes.shift()!
  const ids = to - from + 1
  epoch.writtenOffIds += ids
  const spans = (epoch.writtenOff ??= [])
  spans.push([from, to, ids])
  if (spans.length <= writtenOffSpansMax) return
  const [[from1, to1, ids1], [from2, to2, ids2]] = spans as [WrittenOffSpan, WrittenOffSpan]
  spans.splice(0, 2, [Math.min(from1, from2), Math.max(to1, to2), ids1 + ids2])
}

const narrow = (
  epoch: Epoch,
  index: number,
  { id, timeUs }: PlacedRecord,
  limits: SequenceLimits
): void => {
  const [from, to, afterUs = null, beforeUs = null] = epoch.holes[index]!
  epoch.holes.splice(index, 1)
  if (id < to) epoch.holes.splice(index, 0, [id + 1, to, timeUs, beforeUs])
  if (from < id) addHole(epoch, index, [from, id - 1, afterUs, timeUs], limits)
}

/** Index of the hole that contains the id, or -1. */
const holeAt = (holes: readonly Hole[], id: number): number => {
  let left = 0
  let right = holes.length - 1
  while (left <= right) {
    const middle = (left + right) >> 1
    const [from, to] = holes[middle]!
    if (id < from) right = middle - 1
    else if (id > to) left = middle + 1
    else return middle
  }
  return -1
}

const suspicionOf = (
  epoch: Epoch,
  isNewest: boolean,
  arrival: Arrival,
  limits: SequenceLimits
): Suspicion | undefined => {
  if (arrival.id > epoch.high + limits.jumpMax) return 'jump'
  if (isNewest && arrival.id <= epoch.high && arrival.timeUs > epoch.newestUs) return 'restart'
  return arrival.id < epoch.low - limits.jumpMax ? 'history' : undefined
}

/** Ids without gaps: trades. */
export const foldArrival = foldBy({
  suspicionOf,
  isHeld: (held, arrival) =>
    held.some(({ id, timeUs }) => id === arrival.id && timeUs === arrival.timeUs),
  follows: (heldId, id) => id === heldId + 1,
  place: placeConsecutive
})
