/**
 * Quotes that were let go, as rows by time and count (R12): an interval grows while claims follow
 * each other closely, and is told once it has ended or is long.
 *
 * 1. Claims of a symbol come in the order of their time; one that lies within what was counted is a
 *    repeat.
 */
import type { GapClaim } from '../market/gap-claim.ts'
import type { GapEvent, OpenReason } from '../market/gap-events.ts'

/** JSON-safe. */
export interface LostInterval {
  readonly sinceUs: number
  readonly untilUs: number
  /** 0: told already, and kept for (1). */
  readonly count: number
}

/** Claims that are further apart are of two intervals. */
const pauseUsMax = 10_000_000
const lengthUsMax = 60_000_000

type Intervals = Readonly<Record<string, LostInterval>>

export const stepIntervals = (known: Intervals, claims: readonly GapClaim[], nowUs: number) => {
  const intervals: Record<string, LostInterval> = { ...known }
  const events: Omit<GapEvent, 'number'>[] = []
  const tell = (key: string): void => {
    const interval = intervals[key]
    if (interval === undefined || interval.count === 0) return
    events.push(eventOf(key, interval))
    intervals[key] = { ...interval, count: 0 }
  }
  for (const { exchange, symbol, reason, sinceUs, untilUs, count } of claims) {
    const key = JSON.stringify([exchange, symbol, reason])
    const last = intervals[key]
    if (last !== undefined && untilUs <= last.untilUs) continue // (1)
    const continues = last !== undefined && last.count > 0 && sinceUs - last.untilUs <= pauseUsMax
    if (!continues) tell(key)
    intervals[key] = continues
      ? { sinceUs: last.sinceUs, untilUs, count: last.count + count }
      : { sinceUs, untilUs, count }
    if (untilUs - intervals[key].sinceUs >= lengthUsMax) tell(key)
  }
  for (const [key, { untilUs }] of Object.entries(intervals)) {
    if (nowUs - untilUs > pauseUsMax) tell(key)
  }
  return { intervals, events }
}

const eventOf = (key: string, { sinceUs, untilUs, count }: LostInterval) => {
  const [exchange, symbol, reason] = JSON.parse(key) as [string, string, OpenReason]
  return {
    event: 'closed',
    dataType: 'quotes',
    exchange,
    symbol,
    epoch: 0,
    fromId: null,
    toId: null,
    reason,
    count,
    afterUs: sinceUs,
    beforeUs: untilUs,
    atUs: untilUs,
    source: 'claim'
  } as const
}
