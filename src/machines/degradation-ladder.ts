/**
 * The ladder of levels: when one is entered, and when it is left for the one below (R38). Pure.
 *
 * 1. Up at once, by any signal, to whatever level it asks for.
 * 2. Down by one level, when every signal is of now and below the leave mark of the present level,
 *    and the cooldown since the last change is over.
 * 3. Who goes up again within two cooldowns of a recovery waits twice as long the next time, eight
 *    times at most; a level that was held for two cooldowns makes that good.
 * 4. The first sample settles the level without a cooldown, from the one that was commanded before;
 *    not below it while a signal is not of now (R39).
 */
import {
  enterMark,
  leaveMark,
  type Marks,
  type Rank,
  type Reading,
  pressureOf
} from './pressure-marks.ts'

export interface Ladder {
  readonly rank: Rank
  /** Of the last change; null before the first sample. */
  readonly changedMs: number | null
  readonly recoveredMs: number | null
  /** How many times the cooldown is taken (3). */
  readonly cooldownTimes: number
}

export const ladderAt = (rank: Rank): Ladder => ({
  rank,
  changedMs: null,
  recoveredMs: null,
  cooldownTimes: 1
})

/** A declared signal at a sample. */
export interface Judged {
  readonly reading: Reading
  readonly marks: Marks
  /** What it may raise the level to; 0 where it may not. */
  readonly raisesTo: Rank
  /** Whether it must be of now and below its leave mark for a recovery (R13). */
  readonly isHolding: boolean
}

/** A change of the level, and the signal that it is put down to. */
export interface Step {
  readonly kind: 'settled' | 'escalated' | 'recovered'
  readonly from: Rank
  readonly to: Rank
  /** Of a recovery, the one that was nearest to holding it; null where no signal had a part. */
  readonly cause: Reading | null
  /** As `pressureOf` compares; null where the marks have none for that level. */
  readonly mark: number | null
  /** How long the level before was held; null where that is not known. */
  readonly dwellMs: number | null
}

export interface Climbed {
  readonly ladder: Ladder
  readonly step: Step | null
}

const cooldownTimesMax = 8

/** @param cooldownMs of one time */
export const climb = (
  ladder: Ladder,
  judged: readonly Judged[],
  atMs: number,
  cooldownMs: number
): Climbed => {
  const raising = worst(judged)
  if (ladder.changedMs === null) return settle(ladder, judged, raising, atMs)
  const isHeldLong = atMs - ladder.changedMs >= 2 * cooldownMs * ladder.cooldownTimes
  const rested = isHeldLong ? { ...ladder, cooldownTimes: 1 } : ladder
  if (raising !== null && raising.raisesTo > ladder.rank) {
    return escalate(rested, raising, atMs, cooldownMs)
  }
  const waitMs = cooldownMs * ladder.cooldownTimes
  const isOver = atMs - ladder.changedMs >= waitMs
  return ladder.rank > 0 && isOver && isClear(judged, ladder.rank) // (2)
    ? recover(rested, judged, atMs)
    : { ladder: rested, step: null }
}

/** (4) */
const settle = (
  ladder: Ladder,
  judged: readonly Judged[],
  raising: Judged | null,
  atMs: number
): Climbed => {
  const raised: Rank = raising?.raisesTo ?? 0
  const isKept = ladder.rank > raised && judged.some(({ reading }) => reading.state !== 'fresh')
  const to = isKept ? ladder.rank : raised
  const settled: Ladder = { ...ladder, rank: to, changedMs: atMs }
  if (to === ladder.rank) return { ladder: settled, step: null }
  return {
    ladder: settled,
    step: {
      kind: 'settled',
      from: ladder.rank,
      to,
      ...(to === 0 || raising === null
        ? { cause: null, mark: null }
        : { cause: raising.reading, mark: enterMark(raising.marks, to) }),
      dwellMs: null
    }
  }
}

/** (1), (3) */
const escalate = (
  ladder: Ladder,
  { reading, marks, raisesTo: to }: Judged,
  atMs: number,
  cooldownMs: number
): Climbed => {
  const { rank: from, changedMs, recoveredMs, cooldownTimes } = ladder
  const isAgain =
    recoveredMs !== null && atMs - recoveredMs < 2 * cooldownMs * cooldownTimes
  return {
    ladder: {
      rank: to,
      changedMs: atMs,
      recoveredMs,
      cooldownTimes: isAgain ? Math.min(cooldownTimesMax, 2 * cooldownTimes) : cooldownTimes
    },
    step: {
      kind: 'escalated',
      from,
      to,
      cause: reading,
      mark: enterMark(marks, to),
      dwellMs: atMs - changedMs!
    }
  }
}

const recover = (ladder: Ladder, judged: readonly Judged[], atMs: number): Climbed => {
  const { rank: from, changedMs } = ladder
  const nearest = nearestToHold(judged, from)
  return {
    ladder: { ...ladder, rank: (from - 1) as Rank, changedMs: atMs, recoveredMs: atMs },
    step: {
      kind: 'recovered',
      from,
      to: (from - 1) as Rank,
      cause: nearest?.reading ?? null,
      mark: nearest === null ? null : leaveMark(nearest.marks, from),
      dwellMs: atMs - changedMs!
    }
  }
}

/** Of several that ask for the same, the one that is the furthest beyond its mark. */
const worst = (judged: readonly Judged[]): Judged | null => {
  let found: Judged | null = null
  for (const one of judged) {
    const isWorse =
      one.raisesTo > (found?.raisesTo ?? 0) ||
      (found !== null &&
        one.raisesTo === found.raisesTo &&
        shareOf(one, enterMark) > shareOf(found, enterMark))
    if (isWorse) found = one
  }
  return found
}

const isClear = (judged: readonly Judged[], rank: Rank): boolean =>
  judged.every(({ reading, marks, isHolding }) => {
    if (!isHolding) return true
    const pressure = pressureOf(reading)
    const mark = leaveMark(marks, rank)
    return pressure !== null && (mark === null || pressure < mark)
  })

const nearestToHold = (judged: readonly Judged[], rank: Rank): Judged | null => {
  const holding = judged.filter(
    ({ isHolding, marks }) => isHolding && leaveMark(marks, rank) !== null
  )
  const share = (one: Judged) => shareOf({ ...one, raisesTo: rank }, leaveMark)
  return holding.reduce<Judged | null>(
    (found, one) => (found === null || share(one) > share(found) ? one : found),
    null
  )
}

const shareOf = (
  { reading, marks, raisesTo }: Judged,
  markOf: (marks: Marks, rank: Rank) => number | null
): number => {
  const mark = markOf(marks, raisesTo)
  return mark === null || mark === 0 ? 0 : (pressureOf(reading) ?? 0) / mark
}
