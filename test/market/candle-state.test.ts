/** What a candle is, by what is known of ids and times: each row a case (R5, R7, R21). */
import { expect, test } from 'vitest'
import { exchangesOf, knowledgeOf, type LedgerView } from '../../src/market/candle-state.ts'
import type { Gap } from '../../src/market/gap-events.ts'
import type { Epoch, HeldRecord, Hole } from '../../src/market/sequence.ts'

const minute = 60_000_000
const series = { exchange: 'BINANCE', symbol: 'BTCUSDT' }

const gap = (fromId: number, toId: number, change: Partial<Gap> = {}): Gap => ({
  ...series,
  state: 'open',
  dataType: 'trades',
  reason: 'disconnect',
  epoch: 0,
  fromId,
  toId,
  count: toId - fromId + 1,
  afterUs: null,
  beforeUs: null,
  openedUs: 0,
  closedUs: null,
  closedReason: null,
  ...change
})

interface Known {
  readonly holes?: readonly Hole[]
  readonly held?: readonly HeldRecord[]
  readonly ledger?: Partial<LedgerView>
}

/** Ids 10 to 99 have landed, from 0:30 to 9:30. */
const stateOf = ({ holes = [], held = [], ledger }: Known, index: number) => {
  const epoch: Epoch = {
    number: 0,
    startUs: minute / 2,
    low: 10,
    lowUs: minute / 2,
    high: 99,
    newestUs: 9.5 * minute,
    holes: [...holes],
    writtenOffIds: 0
  }
  const sequences = { 'BINANCE:BTCUSDT': { epochs: [epoch], held: [...held] } }
  const view = { open: [], givenUp: [], ...ledger }
  return knowledgeOf(sequences, series, view).stateOf(index * minute, (index + 1) * minute)
}

/** Ids 50 to 59 are missing, between 4:10 and 5:20. */
const hole: Hole = [50, 59, 4 * minute + 10_000_000, 5 * minute + 20_000_000]

test.each<[string, Known, string]>([
  ['nothing is missing', {}, 'ccccccccc pp'],
  [
    'the ledger has a hole open',
    { holes: [hole], ledger: { open: [gap(50, 59)] } },
    'ccccggccc pp'
  ],
  ['the ledger does not know of it yet (R54)', { holes: [hole] }, 'ccccppccc pp'],
  [
    'the ledger knows of a part',
    { holes: [hole], ledger: { open: [gap(50, 54)] } },
    'ccccggccc pp'
  ],
  [
    'it was given up',
    { holes: [hole], ledger: { givenUp: [gap(50, 59, { closedReason: 'never_issued' })] } },
    'ccccccccc pp'
  ],
  ['it has landed; the ledger is behind', { ledger: { open: [gap(50, 59)] } }, 'ccccccccc pp'],
  ['times are unknown', { holes: [[50, 59]], ledger: { open: [gap(50, 59)] } }, 'ggggggggg gp'],
  [
    'ids behind the newest are missing',
    { ledger: { open: [gap(100, 120, { afterUs: 9.5 * minute, beforeUs: 11.5 * minute })] } },
    'ccccccccc gg'
  ],
  [
    'ids before the first are missing',
    { ledger: { open: [gap(1, 9, { afterUs: 0, beforeUs: minute / 2 })] } },
    'gcccccccc pp'
  ],
  [
    'a record of 2:05 is held',
    { held: [{ id: 9_000_000, timeUs: 125_000_000, payload: '' }] },
    'ccpcccccc pp'
  ],
  [
    "another symbol's gap",
    { holes: [], ledger: { open: [gap(50, 59, { symbol: 'ETHUSDT', epoch: 3 })] } },
    'ccccccccc pp'
  ]
])('%s', (_, known, expected) => {
  const letters = Array.from({ length: 11 }, (_, index) => stateOf(known, index)[0])
  expect(`${letters.slice(0, 9).join('')} ${letters.slice(9).join('')}`).toBe(expected)
})

test('what has never landed may still change; rows of loads count to their symbol (R26)', () => {
  const none = knowledgeOf({}, series, { open: [], givenUp: [] })
  expect([none.newestUs, none.stateOf(0, minute)]).toEqual([-Infinity, 'provisional'])
  const empty = { epochs: [], held: [] }
  const sequences = {
    'ASX:BHP:0123456789ab': empty,
    'ASX:BHPX:0123456789ab': empty,
    'BINANCE:BHP': empty
  }
  expect(exchangesOf(sequences, 'BHP')).toEqual(['ASX', 'BINANCE'])
})
