import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import {
  probeRetention,
  type RetentionPorts
} from '../../../../src/adapters/log/kafka/retention-probe.ts'

const topic = 'market.crypto.trades.test'
const nowMs = 1_000_000

/** A partition's records by the age at which each was written, oldest first, from offset 0. */
const probe = async (
  partitions: readonly { readonly ages: readonly number[]; readonly landed?: number }[],
  retention: string | null = '1000'
) => {
  const asked: number[] = []
  const admin: RetentionPorts['admin'] = {
    settings: () =>
      Effect.succeed(new Map(retention === null ? [] : [['retention.ms', retention]])),
    bounds: () =>
      Effect.succeed(
        partitions.map(({ ages }, partition) => ({
          partition, startOffset: 0, endOffset: ages.length
        }))
      ),
    offsetsAt: (_topic, timestampMs) => {
      asked.push(nowMs - timestampMs)
      return Effect.succeed(
        new Map(
          partitions.map(({ ages }, partition) => {
            const begin = ages.findIndex((age) => nowMs - age >= timestampMs)
            return [partition, begin === -1 ? ages.length : begin]
          })
        )
      )
    }
  }
  const use = await Effect.runPromise(
    probeRetention(
      {
        admin,
        landedOffset: (_topic, partition) => partitions[partition]?.landed,
        nowMs: () => nowMs,
        monotonicMs: () => 7
      },
      topic
    )
  )
  return { ...use, asked: asked.length }
}

test.each([
  ['nothing was written', [{ ages: [] }], 0],
  ['all has landed, however old', [{ ages: [5_000, 900, 10], landed: 3 }], 0],
  ['what is missing is young', [{ ages: [900, 99], landed: 1 }], 0],
  ['it is a tenth old', [{ ages: [900, 101], landed: 1 }], 0.1],
  ['it is half of the retention old', [{ ages: [900, 501, 10], landed: 1 }], 0.5],
  ['nothing has landed', [{ ages: [799] }], 0.7],
  ['it should be deleted by now', [{ ages: [1_001], landed: 0 }], 1],
  ['one partition is behind', [{ ages: [10] }, { ages: [601], landed: 0 }, { ages: [] }], 0.6]
])('%s', async (_what, partitions, share) => {
  expect(await probe(partitions)).toMatchObject({ share, retentionMs: 1_000, atMs: 7 })
})

test('a table that keeps up costs one question, however long the retention', async () => {
  expect((await probe([{ ages: [900, 10], landed: 1 }])).asked).toBe(1)
})

test.each(['-1', null])('kept for ever (%s): nothing is asked', async (retention) => {
  const kept = await probe([{ ages: [9_999] }], retention)
  expect(kept).toEqual({ share: 0, retentionMs: null, atMs: 7, asked: 0 })
})
