/**
 * The event log as a lander's worker reads it: the embedded one from its files, or Kafka as a
 * member of a consumer group, with the schemas that the registry has.
 *
 * 1. Settings are structured-cloneable: each worker connects for itself.
 * 2. A registry that cannot be asked keeps the records that need it waiting, and no others (R42).
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { EventLogReader, LogUnavailable, Watermark } from '../../adapters/log/event-log.ts'
import type { KafkaConnection, KafkaLogLine } from '../../adapters/log/kafka/kafka-client.ts'
import type { KafkaReaderEvent } from '../../adapters/log/kafka/kafka-reader.ts'
import type {
  WriterSchema,
  WriterSchemas
} from '../../adapters/log/kafka/kafka-reader-batches.ts'
import type { LogDescriptionUnreadable } from '../../adapters/log/log-directory.ts'
import { openLogReader } from '../../adapters/log/log-reader.ts'
import { nodeFiles } from '../../adapters/log/node-files.ts'
import { type KeptSchemas, keptSchemas } from '../../adapters/schema/kept-schemas.ts'
import { makeRecordCodec } from '../../adapters/schema/record-codec.ts'
import type {
  RegistryConnection,
  RegistryUnavailable
} from '../../adapters/schema/registry-http.ts'
import type { DataFolder } from '../storage/data-folder.ts'

/** Of a log in Kafka. */
export interface LanderKafka {
  readonly connection: KafkaConnection
  /** Landers with the same one share the topic's partitions. */
  readonly groupId: string
  readonly isCompacted: boolean
  readonly registry: (RegistryConnection & { readonly cacheFile: string }) | undefined
}

export interface LanderLogSettings {
  readonly topic: string
  readonly folder: DataFolder
  /** Absent: the log is the embedded one. */
  readonly kafka: LanderKafka | undefined
  /** Watermarks of an embedded log when the worker was started. */
  readonly watermarks: readonly Watermark[]
  readonly observe: (event: LanderLogEvent) => void
}

export type LanderLogEvent =
  | KafkaReaderEvent
  | { readonly type: 'client.reported'; readonly line: KafkaLogLine }

export interface LanderLog {
  readonly reader: EventLogReader
  /** What the process that writes an embedded log says of it. */
  readonly advance: (watermark: Watermark) => void
}

export const openLanderLog = (
  settings: LanderLogSettings
): Effect.Effect<
  LanderLog,
  LogDescriptionUnreadable | LogUnavailable | RegistryUnavailable,
  Scope.Scope
> => {
  const { kafka, folder, watermarks } = settings
  return kafka === undefined
    ? Effect.map(
        openLogReader({
          directory: folder.log,
          files: nodeFiles,
          watermarks,
          writerSchemaOf: keptSchemas(folder.schemas).textOf
        }),
        (reader) => ({ reader, advance: reader.advance })
      )
    : Effect.map(openOnKafka(kafka, settings), (reader) => ({
        reader,
        // A consumer hears of the end of its partitions from the brokers.
        advance: () => undefined
      }))
}

const answerMsMax = 10_000

// Loaded only where they are used: an embedded log does not pay for them.
const loadKafka = Effect.promise(async () => {
  const [{ KafkaAdmin }, { openKafkaReader }, { openSession }] = await Promise.all([
    import('../../adapters/log/kafka/kafka-admin.ts'),
    import('../../adapters/log/kafka/kafka-reader.ts'),
    import('../../adapters/log/kafka/kafka-session.ts')
  ])
  return { KafkaAdmin, openKafkaReader, openSession }
})

const openOnKafka = Effect.fnUntraced(function* (
  { connection, groupId, isCompacted, registry }: LanderKafka,
  { topic, folder, observe }: LanderLogSettings
) {
  const { KafkaAdmin, openKafkaReader, openSession } = yield* loadKafka
  const open = () => openSession(connection, (line) => observe({ type: 'client.reported', line }))
  const admin = yield* Effect.acquireRelease(
    Effect.sync(() => new KafkaAdmin(open, answerMsMax)),
    (opened) => Effect.sync(() => opened.close())
  )
  return yield* openKafkaReader({
    topic,
    groupId,
    isCompacted,
    openSession: open,
    admin,
    schemas: yield* schemasOf(keptSchemas(folder.schemas), registry),
    monotonicMs: () => performance.now(),
    observe
  })
})

/** Without a registry records name their schema by fingerprint; some of those are kept here. */
const schemasOf = (kept: KeptSchemas, registry: LanderKafka['registry']) =>
  registry === undefined
    ? Effect.succeed<WriterSchemas>({
        ofId: () => Promise.resolve(undefined),
        ofFingerprint: kept.textOf
      })
    : schemasIn(kept, registry)

const schemasIn = Effect.fnUntraced(function* (
  kept: KeptSchemas,
  { cacheFile, ...connection }: NonNullable<LanderKafka['registry']>
) {
  const { openSchemaRegistry } = yield* Effect.promise(
    () => import('../../adapters/schema/schema-registry.ts')
  )
  const registry = yield* openSchemaRegistry({
    connection,
    cacheFile,
    observe: () => undefined
  })
  const known = new Map<number, WriterSchema>()
  const texts = new Map<string, string>()
  const ask = (schemaId: number) =>
    registry.schemaOf(schemaId).pipe(
      Effect.map((schema): WriterSchema => {
        const { fingerprint } = makeRecordCodec(JSON.parse(schema) as object)
        texts.set(fingerprint, schema)
        known.set(schemaId, { fingerprint, schema })
        return { fingerprint, schema }
      }),
      Effect.catchTag('SchemaUnknown', () => Effect.succeed(undefined))
    )
  const schemas: WriterSchemas = {
    ofId: async (schemaId) => known.get(schemaId) ?? Effect.runPromise(ask(schemaId)),
    ofFingerprint: async (fingerprint) => texts.get(fingerprint) ?? (await kept.textOf(fingerprint))
  }
  return schemas
})
