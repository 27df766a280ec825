import { expect, test } from 'vitest'
import { faultsOf } from '../../../src/actors/lander/lander-actor.ts'
import { TruncatedLog } from '../../../src/adapters/log/event-log.ts'

test('a fault of another topic in the same log stops nothing', () => {
  const fault = (topicPartition: string) =>
    new TruncatedLog({ topicPartition, logEnd: 1, committedOffset: 2 })
  const faults = [fault('trades.simulated-0'), fault('trades.binance-1')]
  const topics = new Map([
    ['trades.simulated', 2],
    ['trades.binance', 2]
  ])
  expect([...faultsOf('trades.binance', { faults, topics }).keys()]).toEqual([1])
})
