/**
 * What is known of the trades of a symbol in an interval, from a snapshot of the trades and from
 * the gap ledger. Pure.
 *
 * 1. The sequence state of the snapshot is the fact: which ids it lacks, and between which exchange
 *    times they lie, both inclusive (R5, R7). The ledger says which of them are open gaps.
 * 2. `gap`: ids that the ledger has open, and that this snapshot lacks, may lie in the interval. A
 *    ledger that is older than the snapshot makes no gap of what has landed since.
 * 3. `provisional`: the newest trade of the symbol is before the end of the interval; or ids are
 *    missing that the ledger neither has open nor has given up, since it waits a little (R54) or is
 *    behind; or a record of that time is held (R7).
 * 4. `complete`: neither. The venue's times do not go back as its ids go on, so what is behind the
 *    newest trade and is not missing is all there is. A late trade opens the candle again.
 * 5. Ids that were rejected, or that the venue never issued, are closed in the ledger: nothing will
 *    come of them. Where a time is unknown, the interval is taken to be as long as it can be.
 */
import type { CandleState } from './candle.ts'
import type { Gap } from './gap-events.ts'
import type { Epoch, Hole, SymbolSequence } from './sequence.ts'

/** Between which times something lies, both inclusive, microseconds. */
type Span = readonly [fromUs: number, toUs: number]

/** Of a symbol at an exchange; there is none where nothing has landed. */
export interface SeriesKnowledge {
  readonly newestUs: number
  readonly stateOf: (startUs: number, endUs: number) => CandleState
}

export interface LedgerView {
  readonly open: readonly Gap[]
  /** Closed although they have not landed (5). */
  readonly givenUp: readonly Gap[]
}

/** States by `{EXCHANGE}:{symbol}`, with `:{load}` behind it for rows of a load (R26). */
export type Sequences = Readonly<Record<string, SymbolSequence>>

/** Exchanges at which something of a symbol has landed. */
export const exchangesOf = (sequences: Sequences, symbol: string): readonly string[] => [
  ...new Set(
    Object.keys(sequences).flatMap((key) => {
      const exchange = key.slice(0, key.indexOf(':'))
      return key === `${exchange}:${symbol}` || key.startsWith(`${exchange}:${symbol}:`)
        ? [exchange]
        : []
    })
  )
]

export const knowledgeOf = (
  sequences: Sequences,
  { exchange, symbol }: { readonly exchange: string; readonly symbol: string },
  ledger: LedgerView
): SeriesKnowledge => {
  const isOwn = (gap: Gap) =>
    gap.dataType === 'trades' && gap.exchange === exchange && gap.symbol === symbol
  const [open, givenUp] = [ledger.open.filter(isOwn), ledger.givenUp.filter(isOwn)]
  const gaps: Span[] = []
  const unsettled: Span[] = []
  let newestUs = -Infinity
  const own = `${exchange}:${symbol}`
  for (const [key, { epochs, held }] of Object.entries(sequences)) {
    if (key !== own && !key.startsWith(`${own}:`)) continue
    unsettled.push(...held.map(({ timeUs }): Span => [timeUs, timeUs]))
    for (const epoch of epochs) {
      newestUs = Math.max(newestUs, epoch.newestUs)
      const within = ({ epoch: number }: Gap) => key === own && number === epoch.number
      addMissing({ gaps, unsettled }, epoch, {
        open: open.filter(within),
        givenUp: givenUp.filter(within)
      })
    }
  }
  const known = new Set(sequences[own]?.epochs.map(({ number }) => number))
  for (const { epoch, afterUs, beforeUs } of open) {
    if (!known.has(epoch)) gaps.push([afterUs ?? -Infinity, beforeUs ?? Infinity])
  }
  const [hasGap, isUnsettled] = [overlapOf(gaps), overlapOf(unsettled)]
  return {
    newestUs,
    stateOf: (startUs, endUs) => {
      if (hasGap(startUs, endUs)) return 'gap'
      return newestUs < endUs || isUnsettled(startUs, endUs) ? 'provisional' : 'complete'
    }
  }
}

const addMissing = (
  { gaps, unsettled }: { readonly gaps: Span[]; readonly unsettled: Span[] },
  epoch: Epoch,
  { open, givenUp }: LedgerView
): void => {
  const oldestUs = epoch.lowUs ?? epoch.startUs
  const [opened, explained] = [spansOf(open), spansOf([...open, ...givenUp])]
  for (const hole of epoch.holes) {
    const [from, to, afterUs, beforeUs] = hole
    const times = [afterUs ?? oldestUs, beforeUs ?? epoch.newestUs] as const
    const span: Span = [Math.min(...times), Math.max(...times)]
    if (coveredIds(opened, hole) > 0) gaps.push(span)
    if (coveredIds(explained, hole) < to - from + 1) unsettled.push(span)
  }
  for (const { fromId, toId, afterUs, beforeUs } of open) {
    // Before the first and behind the last that have landed, nothing but the ledger knows of ids.
    if (fromId! < epoch.low) gaps.push([afterUs ?? -Infinity, beforeUs ?? oldestUs])
    if (toId! > epoch.high) gaps.push([afterUs ?? epoch.newestUs, beforeUs ?? Infinity])
  }
}

type Ids = readonly [from: number, to: number]

/** Ascending, without overlap. */
const spansOf = (gaps: readonly Gap[]): readonly Ids[] => {
  const merged: [number, number][] = []
  const ids = gaps.map(({ fromId, toId }): Ids => [fromId!, toId!])
  for (const [from, to] of ids.toSorted(([left], [right]) => left - right)) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}

const coveredIds = (spans: readonly Ids[], [from, to]: Hole): number => {
  let [low, high] = [0, spans.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (spans[middle]![1] < from) low = middle + 1
    else high = middle
  }
  let ids = 0
  for (; low < spans.length && spans[low]![0] <= to; low++) {
    ids += Math.min(to, spans[low]![1]) - Math.max(from, spans[low]![0]) + 1
  }
  return ids
}

/** Whether any span meets an interval without its end; spans and intervals may both be many. */
const overlapOf = (spans: readonly Span[]) => {
  const sorted = spans.toSorted(([left], [right]) => left - right)
  let latest = -Infinity
  const reaches = sorted.map(([, toUs]) => (latest = Math.max(latest, toUs)))
  return (startUs: number, endUs: number): boolean => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sorted[middle]![0] < endUs) low = middle + 1
      else high = middle
    }
    return low > 0 && reaches[low - 1]! >= startUs
  }
}
