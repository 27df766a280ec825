import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type HealAnswer,
  type HealClaim,
  type HealLook,
  type HealRequest,
  type HealTerms,
  healTermsDefault
} from '../../src/machines/heal-facts.ts'
import type { IdSpan } from '../../src/market/id-ranges.ts'
import {
  answered,
  emptyPlan,
  type HealPlan,
  isHeldBack,
  looked,
  nextRequest,
  pendingOf
} from '../../src/machines/heal-plan.ts'
import type { OpenHole } from '../../src/market/open-hole.ts'
import type { Tier } from '../../src/market/tier.ts'

const terms: HealTerms = { ...healTermsDefault, graceMs: 2_000 }
const tiers: Readonly<Record<string, Tier>> = { BTCUSDT: 1, ETHUSDT: 1, BNBUSDT: 2 }

const hole = (
  symbol: string,
  fromId: number,
  toId: number,
  change: Partial<OpenHole> = {}
): OpenHole => ({
  exchange: 'BINANCE', symbol, epoch: 0, fromId, toId, sinceUs: null, reason: null, afterUs: null,
  beforeUs: null, endedUs: null, ...change
})

const lookAt = (
  atMs: number,
  holes: readonly OpenHole[],
  landedMs = atMs - 1_000
): HealLook => ({
  atMs,
  holes,
  landedMs: Object.fromEntries(holes.map(({ symbol }) => [symbol, landedMs])),
  tiers
})

/** A plan with its clock; what it has claimed is kept. */
class Healing {
  plan: HealPlan = emptyPlan
  readonly claims: HealClaim[] = []
  nowMs = 1_000_000

  look(holes: readonly OpenHole[], landedMs?: number): void {
    const step = looked(this.plan, lookAt(this.nowMs, holes, landedMs), terms)
    this.plan = step.plan
    this.claims.push(...step.claims)
  }

  /** Found missing, and ripe to be asked for. */
  ripe(holes: readonly OpenHole[]): void {
    this.look(holes)
    this.nowMs += 10_000
    this.look(holes)
  }

  next(): HealRequest | null {
    return nextRequest(this.plan, this.nowMs, terms)
  }

  answer(request: HealRequest, answer: Answer): void {
    const given = { atMs: this.nowMs, ...answer } as HealAnswer
    const step = answered(this.plan, request, given, terms)
    this.plan = step.plan
    this.claims.push(...step.claims)
  }
}

type Answer =
  | { readonly type: 'useless' | 'abandoned' }
  | {
      readonly type: 'read'
      readonly published: readonly IdSpan[]
      readonly skipped: readonly IdSpan[]
      readonly rejected: readonly IdSpan[]
    }

const nothing = { type: 'read', published: [], skipped: [], rejected: [] } as const
const read = (change: Partial<Extract<Answer, { type: 'read' }>>): Answer => ({
  ...nothing,
  ...change
})
const span = (from: number, to: number): IdSpan => ({ from, to })

describe('when ids are asked for', () => {
  test('not before the grace is over', () => {
    const healing = new Healing()
    healing.look([hole('BTCUSDT', 5, 9)])
    expect(healing.next()).toBeNull()
    healing.nowMs += 1_999
    healing.look([hole('BTCUSDT', 5, 9)], healing.nowMs)
    expect(healing.next()).toBeNull()
    healing.nowMs += 1
    expect(healing.next()).toMatchObject({ symbol: 'BTCUSDT', wanted: [span(5, 9)] })
  })

  test('not before what had been accepted by then has landed without them', () => {
    const healing = new Healing()
    const foundMs = healing.nowMs
    healing.look([hole('BTCUSDT', 5, 9)])
    healing.nowMs += 60_000
    healing.look([hole('BTCUSDT', 5, 9)], foundMs - 1)
    expect(healing.next()).toBeNull()
    healing.look([hole('BTCUSDT', 5, 9)], foundMs)
    expect(healing.next()).not.toBeNull()
  })

  test('where it is not known what has landed, not at all', () => {
    const healing = new Healing()
    healing.look([hole('BTCUSDT', 5, 9)])
    healing.nowMs += 60_000
    healing.plan = looked(
      healing.plan,
      { ...lookAt(healing.nowMs, [hole('BTCUSDT', 5, 9)]), landedMs: {} },
      terms
    ).plan
    expect(healing.next()).toBeNull()
  })

  test('what has landed meanwhile is not asked for', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 9)])
    healing.look([hole('BTCUSDT', 6, 6), hole('BTCUSDT', 9, 9)])
    expect(healing.next()).toMatchObject({ wanted: [span(6, 6), span(9, 9)] })
    healing.look([])
    expect(healing.next()).toBeNull()
  })
})

describe('what has not landed yet', () => {
  const few: HealTerms = { ...terms, unlandedMax: 1_500 }
  const next = ({ plan, nowMs }: Healing) => nextRequest(plan, nowMs, few)

  test('is no more than the bound and a request, and none is asked for beyond', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 9_000)])
    let published = 0
    for (let request = next(healing); request !== null; request = next(healing)) {
      healing.answer(request, read({ published: request.wanted }))
      for (const { from, to } of request.wanted) published += to - from + 1
    }
    expect(published).toBeGreaterThanOrEqual(1_500)
    expect(published).toBeLessThan(2_500)
    expect(isHeldBack(healing.plan, few)).toBe(true)
    healing.nowMs += 100
    healing.look([hole('BTCUSDT', 1_004, 9_000)])
    expect(isHeldBack(healing.plan, few)).toBe(false)
    expect(next(healing)).not.toBeNull()
  })

  test('what landed without closing its hole holds nothing back', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 9_000)])
    for (let request = next(healing); request !== null; request = next(healing))
      healing.answer(request, read({ published: request.wanted }))
    healing.nowMs += 5_000
    healing.look([hole('BTCUSDT', 5, 9_000)], healing.nowMs - 1)
    expect(isHeldBack(healing.plan, few)).toBe(false)
  })
})

describe('in which order', () => {
  test('tiers in order, the oldest first', () => {
    const healing = new Healing()
    const holes = [
      hole('DOGEUSDT', 1, 2, { sinceUs: 1 }),
      hole('BNBUSDT', 1, 2, { sinceUs: 2 }),
      hole('ETHUSDT', 1, 2, { sinceUs: 4 }),
      hole('BTCUSDT', 1, 2, { sinceUs: 3 })
    ]
    healing.ripe(holes)
    const order: string[] = []
    for (let request = healing.next(); request !== null; request = healing.next()) {
      order.push(request.symbol)
      healing.answer(request, read({ published: request.wanted }))
    }
    expect(order).toEqual(['BTCUSDT', 'ETHUSDT', 'BNBUSDT', 'DOGEUSDT'])
  })

  test('a hole that is ripe goes before an older one that is not', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 50, 60)])
    healing.look([hole('BTCUSDT', 5, 9), hole('BTCUSDT', 50, 60)])
    expect(healing.next()).toMatchObject({ wanted: [span(50, 60)] })
  })
})

describe('what a request asks for', () => {
  test('the id before, which has landed, and the one behind', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 9, { afterUs: 100, beforeUs: 200 })])
    expect(healing.next()).toEqual({
      exchange: 'BINANCE', symbol: 'BTCUSDT', epoch: 0, fromId: 4, limit: 7, isFirstKnown: true,
      wanted: [span(5, 9)], afterUs: 100, beforeUs: 200
    })
  })

  test('many small holes in one', () => {
    const healing = new Healing()
    const holes = Array.from({ length: 700 }, (_, index) => {
      const id = 10 + 3 * index
      return hole('BTCUSDT', id, id)
    })
    healing.ripe(holes)
    const request = healing.next()!
    expect(request).toMatchObject({ fromId: 9, limit: 999 })
    expect(request.wanted).toHaveLength(333)
    expect(request.wanted.at(-1)).toEqual(span(1_006, 1_006))
  })

  test('a long hole in pieces, each behind a known one', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 2_500)])
    const asked: HealRequest[] = []
    for (let request = healing.next(); request !== null; request = healing.next()) {
      asked.push(request)
      healing.answer(request, read({ published: request.wanted }))
    }
    expect(asked.map(({ fromId, limit, wanted }) => [fromId, limit, wanted[0]])).toEqual([
      [4, 1_000, span(5, 1_003)],
      [1_003, 1_000, span(1_004, 2_002)],
      [2_002, 500, span(2_003, 2_500)]
    ])
    expect(asked.every(({ isFirstKnown }) => isFirstKnown)).toBe(true)
  })

  test('before a hole whose neighbour has not landed no id is known', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 9, { isDetached: true })])
    const request = healing.next()!
    expect(request).toMatchObject({ fromId: 5, limit: 6, isFirstKnown: false })
    healing.answer(request, read({ published: [span(5, 6)] }))
    healing.nowMs += 10_000
    expect(healing.next()).toMatchObject({ fromId: 6, isFirstKnown: true, wanted: [span(7, 9)] })
  })

  test('the first id of all has nothing before it', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 0, 3)])
    expect(healing.next()).toMatchObject({ fromId: 0, limit: 5, isFirstKnown: false })
  })

  test('where the id before was never issued, it begins at the one before that', () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 9)])
    const request = healing.next()!
    healing.answer(request, read({ skipped: [span(5, 6)] }))
    healing.nowMs += 60_000
    healing.look([hole('BTCUSDT', 5, 9)])
    expect(healing.next()).toMatchObject({ fromId: 4, isFirstKnown: true, wanted: [span(7, 9)] })
  })
})

describe('what becomes of an answer', () => {
  const start = () => {
    const healing = new Healing()
    healing.ripe([hole('BTCUSDT', 5, 9)])
    return healing
  }

  test('what was published is waited for, and asked for again if it has not landed', () => {
    const healing = start()
    healing.answer(healing.next()!, read({ published: [span(5, 9)] }))
    const publishedMs = healing.nowMs
    expect(pendingOf(healing.plan)).toEqual({ holes: 1, ids: 5 })
    healing.nowMs += 60_000
    healing.look([hole('BTCUSDT', 5, 9)], publishedMs - 1)
    expect(healing.next()).toBeNull()
    healing.look([hole('BTCUSDT', 8, 9)], publishedMs)
    expect(healing.next()).toMatchObject({ wanted: [span(8, 9)] })
  })

  test('what was published three times and never landed is rejected', () => {
    const healing = start()
    for (let round = 1; round <= 3; round++) {
      healing.answer(healing.next()!, read({ published: [span(5, 9)] }))
      expect(healing.claims).toEqual([])
      healing.nowMs += 60_000
      healing.look([hole('BTCUSDT', 5, 9)])
    }
    expect(healing.next()).toBeNull()
    expect(healing.claims).toMatchObject([{ reason: 'rejected', fromId: 5, toId: 9 }])
  })

  test('what both neighbours surround is written off at once, the rest is not', () => {
    const healing = start()
    healing.answer(
      healing.next()!,
      read({ published: [span(5, 6), span(9, 9)], skipped: [span(7, 8)] })
    )
    expect(healing.claims).toEqual([
      {
        exchange: 'BINANCE', symbol: 'BTCUSDT', reason: 'never_issued', fromId: 7, toId: 8,
        untilUs: healing.nowMs * 1_000
      }
    ])
    healing.nowMs += terms.restMs - 1
    healing.look([hole('BTCUSDT', 7, 8)])
    expect(healing.next()).toBeNull()
    healing.nowMs += 1
    healing.look([hole('BTCUSDT', 7, 8)])
    expect(healing.next()).toMatchObject({ wanted: [span(7, 8)] })
  })

  test('a record that cannot be a trade is rejected each time, and written off the third', () => {
    const healing = start()
    for (let round = 1; round <= 3; round++) {
      healing.answer(healing.next()!, read({ rejected: [span(6, 6)] }))
      expect(healing.claims).toHaveLength(round)
      expect(healing.claims).toMatchObject(
        Array.from({ length: round }, () => ({ reason: 'rejected', fromId: 6, toId: 6 }))
      )
      healing.nowMs += 60_000
      healing.look([hole('BTCUSDT', 6, 6)])
    }
    // Each with a time of its own: the ledger counts them (R29).
    expect(new Set(healing.claims.map(({ untilUs }) => untilUs)).size).toBe(3)
    expect(healing.next()).toBeNull()
  })

  test('an answer of no use is no refusal: three of those are still due', () => {
    const healing = start()
    healing.answer(healing.next()!, { type: 'useless' })
    for (let round = 1; round <= 3; round++) {
      healing.nowMs += 60_000
      healing.look([hole('BTCUSDT', 5, 6)])
      const answer = read({ published: [span(5, 5)], rejected: [span(6, 6)] })
      healing.answer(healing.next()!, answer)
    }
    const refused = { reason: 'rejected', fromId: 6, toId: 6 }
    expect(healing.claims).toMatchObject([refused, refused, refused])
    healing.nowMs += 60_000
    healing.look([hole('BTCUSDT', 5, 6)])
    expect(healing.claims.slice(3)).toMatchObject([{ reason: 'rejected', fromId: 5, toId: 5 }])
    expect(healing.next()).toBeNull()
  })

  test.each([['an empty one', nothing], ['one of no use', { type: 'useless' }]] as const)(
    'three attempts and no more: %s',
    (_, answer) => {
      const healing = start()
      const waits: number[] = []
      for (let round = 1; round <= 3; round++) {
        healing.answer(healing.next()!, answer)
        const sinceMs = healing.nowMs
        for (let waited = 0; waited < 60 && healing.next() === null; waited++) {
          healing.nowMs += 1_000
        }
        waits.push(healing.nowMs - sinceMs)
      }
      expect(waits).toEqual([10_000, 40_000, 60_000])
      expect(healing.claims).toMatchObject([{ reason: 'never_issued', fromId: 5, toId: 9 }])
      expect(healing.next()).toBeNull()
    }
  )

  test('one that was given up is no attempt, and waited for as if it were published', () => {
    const healing = start()
    for (let round = 1; round <= 5; round++) {
      healing.answer(healing.next()!, { type: 'abandoned' })
      expect(healing.next()).toBeNull()
      healing.nowMs += 10_000
      healing.look([hole('BTCUSDT', 5, 9)])
    }
    expect(healing.claims).toEqual([])
    expect(healing.next()).not.toBeNull()
  })

  test('an epoch that the venue has left is written off in its own time, unasked', () => {
    const healing = new Healing()
    const past = hole('BTCUSDT', 5, 9, { endedUs: 77 })
    healing.ripe([past, hole('BTCUSDT', 5, 9, { epoch: 1 })])
    expect(healing.claims).toMatchObject([
      { reason: 'never_issued', fromId: 5, toId: 9, untilUs: 77 }
    ])
    expect(healing.next()).toMatchObject({ epoch: 1 })
  })
})

test('pieces are bounded: the least important are left for later', () => {
  const few = { ...terms, piecesMax: 10 }
  const holes = ['DOGEUSDT', 'BTCUSDT'].flatMap((symbol) =>
    Array.from({ length: 8 }, (_, index) => hole(symbol, 10 * index + 1, 10 * index + 1))
  )
  const { plan } = looked(emptyPlan, lookAt(1_000, holes), few)
  expect(plan.lanes.map(({ symbol, pieces }) => [symbol, pieces.length])).toEqual([
    ['BTCUSDT', 8],
    ['DOGEUSDT', 2]
  ])
})

describe('a venue and a table, with anything missing and anything going wrong', () => {
  const world = fc.record({
    /** Missing ids, by symbol. */
    missing: fc.array(
      fc.record({
        symbol: fc.constantFrom('BTCUSDT', 'BNBUSDT', 'DOGEUSDT'),
        fromId: fc.integer({ min: 1, max: 4_000 }),
        count: fc.integer({ min: 1, max: 1_500 })
      }),
      { minLength: 1, maxLength: 8 }
    ),
    /** Ids that the venue never issued, as a share of a thousand. */
    lacking: fc.integer({ min: 0, max: 30 }),
    fates: fc.array(
      fc.constantFrom('read', 'read', 'read', 'useless', 'abandoned', 'lost' as const),
      { maxLength: 40 }
    )
  })

  test('ends with every id landed or written off, and never asks wrongly', () => {
    fc.assert(
      fc.property(world, ({ missing, lacking, fates }) => {
        const isLacking = (symbol: string, id: number) =>
          (id * 2_654_435_761 + symbol.length * 97) % 1_000 < lacking
        const open = new Map<string, Set<number>>()
        for (const { symbol, fromId, count } of missing) {
          const ids = open.get(symbol) ?? new Set()
          for (let id = fromId; id < fromId + count; id++) ids.add(id)
          open.set(symbol, ids)
        }
        const wanted = new Map([...open].map(([symbol, ids]) => [symbol, new Set(ids)]))
        const exists = (symbol: string, id: number) =>
          !wanted.get(symbol)?.has(id) || !isLacking(symbol, id)
        const holes = () =>
          [...open].flatMap(([symbol, ids]) =>
            runsOf(ids).map(([from, to]) => hole(symbol, from, to))
          )
        const healing = new Healing()
        const claimed = new Set<string>()
        let [publishedIds, rounds] = [0, 0]
        const pending = [...fates]
        healing.look(holes())
        for (;;) {
          expect(rounds++).toBeLessThan(2_000)
          const request = healing.next()
          if (request === null) {
            if (holes().every((it) => isClaimed(it, claimed))) break
            healing.nowMs += 5_000
            healing.look(holes(), healing.nowMs - 2_500)
            note(healing, claimed)
            continue
          }
          expect(request.limit).toBeLessThanOrEqual(1_000)
          for (const { from, to } of request.wanted) {
            for (let id = from; id <= to; id++) {
              const isRight =
                open.get(request.symbol)!.has(id) &&
                !claimed.has(`${request.symbol} ${id}`) &&
                id >= request.fromId &&
                id < request.fromId + request.limit
              if (!isRight) expect.fail(`${id} was wanted by ${JSON.stringify(request)}`)
            }
          }
          if (request.isFirstKnown) expect(exists(request.symbol, request.fromId)).toBe(true)
          const fate = pending.shift() ?? 'read'
          if (fate === 'useless' || fate === 'abandoned') {
            healing.answer(request, { type: fate })
          } else {
            // What a venue gives of ids that it has: so many, from one on.
            const given: number[] = []
            for (let id = request.fromId; given.length < request.limit; id++) {
              if (exists(request.symbol, id)) given.push(id)
            }
            const has = new Set(given)
            const published: number[] = []
            const skipped: number[] = []
            for (const { from, to } of request.wanted) {
              for (let id = from; id <= to; id++) (has.has(id) ? published : skipped).push(id)
            }
            publishedIds += published.length
            const spans = (ids: readonly number[]) =>
              runsOf(new Set(ids)).map(([from, to]) => span(from, to))
            healing.answer(
              request,
              read({ published: spans(published), skipped: spans(skipped) })
            )
            if (fate === 'read') for (const id of published) open.get(request.symbol)!.delete(id)
          }
          note(healing, claimed)
        }
        // Attempts that failed may have cost an id that there is; the others are exact.
        const isExact = fates.every((fate) => fate === 'read' || fate === 'abandoned')
        for (const [symbol, ids] of wanted) {
          for (const id of ids) {
            const [isOpen, isAbsent] = [open.get(symbol)!.has(id), isLacking(symbol, id)]
            const isRight = isExact ? isOpen === isAbsent : isOpen || !isAbsent
            if (!isRight) expect.fail(`${symbol} ${id} is ${isOpen ? 'open' : 'closed'}`)
          }
        }
        expect(publishedIds).toBeLessThanOrEqual(
          [...wanted.values()].reduce((sum, ids) => sum + ids.size, 0) * 3
        )
      }),
      { numRuns: 50 }
    )
  })
})

const note = ({ claims }: Healing, claimed: Set<string>): void => {
  for (const { symbol, fromId, toId } of claims.splice(0)) {
    for (let id = fromId; id <= toId; id++) claimed.add(`${symbol} ${id}`)
  }
}

const isClaimed = ({ symbol, fromId, toId }: OpenHole, claimed: ReadonlySet<string>): boolean => {
  for (let id = fromId; id <= toId; id++) if (!claimed.has(`${symbol} ${id}`)) return false
  return true
}

const runsOf = (ids: ReadonlySet<number>): readonly (readonly [number, number])[] => {
  const runs: [number, number][] = []
  for (const id of [...ids].sort((left, right) => left - right)) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === id - 1) last[1] = id
    else runs.push([id, id])
  }
  return runs
}
