import { expect, test } from 'vitest'
import { windowFaults } from '../../bench/rate.ts'

const window = { seconds: 30, trades: 600_000, commits: 6 }

test('a window at the rate of the exchange, with commits in it, counts', () => {
  expect(windowFaults(window)).toEqual([])
  expect(windowFaults({ ...window, trades: 660_000 })).toEqual([])
})

test('a window of another rate, or with hardly a commit, does not', () => {
  expect(windowFaults({ ...window, trades: 590_000 })).toEqual([
    '19667 trades/s were received, not 20000'
  ])
  expect(windowFaults({ ...window, trades: 720_000, commits: 2 })).toEqual([
    '2 commits in 30 s',
    '24000 trades/s were received, not 20000'
  ])
})
