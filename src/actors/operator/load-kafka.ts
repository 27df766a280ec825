/**
 * The topic of a load in Kafka: made as the topics file says, written to with the registry's schema
 * ids, and read by a group of its own.
 *
 * Where a K2 lands the same topic, both land it from the offsets of the table, and the fence lets
 * one of them pass at a time (R19).
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { Config } from '../../adapters/config/config.ts'
import { readRecordedState, type Table } from '../../adapters/iceberg/table.ts'
import type { PackedRecords } from '../../adapters/log/record-batch.ts'
import { halvesOf } from '../../adapters/log/split-batch.ts'
import { keptSchemas } from '../../adapters/schema/kept-schemas.ts'
import { makeRecordCodec } from '../../adapters/schema/record-codec.ts'
import { openLanderLog } from '../lander/lander-log.ts'
import { connectionOf, declaredTopics, registryOf } from '../log/kafka-settings.ts'
import { dataFolderAt } from '../storage/data-folder.ts'
import { type LoadLog, type LoadLogOptions, LoadRefused } from './load-log.ts'

export interface KafkaLoadOptions extends Pick<LoadLogOptions, 'topic' | 'spec'> {
  readonly config: Config
  readonly isCompacted: boolean
  readonly table: Table
}

const answerMsMax = 10_000
const sampleMs = 1_000

export const openKafkaLoadLog = (
  options: KafkaLoadOptions
): Effect.Effect<LoadLog, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const { config, topic, spec, table } = options
    const folder = dataFolderAt(config.dataDir)
    const { openKafkaLog } = yield* loadKafka
    const { offsets } = yield* readRecordedState(table)
    const log = yield* openKafkaLog({
      connection: connectionOf(config),
      topics: yield* declaredTopics(config, [topic]),
      schemaIdOf: yield* registeredId(options),
      landedOffset: (identity, of, partition) => offsets[identity]?.[of]?.[partition],
      sendMsMax: config.kafkaSendMs,
      answerMsMax,
      sampleMs,
      overdueMs: 2 * config.commitAgeMs,
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      // What fails is the failure of what needed it.
      observe: () => undefined
    })
    const registry = registryOf(config)
    const { reader } = yield* openLanderLog({
      topic,
      folder,
      kafka: {
        connection: connectionOf(config),
        groupId: `${config.kafkaGroupId}-load-${spec.name}`,
        isCompacted: options.isCompacted,
        registry: registry && {
          ...registry,
          cacheFile: join(folder.root, `schemas-load-${spec.name}.json`)
        }
      },
      watermarks: [],
      observe: () => undefined
    })
    return { writer: { ...log, append: inParts(log.append) }, reader }
  })

type Append = LoadLog['writer']['append']

/** A batch beyond what the brokers take goes in halves, which they know as two. */
const inParts = (append: Append): Append => {
  const appendParts = (topic: string, partition: number, packed: PackedRecords): Appending =>
    Effect.catchTag(append(topic, partition, packed), 'BatchTooLarge', (refusal) => {
      if (packed.recordCount < 2) return Effect.fail(refusal)
      const [first, second] = halvesOf(packed)
      return Effect.andThen(
        appendParts(topic, partition, first),
        appendParts(topic, partition, second)
      )
    })
  return appendParts
}

type Appending = ReturnType<Append>

/** Undefined where there is no registry. */
const registeredId = ({ config, topic, spec }: KafkaLoadOptions) =>
  Effect.gen(function* () {
    const { schemas, root } = dataFolderAt(config.dataDir)
    yield* Effect.tryPromise({
      try: () => keptSchemas(schemas).keep(spec.schema),
      catch: (error) => new LoadRefused({ detail: `${schemas}: ${String(error)}` })
    })
    const connection = registryOf(config)
    if (connection === undefined) return undefined
    const { openSchemaRegistry } = yield* loadRegistry
    const registry = yield* openSchemaRegistry({
      connection,
      cacheFile: join(root, 'schema-ids-load.json'),
      observe: () => undefined
    })
    const { fingerprint } = makeRecordCodec(spec.schema)
    const written = { text: JSON.stringify(spec.schema), fingerprint }
    yield* registry.register(topic, written)
    return () => registry.idOf(topic, written)
  })

// Loaded only where they are used: an embedded log does not pay for them.
const loadKafka = Effect.promise(() => import('../../adapters/log/kafka/kafka-log.ts'))
const loadRegistry = Effect.promise(() => import('../../adapters/schema/schema-registry.ts'))
