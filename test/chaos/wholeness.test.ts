/** Invariants of `chaos/wholeness.ts`, with an exchange and a K2 of numbers. */
import { describe, expect, test } from 'vitest'
import type { GapLedger, LedgerGap } from '../../chaos/k2-member.ts'
import { untilWhole, type WholenessPorts } from '../../chaos/wholeness.ts'

const quick = { pollMs: 0, settleMs: 0, msMax: 60_000 }

const ledgerOf = (gaps: readonly LedgerGap[]): GapLedger => ({
  gaps,
  openGaps: gaps.length,
  openTrades: gaps.reduce((sum, { count }) => sum + count, 0)
})

const gap = (reason: string, count: number): LedgerGap => ({
  symbol: 'BTCUSDT',
  data_type: 'trades',
  reason,
  count
})

/** Each question is answered by the next of its answers, the last one for ever. */
const next = <T>(answers: T[]): T => (answers.length > 1 ? answers.shift()! : answers[0]!)

const portsOf = (landed: (number | undefined)[], open: GapLedger[], all: GapLedger) => {
  const asked = { landed: 0, open: 0 }
  const ports: WholenessPorts = {
    symbols: ['BTCUSDT'],
    issuedId: async () => 100,
    landedId: async () => {
      asked.landed++
      return next(landed)
    },
    ledger: async (state) => {
      if (state === 'all') return all
      asked.open++
      return next(open)
    }
  }
  return { ports, asked }
}

describe('nothing is missing', () => {
  test('once more has landed than was issued, and the ledger stays empty', async () => {
    const { ports, asked } = portsOf(
      [undefined, 99, 100],
      [ledgerOf([]), ledgerOf([]), ledgerOf([gap('restart', 5)]), ledgerOf([])],
      ledgerOf([
        gap('restart', 5),
        gap('restart', 2),
        gap('shed', 1),
        { ...gap('shed', 900), data_type: 'quotes' }
      ])
    )
    const { healed, problems } = await untilWhole(ports, quick)
    expect(problems).toEqual([])
    expect(healed).toEqual({ restart: 7, shed: 1 })
    expect(asked).toEqual({ landed: 5, open: 5 })
  })

  test('a hole that opens between two looks is waited for', async () => {
    const open = [ledgerOf([]), ledgerOf([gap('shed', 1)]), ledgerOf([])]
    const { ports, asked } = portsOf([100], open, ledgerOf([]))
    expect((await untilWhole(ports, quick)).problems).toEqual([])
    expect(asked.open).toBe(4)
  })

  test.each([
    [[99], [ledgerOf([])], /^K2 has not landed what was issued of BTCUSDT after 20 ms$/],
    [[100], [ledgerOf([gap('shed', 7)])], /^7 trades in 1 gaps were still missing after 20 ms$/]
  ])('what does not come in time is a problem: %o', async (landed, open, problem) => {
    const { ports } = portsOf(landed, open, ledgerOf([]))
    const { problems } = await untilWhole(ports, { pollMs: 1, settleMs: 1, msMax: 20 })
    expect(problems).toEqual([expect.stringMatching(problem)])
  })

  test('a K2 that does not answer is one', async () => {
    const { ports } = portsOf([100], [ledgerOf([])], ledgerOf([]))
    const deaf = { ...ports, ledger: () => Promise.reject(new Error('no answer')) }
    const { problems } = await untilWhole(deaf, quick)
    expect(problems).toEqual(['K2 could not be asked what is missing: Error: no answer'])
  })
})
