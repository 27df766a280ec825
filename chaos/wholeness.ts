/**
 * Waits, while the exchange goes on, until K2 says that nothing is missing of what was issued.
 *
 * 1. K2 must have landed more of each symbol than the exchange had issued when it was asked first:
 *    a hole that a lander has not come to is none yet.
 * 2. Then its ledger must be empty, and again after a while: a hole is one after a time of grace.
 * 3. What it does not get back in time is a problem of the run.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { GapLedger, LedgerGap } from './k2-member.ts'

export interface WholenessPorts {
  readonly symbols: readonly string[]
  /** Ids of the newest trade of a symbol: as the exchange says, and as K2 answers. */
  readonly issuedId: (symbol: string) => Promise<number>
  readonly landedId: (symbol: string) => Promise<number | undefined>
  readonly ledger: (state: 'open' | 'all') => Promise<GapLedger>
}

export interface Wholeness {
  /** From the heal of the faults until K2 said that nothing is missing. */
  readonly wholeMs: number
  /** Trades that were missing at some time, by the ledger's reason. */
  readonly healed: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

interface Patience {
  readonly pollMs: number
  /** Between two looks at an empty ledger: longer than its grace and a commit. */
  readonly settleMs: number
  readonly msMax: number
}

const patience: Patience = { pollMs: 1_000, settleMs: 8_000, msMax: 600_000 }

export const untilWhole = async (
  ports: WholenessPorts,
  { pollMs, settleMs, msMax }: Patience = patience
): Promise<Wholeness> => {
  const startedMs = Date.now()
  let last = 'K2 was not asked'
  try {
    const issued = new Map<string, number>()
    for (const symbol of ports.symbols) issued.set(symbol, await ports.issuedId(symbol))
    for (let empty = 0; empty < 2; ) {
      if (Date.now() - startedMs > msMax) return failed(`${last} after ${msMax} ms`, startedMs)
      const behind = await symbolsBehind(ports, issued)
      const { openGaps, openTrades } = await ports.ledger('open')
      const isWhole = behind.length === 0 && openGaps === 0
      empty = isWhole ? empty + 1 : 0
      last =
        behind.length > 0
          ? `K2 has not landed what was issued of ${behind.join()}`
          : `${openTrades} trades in ${openGaps} gaps were still missing`
      await delay(isWhole ? settleMs : pollMs)
    }
    const { gaps } = await ports.ledger('all')
    return { wholeMs: Date.now() - startedMs, healed: tradesByReason(gaps), problems: [] }
  } catch (error) {
    return failed(`K2 could not be asked what is missing: ${String(error)}`, startedMs)
  }
}

const failed = (problem: string, startedMs: number): Wholeness => ({
  wholeMs: Date.now() - startedMs,
  healed: {},
  problems: [problem]
})

/** (1) */
const symbolsBehind = async (
  { landedId }: WholenessPorts,
  issued: ReadonlyMap<string, number>
): Promise<readonly string[]> => {
  const behind: string[] = []
  for (const [symbol, id] of issued) {
    if (((await landedId(symbol)) ?? -1) < id) behind.push(symbol)
  }
  return behind
}

const tradesByReason = (gaps: readonly LedgerGap[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { data_type: dataType, reason, count } of gaps) {
    // Quotes that were let go do not come back (R12).
    if (dataType === 'trades') counts[reason] = (counts[reason] ?? 0) + count
  }
  return counts
}
