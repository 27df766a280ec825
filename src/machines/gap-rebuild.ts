/**
 * A gap ledger from the events of its table, where its own file is lost (R10). Pure.
 *
 * 1. What the events have open is open, and what they have settled stays so; the next step goes on
 *    as it would have.
 * 2. What only the lost file knew is gone: claims whose ids were not decided, how often an id was
 *    rejected beyond once, and quotes that were being counted.
 */
import { type Gap, GapFold, type GapEvent } from '../market/gap-events.ts'
import { type IdRange, unite } from '../market/id-ranges.ts'
import type { EpochLedger } from './gap-epoch.ts'
import { emptyLedger, type GapLedger } from './gap-ledger.ts'
import type { OpenPiece } from './gap-pieces.ts'

/** @param events in their order */
export const rebuiltLedger = (events: Iterable<GapEvent>): GapLedger => {
  const epochs = new Map<string, Map<number, Draft>>()
  const draftOf = ({ exchange, symbol, epoch }: Gap): Draft => {
    const key = `${exchange}:${symbol}`
    const ofKey = epochs.get(key) ?? new Map<number, Draft>()
    epochs.set(key, ofKey)
    const draft = ofKey.get(epoch) ?? { open: [], settled: [], writtenOffIds: 0 }
    ofKey.set(epoch, draft)
    return draft
  }
  const fold = new GapFold((gap) => noteClosed(gap, draftOf))
  let count = 0
  for (const event of events) {
    fold.add(event)
    count = event.number + 1
  }
  for (const gap of fold.open) draftOf(gap).open.push(pieceOf(gap))
  const sequences = Object.fromEntries(
    [...epochs].map(([key, ofKey]) => [
      key,
      { epochs: [...ofKey].map(([number, draft]) => epochOf(number, draft)), claims: [] }
    ])
  )
  return { ...emptyLedger(), events: count, sequences }
}

interface Draft {
  readonly open: OpenPiece[]
  settled: readonly IdRange[]
  writtenOffIds: number
}

const noteClosed = (gap: Gap, draftOf: (gap: Gap) => Draft): void => {
  const { fromId, toId, closedReason, count } = gap
  if (fromId === null || toId === null) return
  if (closedReason === 'written_off') draftOf(gap).writtenOffIds += count
  if (closedReason !== 'rejected' && closedReason !== 'never_issued') return
  const draft = draftOf(gap)
  // What of it has landed since, the next step finds out.
  draft.settled = unite([...draft.settled, [fromId, toId]])
}

const pieceOf = (gap: Gap): OpenPiece => ({
  from: gap.fromId!,
  to: gap.toId!,
  reason: gap.reason,
  attempts: gap.reason === 'rejected' ? 1 : 0,
  afterUs: gap.afterUs,
  beforeUs: gap.beforeUs,
  openedUs: gap.openedUs
})

const epochOf = (number: number, { open, settled, writtenOffIds }: Draft): EpochLedger => ({
  number,
  open: open.toSorted((left, right) => left.from - right.from),
  settled,
  writtenOffIds
})
