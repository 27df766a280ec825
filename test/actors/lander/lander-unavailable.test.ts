import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { makeLander } from '../../../src/actors/lander/lander.ts'
import type { LanderEvent, LanderPorts } from '../../../src/actors/lander/lander-ports.ts'
import { LandingProgress } from '../../../src/actors/lander/landing-progress.ts'
import {
  LogCorrupt,
  LogUnavailable,
  type ReadFailure,
  wholeLog
} from '../../../src/adapters/log/event-log.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { tradeRules } from '../../../src/machines/trade-rules.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../../../src/market/sequence.ts'

const topic = 'market.crypto.trades.binance'
const topics = new Map([[topic, 1]])

/** Lands a log of one partition whose reads fail, until nothing is left to do. */
const land = async (failure: ReadFailure, logFaults = new Map<number, string>()) => {
  const events: LanderEvent[] = []
  const noRows = { length: 0, push: () => undefined, clear: () => undefined }
  const none = Effect.die('nothing is to be landed')
  const ports: LanderPorts<TradeV2, never> = {
    log: {
      identityOf: () => 'log-1',
      topics,
      ...wholeLog(topics),
      bounds: () => Effect.succeed({ startOffset: 0, durableEnd: 1 }),
      read: () => Effect.fail(failure),
      changed: () => () => undefined
    },
    table: {
      positions: Effect.succeed({ byPartition: new Map(), otherLogs: [], fault: null }),
      readState: () => none,
      writeState: () => none,
      writeRows: () => none,
      commit: () => none
    },
    rows: [noRows, noRows],
    codec: makeRecordCodec<TradeV2>(tradeV2Schema),
    rules: tradeRules,
    deadLetters: { write: () => Effect.void },
    partitionOf: () => 0,
    nowMs: () => 0,
    uuid: () => 'commit',
    observe: (event) => events.push(event)
  }
  const lander = makeLander(
    {
      topic,
      commitRowsMax: 1,
      commitBytesMax: 1,
      commitAgeMs: 1,
      limits: defaultSequenceLimits,
      logFaults
    },
    ports
  )
  const error = await Effect.runPromise(
    Effect.andThen(lander.finish, lander.run).pipe(
      Effect.as(undefined),
      Effect.catch((failed) => Effect.succeed(failed))
    )
  )
  return { error, events }
}

test('a log that cannot be read now fails landing as a dependency', async () => {
  const { error, events } = await land(new LogUnavailable({ topicPartition: 't-0', detail: 'EIO' }))
  expect(error).toMatchObject({ _tag: 'LandingFailed', isDependency: true })
  expect(events.map(({ type }) => type)).toEqual(['lander.started'])
})

test('damage in the log stops its partition by name', async () => {
  const damage = { topicPartition: 't-0', file: 'f', position: 0, detail: 'the CRC32C differs' }
  const { error, events } = await land(new LogCorrupt(damage))
  expect(error).toBeUndefined()
  expect(events.map(({ type }) => type)).toEqual(['lander.started', 'partition.stopped'])
})

test('a partition that is stopped from the start is reported after the start', async () => {
  const unread = new LogUnavailable({ topicPartition: 't-0', detail: 'EIO' })
  const { events } = await land(unread, new Map([[0, 'it was truncated']]))
  expect(events.map(({ type }) => type)).toEqual(['lander.started', 'partition.stopped'])
  const progress = new LandingProgress()
  for (const event of events) progress.observe(event, 0)
  expect(progress.stopped).toEqual([{ partition: 0, detail: 'it was truncated' }])
  progress.observe({ type: 'lander.started', positions: [] }, 0)
  expect(progress.stopped).toEqual([])
})
