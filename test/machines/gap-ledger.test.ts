import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  emptyLedger,
  type GapLedger,
  type LedgerLook,
  openPieces,
  parseLedger,
  stepLedger
} from '../../src/machines/gap-ledger.ts'
import { rebuiltLedger } from '../../src/machines/gap-rebuild.ts'
import type { ClaimReason, GapClaim } from '../../src/market/gap-claim.ts'
import { foldGapEvents, type Gap, type GapEvent } from '../../src/market/gap-events.ts'
import { emptySequence, foldArrival, type SymbolSequence } from '../../src/market/sequence.ts'

const key = 'BINANCE:BTCUSDT'
const msUs = 1_000
/** Exchange time grows by a second per id. */
const timeOf = (id: number) => id * 1_000 * msUs
const terms = { graceUs: 2_000 * msUs, quietUs: 60_000 * msUs, tailIdsMax: 1_000 }

const land = (state: SymbolSequence, ids: readonly number[], holesMax = 10_000) => {
  for (const id of ids) {
    foldArrival(state, { id, timeUs: timeOf(id), payload: () => '' }, { jumpMax: 1_000, holesMax })
  }
  return state
}

const claim = (
  reason: ClaimReason,
  [fromId, toId]: readonly [number | null, number | null],
  more: Partial<GapClaim> = {}
): GapClaim => ({
  exchange: 'BINANCE',
  symbol: 'BTCUSDT',
  reason,
  fromId,
  toId,
  count: fromId === null || toId === null ? 0 : toId - fromId + 1,
  sinceUs: fromId === null ? 0 : timeOf(fromId),
  untilUs: toId === null ? 0 : timeOf(toId),
  ...more
})

const openIn = (events: readonly GapEvent[]) =>
  foldGapEvents(events)
    .filter(({ state }) => state === 'open')
    .map(({ fromId, toId, reason }) => [fromId, toId, reason])
    .toSorted(([left], [right]) => Number(left) - Number(right))

/** A ledger with its events, looked at again and again. */
class Book {
  ledger: GapLedger = emptyLedger()
  readonly events: GapEvent[] = []

  look(state: SymbolSequence | undefined, claims: readonly GapClaim[] = [], more = {}) {
    const newest = state?.epochs.at(-1)?.newestUs ?? 0
    const look: LedgerLook = {
      sequences: state === undefined ? {} : { [key]: state },
      claims,
      snapshotUs: newest,
      nowUs: newest,
      terms,
      ...more
    }
    // Whoever goes on has read it from a file.
    const step = stepLedger(parseLedger(JSON.stringify(this.ledger)), look)
    this.ledger = step.ledger
    this.events.push(...step.events)
    return step.events.map(({ event, fromId, toId, reason }) => [event, fromId, toId, reason])
  }

  get gaps(): readonly Gap[] {
    return foldGapEvents(this.events)
  }

  get open() {
    return openIn(this.events)
  }
}

describe('holes of the state', () => {
  test('one is opened when it is older than the grace, and closed by what lands', () => {
    const book = new Book()
    const state = land(emptySequence(), [1, 5])
    expect(book.look(state)).toEqual([])
    land(state, [6])
    expect(book.look(state)).toEqual([])
    land(state, [7])
    expect(book.look(state)).toEqual([['opened', 2, 4, 'unknown']])
    expect(book.gaps[0]).toMatchObject({ afterUs: timeOf(1), beforeUs: timeOf(5), count: 3 })
    expect(book.look(land(state, [3]))).toEqual([['narrowed', 3, 3, 'landed']])
    expect(book.look(land(state, [2]))).toEqual([['closed', 2, 2, 'landed']])
    expect(book.look(land(state, [4]))).toEqual([['closed', 4, 4, 'landed']])
    expect(book.ledger.sequences).toEqual({})
    expect(book.gaps.map(({ closedReason }) => closedReason)).toEqual(Array(3).fill('landed'))
    expect(book.open).toEqual([])
  })

  test('100,000 pairwise swapped trades open nothing, wherever commits cut them (R54)', () => {
    const book = new Book()
    const state = emptySequence()
    let cuts = 0
    land(state, [0])
    for (let id = 1; id < 100_001; id += 2) {
      const late = (at: number) =>
        foldArrival(state, { id: at, timeUs: at * msUs, payload: () => '' })
      late(id + 1)
      if (id % 997 === 0 && state.epochs[0]!.holes.length > 0) {
        cuts++
        expect(book.look(state)).toEqual([])
      }
      late(id)
    }
    expect(cuts).toBeGreaterThan(20)
    expect(book.look(state)).toEqual([])
    expect(state.epochs[0]!.holes).toEqual([])
  })

  test('with an exchange that is silent, time passes by the clock', () => {
    const book = new Book()
    const state = land(emptySequence(), [1, 5])
    const silent = (us: number) => book.look(state, [], { nowUs: timeOf(5) + us })
    expect(silent(terms.quietUs - 1)).toEqual([])
    expect(silent(terms.quietUs)).toEqual([['opened', 2, 4, 'unknown']])
  })

  test('what was written off is closed as such, also if it was never seen open', () => {
    const book = new Book()
    const state = land(emptySequence(), [1, 3, 4, 5], 2)
    expect(book.look(state)).toEqual([['opened', 2, 2, 'unknown']])
    land(state, [7, 9, 11, 13, 14, 15], 2)
    expect(book.look(state)).toEqual([
      ['closed', 2, 2, 'written_off'],
      ['opened', 6, 6, 'unknown'],
      ['closed', 6, 6, 'written_off'],
      ['opened', 8, 8, 'unknown'],
      ['closed', 8, 8, 'written_off'],
      ['opened', 10, 10, 'unknown'],
      ['opened', 12, 12, 'unknown']
    ])
    expect(book.look(state)).toEqual([])
  })

  test('a hole of an epoch that the state has forgotten can not land any more', () => {
    const book = new Book()
    const state = land(emptySequence(), [1, 5, 6, 7])
    book.look(state)
    state.epochs = [{ ...state.epochs[0]!, number: 3, holes: [], startUs: timeOf(100) }]
    expect(book.look(state)).toEqual([['closed', 2, 4, 'written_off']])
  })

  test('rows of a load are not for the ledger', () => {
    const state = land(emptySequence(), [1, 5, 9])
    const look = { snapshotUs: 0, nowUs: 0, claims: [], terms }
    const sequences = { 'ASX:RIO:0123456789ab': state }
    expect(stepLedger(emptyLedger(), { ...look, sequences }).events).toEqual([])
  })
})

describe('claims', () => {
  test('the one that says most holds, for its part of the hole (R5)', () => {
    const book = new Book()
    const state = land(emptySequence(), [100, 201, 202, 203])
    const claims = [
      claim('restart', [101, 200]),
      claim('disconnect', [140, 200]),
      claim('shed', [101, 150])
    ]
    expect(book.look(state, claims)).toEqual([
      ['opened', 101, 150, 'shed'],
      ['opened', 151, 200, 'disconnect']
    ])
    expect(book.ledger.sequences[key]!.claims).toEqual([])
  })

  test('a claim that comes late explains what is open, and says no less than it did', () => {
    const book = new Book()
    const state = land(emptySequence(), [100, 201, 202, 203])
    book.look(state)
    expect(book.look(state, [claim('shed', [150, 170])])).toEqual([['opened', 150, 170, 'shed']])
    expect(book.look(state, [claim('restart', [160, 180])])).toEqual([
      ['opened', 171, 180, 'restart']
    ])
    expect(book.open).toEqual([
      [101, 149, 'unknown'],
      [150, 170, 'shed'],
      [171, 180, 'restart'],
      [181, 200, 'unknown']
    ])
  })

  test('one without ids explains what is missing between trades of its time', () => {
    const book = new Book()
    const state = land(emptySequence(), [100, 110, 120, 121, 122])
    const times = { sinceUs: timeOf(102), untilUs: timeOf(105) }
    expect(book.look(state, [claim('disconnect', [null, null], times)])).toEqual([
      ['opened', 101, 109, 'disconnect'],
      ['opened', 111, 119, 'unknown']
    ])
  })

  test('ids that no trade reveals are opened by the claim alone, and end as any (R3)', () => {
    const book = new Book()
    const state = land(emptySequence(), [98, 99, 100])
    const claims = [claim('restart', [101, 140], { sinceUs: timeOf(100), untilUs: timeOf(101) })]
    expect(book.look(state, claims)).toEqual([])
    const later = { nowUs: timeOf(101) + terms.quietUs }
    expect(book.look(state, [], later)).toEqual([['opened', 101, 140, 'restart']])
    expect(book.events[0]).toMatchObject({ source: 'claim', afterUs: timeOf(100), beforeUs: null })
    // A trade behind them: now the state tells the same, and when they were.
    land(state, [141, 145])
    expect(book.look(state)).toEqual([['opened', 101, 140, 'restart']])
    expect(book.gaps[0]).toMatchObject({ beforeUs: timeOf(141), openedUs: timeOf(100) })
    land(state, [101, 102])
    expect(book.look(state)).toEqual([['narrowed', 101, 102, 'landed']])
  })

  test('of a symbol that never landed, and of ids before its first', () => {
    const book = new Book()
    const later = { nowUs: timeOf(20) + terms.quietUs }
    expect(book.look(undefined, [claim('shed', [10, 20])], later)).toEqual([
      ['opened', 10, 20, 'shed']
    ])
    const state = land(emptySequence(), [21])
    expect(book.look(state)).toEqual([])
    // What is a hole now has neighbours, and their times.
    expect(book.look(land(state, [15]))).toEqual([
      ['narrowed', 15, 15, 'landed'],
      ['opened', 16, 20, 'shed']
    ])
    expect(book.open).toEqual([[10, 14, 'shed'], [16, 20, 'shed']])
  })

  test('a range that is too long to be true waits for the state', () => {
    const book = new Book()
    const state = land(emptySequence(), [100])
    const far = claim('restart', [101, 9_000_000_000_000_000], { untilUs: timeOf(101) })
    book.look(state, [far], { nowUs: timeOf(200) })
    expect(book.open).toEqual([[101, 100 + terms.tailIdsMax, 'restart']])
  })

  test('what landed after all, and a range of nothing, open nothing', () => {
    const book = new Book()
    const state = land(emptySequence(), [100, 101, 102, 103, 104])
    expect(book.look(state, [claim('shed', [100, 101]), claim('restart', [105, 104])])).toEqual([])
    expect(book.ledger.sequences).toEqual({})
  })
})

describe('what cannot land (R29)', () => {
  test('an id that was rejected three times is closed, and lands later all the same', () => {
    const book = new Book()
    const state = land(emptySequence(), [100, 105, 106, 107])
    const attempt = (at: number) => claim('rejected', [102, 102], { untilUs: at, sinceUs: at })
    expect(book.look(state, [attempt(1)])).toEqual([
      ['opened', 101, 101, 'unknown'],
      ['opened', 102, 102, 'rejected'],
      ['opened', 103, 104, 'unknown']
    ])
    // The log may bring it twice.
    expect(book.look(state, [attempt(2), attempt(2)])).toEqual([])
    expect(book.look(state, [attempt(3)])).toEqual([['closed', 102, 102, 'rejected']])
    expect(book.look(state)).toEqual([])
    expect(book.open).toEqual([[101, 101, 'unknown'], [103, 104, 'unknown']])
    expect(book.look(land(state, [102]))).toEqual([])
    expect(book.ledger.sequences[key]!.epochs[0]!.settled).toEqual([])
  })

  test('ids that the venue never issued are closed', () => {
    const book = new Book()
    const state = land(emptySequence(), [100, 111, 112, 113])
    book.look(state, [claim('restart', [101, 110])])
    expect(book.look(state, [claim('never_issued', [103, 105])])).toEqual([
      ['narrowed', 103, 105, 'never_issued']
    ])
    expect(book.look(state, [claim('never_issued', [101, 102])])).toEqual([
      ['closed', 101, 102, 'never_issued']
    ])
    expect(book.open).toEqual([[106, 110, 'restart']])
  })
})

describe('quotes', () => {
  const quotes = (sinceS: number, untilS: number, count = 5) =>
    claim('shed', [1, 2], {
      dataType: 'quotes',
      sinceUs: sinceS * 1_000_000,
      untilUs: untilS * 1_000_000,
      count
    })
  const at = (seconds: number) => ({ nowUs: seconds * 1_000_000 })

  test('are rows by time and count, never open, one for claims that follow each other', () => {
    const book = new Book()
    book.look(undefined, [quotes(0, 1), quotes(1, 2)], at(2))
    book.look(undefined, [quotes(1, 2), quotes(2, 3)], at(3))
    expect(book.events).toEqual([])
    book.look(undefined, [], at(14))
    expect(book.events).toMatchObject([
      { event: 'closed', dataType: 'quotes', fromId: null, count: 15, reason: 'shed' }
    ])
    book.look(undefined, [quotes(2, 3)], at(15))
    book.look(undefined, [], at(90))
    expect(book.events).toHaveLength(1)
    expect(book.gaps).toMatchObject([{ state: 'closed', afterUs: 0, beforeUs: 3_000_000 }])
    expect(foldGapEvents([...book.events, ...book.events])).toHaveLength(1)
  })

  test('a long interval is told minute by minute', () => {
    const book = new Book()
    for (let second = 0; second < 150; second++) {
      book.look(undefined, [quotes(second, second + 1)], at(second + 1))
    }
    expect(book.events.map(({ count }) => count)).toEqual([300, 300])
  })
})

describe('properties', () => {
  const idMax = 40
  const reasons = ['shed', 'disconnect', 'restart', 'rejected', 'never_issued'] as const
  const id = fc.integer({ min: 1, max: idMax })
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ land: fc.array(id, { minLength: 1, maxLength: 6 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ reason: fc.constantFrom(...reasons), from: id, ids: fc.nat(8) })
    },
    { weight: 3, arbitrary: fc.constant('look' as const) },
    { weight: 1, arbitrary: fc.constant('crash' as const) }
  )
  const ranks = ['unknown', 'restart', 'disconnect', 'shed', 'rejected']

  /** The same, id by id and from all that ever was. */
  class Model {
    readonly landed = new Set<number>()
    readonly open = new Set<number>()
    readonly settled = new Set<number>()
    /** Ids that were closed by landing while they were open. */
    healed = 0

    look(state: SymbolSequence, claims: readonly GapClaim[], nowUs: number) {
      const epoch = state.epochs[0]
      const newestUs = epoch?.newestUs ?? Number.MIN_SAFE_INTEGER
      const gone = new Set<number>()
      for (const [from, to] of epoch?.writtenOff ?? [])
        for (let at = from; at <= to; at++) gone.add(at)
      const ended = [...this.open].filter((at) => this.landed.has(at) || gone.has(at))
      for (const at of ended) {
        if (this.landed.has(at)) this.healed++
        this.open.delete(at)
      }
      const covering = (at: number) =>
        claims.filter(({ fromId, toId }) => fromId! <= at && toId! >= at)
      for (let at = 1; at <= idMax + 10; at++) {
        if (this.landed.has(at) || gone.has(at) || this.settled.has(at)) continue
        const next = [...this.landed].filter((other) => other > at).sort((a, b) => a - b)[0]
        const isHole = epoch !== undefined && at > epoch.low && at < epoch.high
        const isOld = isHole && newestUs - timeOf(next!) >= terms.graceUs
        const isTail =
          !isHole &&
          covering(at).some(
            ({ reason, untilUs }) =>
              reason !== 'never_issued' &&
              (newestUs - untilUs >= terms.graceUs || nowUs - untilUs >= terms.quietUs)
          )
        if (isOld || isTail) this.open.add(at)
        if (!this.open.has(at)) continue
        const rejections = covering(at).filter(({ reason }) => reason === 'rejected').length
        const isNever = covering(at).some(({ reason }) => reason === 'never_issued')
        if (rejections < 3 && !isNever) continue
        this.open.delete(at)
        this.settled.add(at)
      }
    }

    reasonOf(at: number, claims: readonly GapClaim[]): string {
      return claims
        .filter(({ fromId, toId }) => fromId! <= at && toId! >= at)
        .map(({ reason }) => reason as string)
        .filter((reason) => reason !== 'never_issued')
        .reduce((best, one) => (ranks.indexOf(one) > ranks.indexOf(best) ? one : best), 'unknown')
    }
  }

  const idsOf = (gaps: readonly Gap[], of: (gap: Gap) => boolean): Map<number, string> => {
    const ids = new Map<number, string>()
    for (const gap of gaps.filter(of)) {
      for (let at = gap.fromId!; at <= gap.toId!; at++) ids.set(at, gap.reason)
    }
    return ids
  }

  test('the events come to what is missing, whatever lands, is claimed, or crashes', () => {
    let healed = 0
    fc.assert(
      fc.property(
        fc.array(action, { minLength: 5, maxLength: 40 }),
        fc.constantFrom(3, 1_000),
        (actions, holesMax) => {
          const [book, model, state] = [new Book(), new Model(), emptySequence()]
          const claims: GapClaim[] = []
          let untold: GapClaim[] = []
          for (const [step, it] of [...actions, 'look' as const].entries()) {
            if (typeof it === 'object' && 'land' in it) {
              for (const at of it.land) {
                const arrival = { id: at, timeUs: timeOf(at), payload: () => '' }
                const { kind } = foldArrival(state, arrival, { jumpMax: 1_000, holesMax }).outcome
                if (kind === 'next' || kind === 'late') model.landed.add(at)
              }
            } else if (typeof it === 'object') {
              // Each at a time of its own: none is the repeat of another.
              const untilUs = timeOf(it.from) + step
              const made = claim(it.reason, [it.from, it.from + it.ids], { untilUs })
              claims.push(made)
              untold.push(made)
            } else {
              const newest = state.epochs[0]?.newestUs ?? 0
              const nowUs = newest + (step % 3 === 0 ? terms.quietUs - timeOf(5) : 0)
              const look = { nowUs, snapshotUs: newest }
              if (it === 'crash') {
                // Whatever was found out is gone; it is found out again at the next look.
                const sequences = { [key]: state }
                stepLedger(book.ledger, { sequences, claims: untold, terms, ...look })
                continue
              }
              book.look(structuredClone(state), untold, look)
              model.look(state, claims, nowUs)
              untold = []
              const open = idsOf(book.gaps, (gap) => gap.state === 'open')
              expect([...open.keys()].sort((a, b) => a - b)).toEqual(
                [...model.open].sort((a, b) => a - b)
              )
              for (const [at, reason] of open) expect(reason).toBe(model.reasonOf(at, claims))
            }
          }
          const inLedger = [...(openPieces(book.ledger).get(key) ?? [])]
          expect(inLedger.map(({ from, to, reason }) => [from, to, reason])).toEqual(book.open)
          const landed = idsOf(book.gaps, (gap) => gap.closedReason === 'landed')
          expect(landed.size).toBe(model.healed)
          expect([...landed.keys()].every((at) => model.landed.has(at))).toBe(true)
          // Of its events the ledger can be made anew, and has the same open then.
          const anew = rebuiltLedger(book.events)
          const pieces = openPieces(anew).get(key) ?? []
          expect(pieces.map(({ from, to, reason }) => [from, to, reason])).toEqual(book.open)
          const newest = state.epochs[0]?.newestUs ?? 0
          const again = { sequences: { [key]: state }, claims: [], snapshotUs: newest }
          const { events } = stepLedger(anew, { ...again, nowUs: newest, terms })
          expect(openIn([...book.events, ...events])).toEqual(book.open)
          healed += model.healed
        }
      ),
      { numRuns: 2_000 }
    )
    expect(healed).toBeGreaterThan(500)
  })

  test('counts of the events are ids, and numbers follow each other', () => {
    fc.assert(
      fc.property(fc.array(fc.array(id, { minLength: 1, maxLength: 8 })), (batches) => {
        const [book, state] = [new Book(), emptySequence()]
        for (const batch of batches) book.look(land(state, batch))
        for (const [index, event] of book.events.entries()) {
          expect(event.number).toBe(index)
          expect(event.count).toBe(event.toId! - event.fromId! + 1)
        }
      })
    )
  })
})
