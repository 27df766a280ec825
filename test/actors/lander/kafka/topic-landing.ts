/**
 * Lands a topic of a real broker as the lander's worker does, supervised as its actor does: what
 * passes by itself is waited for, and landing starts anew with a new reader.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { tradesSpec } from '../../../../src/actors/data-types.ts'
import type { Lander } from '../../../../src/actors/lander/lander.ts'
import type { LanderEvent } from '../../../../src/actors/lander/lander-ports.ts'
import { openLander } from '../../../../src/actors/lander/open-lander.ts'
import { dataFolderAt } from '../../../../src/actors/storage/data-folder.ts'
import { KafkaAdmin } from '../../../../src/adapters/log/kafka/kafka-admin.ts'
import {
  type KafkaReaderEvent,
  type KafkaReaderLimits,
  openKafkaReader
} from '../../../../src/adapters/log/kafka/kafka-reader.ts'
import type { WriterSchemas } from '../../../../src/adapters/log/kafka/kafka-reader-batches.ts'
import { openSession } from '../../../../src/adapters/log/kafka/kafka-session.ts'
import { defaultSequenceLimits } from '../../../../src/market/sequence.ts'

type LandingEvent =
  | LanderEvent
  | KafkaReaderEvent
  | { readonly type: 'anew' }
  | { readonly type: 'records.read'; readonly count: number }

export interface TopicLanding {
  readonly bootstrap: string
  readonly topic: string
  readonly groupId: string
  /** Its warehouse is shared by all members; what else it holds is one member's. */
  readonly folder: string
  readonly member: string
  readonly schemas?: WriterSchemas
  readonly isCompacted?: boolean
  readonly limits?: Partial<KafkaReaderLimits>
  readonly commitAgeMs?: number
  readonly commitRowsMax?: number
  readonly observe: (event: LandingEvent) => void
  readonly onLander?: (lander: Lander) => void
}

/** Nobody has published a schema. */
const noSchemas: WriterSchemas = {
  ofId: () => Promise.resolve(undefined),
  ofFingerprint: () => undefined
}

/** Short ones, as short as a broker admits: what they delay is what tests wait for. */
const testLimits: Partial<KafkaReaderLimits> = {
  sessionMs: 6_000,
  heartbeatMs: 500,
  rebalanceMs: 6_000,
  stalledMsMax: 2_000,
  identityMs: 1_000
}

const anewMs = 200

/** Lands until it has finished, through everything that passes. */
export const landTopic = (landing: TopicLanding): Effect.Effect<void, unknown> =>
  landOnce(landing).pipe(
    Effect.catch((error) =>
      isDependency(error)
        ? Effect.sync(() => landing.observe({ type: 'anew' })).pipe(
            Effect.andThen(Effect.sleep(anewMs)),
            Effect.andThen(landTopic(landing))
          )
        : Effect.fail(error)
    )
  )

const isDependency = (error: { readonly _tag: string }): boolean =>
  error._tag === 'LogUnavailable' || ('isDependency' in error && error.isDependency === true)

const landOnce = (landing: TopicLanding) =>
  Effect.gen(function* () {
    const { topic, groupId, folder, member, observe, onLander } = landing
    const connection = {
      brokers: [landing.bootstrap],
      clientId: `k2-${member}`,
      requestMsMax: 5_000
    }
    const open = () => openSession(connection, () => undefined)
    const admin = yield* Effect.acquireRelease(
      Effect.sync(() => new KafkaAdmin(open, 5_000)),
      (opened) => Effect.sync(() => opened.close())
    )
    const log = yield* openKafkaReader({
      topic,
      groupId,
      isCompacted: landing.isCompacted ?? false,
      openSession: open,
      admin,
      schemas: landing.schemas ?? noSchemas,
      limits: { ...testLimits, ...landing.limits },
      monotonicMs: () => performance.now(),
      observe
    })
    const told: typeof log = {
      ...log,
      read: (of, partition, range) =>
        Effect.tap(log.read(of, partition, range), (batches) =>
          Effect.sync(() => {
            const count = batches.reduce((sum, { recordCount }) => sum + recordCount, 0)
            if (count > 0) observe({ type: 'records.read', count })
          })
        )
    }
    const own = join(folder, member)
    yield* Effect.promise(() => mkdir(own, { recursive: true }))
    const make = yield* openLander(tradesSpec, {
      folder: { ...dataFolderAt(own), warehouse: dataFolderAt(folder).warehouse },
      storage: {},
      log: told,
      lander: {
        topic,
        commitRowsMax: landing.commitRowsMax ?? 100_000,
        commitBytesMax: 64 * 1_024 * 1_024,
        commitAgeMs: landing.commitAgeMs ?? 200,
        limits: defaultSequenceLimits,
        logFaults: new Map()
      },
      snapshotsMax: 100,
      duckdbBytesMax: 256 * 1_024 * 1_024,
      nowMs: Date.now,
      uuid: randomUUID,
      observe,
      onRemoved: () => undefined
    })
    const lander = make()
    onLander?.(lander)
    yield* lander.run
  }).pipe(Effect.scoped)
