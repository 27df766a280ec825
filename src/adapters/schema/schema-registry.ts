/**
 * Schemas in a registry that speaks Confluent's REST interface: ids for those that are written,
 * schemas for the ids that are read.
 * Source: Confluent, "Schema Registry API Reference": subjects, schemas, config.
 *
 * 1. The subject of a topic's values is `{topic}-value`.
 * 2. A subject without a compatibility of its own gets BACKWARD; another one is reported and kept.
 * 3. What the registry has said once is remembered on disk: with it down, all goes on that needs no
 *    new id (R42).
 * 4. A schema that the registry refuses as incompatible is `SchemaIncompatible`, by name: it does
 *    not pass by waiting (R52).
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import * as Semaphore from 'effect/Semaphore'
import {
  makeRegistryHttp,
  messageIn,
  type RegistryAnswer,
  type RegistryConnection,
  RegistryUnavailable
} from './registry-http.ts'
import { openSchemaCache, type SchemaCache, type SchemaCacheEvent } from './schema-cache.ts'

export interface SchemaRegistryOptions {
  readonly connection: RegistryConnection
  /** Where what was said is remembered. */
  readonly cacheFile: string
  readonly observe: (event: SchemaRegistryEvent) => void
}

export type SchemaRegistryEvent =
  | SchemaCacheEvent
  | { readonly type: 'schema.registered'; readonly subject: string; readonly id: number }
  | {
      readonly type: 'compatibility.differs'
      readonly subject: string
      readonly declared: string
      readonly actual: string
    }
  | { readonly type: 'schema_cache.unsaved'; readonly detail: string }

/** A schema that is written, and the names it goes by. */
export interface WrittenSchema {
  /** Avro schema, as JSON. */
  readonly text: string
  /** Rabin fingerprint, sixteen lower-case hex digits. */
  readonly fingerprint: string
}

/** The registry refuses a schema for what its subject has already. */
class SchemaIncompatible extends Schema.TaggedError<SchemaIncompatible>()(
  'SchemaIncompatible',
  { subject: Schema.String, detail: Schema.String }
) {
  readonly isRefusal = true
  override get message() {
    return (
      `subject ${this.subject} of the schema registry refuses this version's schema: ` +
      `${this.detail}; give new fields a default, or use a new topic`
    )
  }
}

/** The registry has no schema with this id. */
class SchemaUnknown extends Schema.TaggedError<SchemaUnknown>()('SchemaUnknown', {
  id: Schema.Number,
  detail: Schema.String
}) {
  override get message() {
    return `the schema registry has no Avro schema ${this.id}: ${this.detail}`
  }
}

export interface SchemaRegistry {
  /** Id of a schema for the values of a topic: the remembered one, else the registry's. */
  readonly idOf: (
    topic: string,
    schema: WrittenSchema
  ) => Effect.Effect<number, RegistryUnavailable | SchemaIncompatible>
  /** As `idOf`, but the registry is always asked: what is remembered is made true (4). */
  readonly register: SchemaRegistry['idOf']
  /** Avro schema with an id, as JSON. */
  readonly schemaOf: (id: number) => Effect.Effect<string, RegistryUnavailable | SchemaUnknown>
}

const compatibility = 'BACKWARD'

/** Asks nothing yet. It fails if the file of the certificate authority cannot be read. */
export const openSchemaRegistry = (
  options: SchemaRegistryOptions
): Effect.Effect<SchemaRegistry, RegistryUnavailable> =>
  Effect.gen(function* () {
    const { connection, cacheFile: file, observe } = options
    const http = yield* Effect.try({
      try: () => makeRegistryHttp(connection),
      catch: (error) =>
        new RegistryUnavailable({ detail: error instanceof Error ? error.message : String(error) })
    })
    const registry = [...connection.urls].sort().join(',')
    const cache = yield* Effect.promise(() => openSchemaCache({ file, registry, observe }))
    const asking = { http, cache, observe }
    // One at a time: lanes that need the same new id ask once.
    const turn = Semaphore.makeUnsafe(1)
    const remembered = (topic: string, { fingerprint }: WrittenSchema) =>
      cache.idOf(subjectOf(topic), fingerprint)
    return {
      idOf: (topic, schema) =>
        Effect.suspend(() => {
          const id = remembered(topic, schema)
          if (id !== undefined) return Effect.succeed(id)
          return turn.withPermit(
            Effect.suspend(() => {
              const known = remembered(topic, schema)
              return known === undefined ? register(asking, topic, schema) : Effect.succeed(known)
            })
          )
        }),
      register: (topic, schema) => turn.withPermit(register(asking, topic, schema)),
      schemaOf: (id) =>
        Effect.suspend(() => {
          const schema = cache.schemaOf(id)
          return schema === undefined ? fetchSchema(asking, id) : Effect.succeed(schema)
        })
    }
  })

interface Asking {
  readonly http: ReturnType<typeof makeRegistryHttp>
  readonly cache: SchemaCache
  readonly observe: (event: SchemaRegistryEvent) => void
}

const subjectOf = (topic: string): string => `${topic}-value`

const register = (
  asking: Asking,
  topic: string,
  schema: WrittenSchema
): Effect.Effect<number, RegistryUnavailable | SchemaIncompatible> =>
  Effect.gen(function* () {
    const { http, cache, observe } = asking
    const subject = subjectOf(topic)
    yield* settleCompatibility(asking, subject)
    const answer = yield* http.ask({
      method: 'POST',
      path: `/subjects/${encodeURIComponent(subject)}/versions`,
      body: { schema: schema.text, schemaType: 'AVRO' }
    })
    if (answer.status === 409 || answer.status === 422) {
      return yield* new SchemaIncompatible({ subject, detail: detailOf(answer) })
    }
    const { id } = (answer.body ?? {}) as { readonly id?: unknown }
    if (answer.status !== 200 || !Number.isSafeInteger(id)) return yield* unexpected(answer)
    observe({ type: 'schema.registered', subject, id: id as number })
    yield* remember(asking, () => cache.noteId(subject, schema.fingerprint, id as number))
    return id as number
  })

/** (2) */
const settleCompatibility = (
  { http, observe }: Asking,
  subject: string
): Effect.Effect<undefined, RegistryUnavailable> =>
  Effect.gen(function* () {
    const path = `/config/${encodeURIComponent(subject)}`
    const answer = yield* http.ask({ method: 'GET', path })
    if (answer.status === 404) {
      const put = yield* http.ask({ method: 'PUT', path, body: { compatibility } })
      return put.status === 200 ? undefined : yield* unexpected(put)
    }
    const { compatibilityLevel } = (answer.body ?? {}) as { readonly compatibilityLevel?: unknown }
    if (answer.status !== 200 || typeof compatibilityLevel !== 'string') {
      return yield* unexpected(answer)
    }
    if (compatibilityLevel !== compatibility) {
      const differs = { declared: compatibility, actual: compatibilityLevel }
      observe({ type: 'compatibility.differs', subject, ...differs })
    }
    return undefined
  })

const fetchSchema = (
  asking: Asking,
  id: number
): Effect.Effect<string, RegistryUnavailable | SchemaUnknown> =>
  Effect.gen(function* () {
    const answer = yield* asking.http.ask({ method: 'GET', path: `/schemas/ids/${id}` })
    if (answer.status === 404) return yield* new SchemaUnknown({ id, detail: detailOf(answer) })
    const { schema, schemaType = 'AVRO' } = (answer.body ?? {}) as {
      readonly schema?: unknown
      readonly schemaType?: unknown
    }
    if (answer.status !== 200 || typeof schema !== 'string') return yield* unexpected(answer)
    if (schemaType !== 'AVRO') {
      return yield* new SchemaUnknown({ id, detail: `it is of type ${String(schemaType)}` })
    }
    yield* remember(asking, () => asking.cache.noteSchema(id, schema))
    return schema
  })

/** A disk that refuses costs the memory, not the records. */
const remember = ({ observe }: Asking, note: () => Promise<void>): Effect.Effect<void> =>
  Effect.promise(() =>
    note().catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error)
      observe({ type: 'schema_cache.unsaved', detail })
    })
  )

const unexpected = (answer: RegistryAnswer): RegistryUnavailable =>
  new RegistryUnavailable({ detail: detailOf(answer) })

const detailOf = ({ status, body }: RegistryAnswer): string =>
  messageIn(body) ?? `HTTP ${status} without a message`
