/**
 * What a registry has said, on disk: ids of schemas never change, so that with it everything goes
 * on while the registry is down (R42).
 *
 * 1. What is remembered belongs to one registry: under other addresses nothing is remembered.
 * 2. The file is whole at any time: a new one is durable before it takes the old one's name.
 * 3. It can be lost: all is asked for again. One that cannot be read counts as none, by report.
 */
import { readFile } from 'node:fs/promises'
import * as Schema from 'effect/Schema'
import { writeWhole } from './whole-file.ts'

export interface SchemaCache {
  readonly idOf: (subject: string, fingerprint: string) => number | undefined
  readonly schemaOf: (id: number) => string | undefined
  /** Rejects with the disk's own error; what was told is known in memory all the same. */
  readonly noteId: (subject: string, fingerprint: string, id: number) => Promise<void>
  readonly noteSchema: (id: number, schema: string) => Promise<void>
}

export interface SchemaCacheOptions {
  readonly file: string
  /** Names the registry: its addresses. */
  readonly registry: string
  readonly observe: (event: SchemaCacheEvent) => void
}

export interface SchemaCacheEvent {
  readonly type: 'schema_cache.unreadable'
  readonly detail: string
}

/** Never rejects. */
export const openSchemaCache = async (options: SchemaCacheOptions): Promise<SchemaCache> => {
  const { file, registry } = options
  const content = await readContent(options)
  const ids = new Map(Object.entries(content.ids))
  const schemas = new Map(Object.entries(content.schemas))
  let writing: Promise<void> = Promise.resolve()
  const save = (): Promise<void> => {
    const write = () =>
      writeWhole(
        file,
        textOf({
          version: 1,
          registry,
          ids: Object.fromEntries(ids),
          schemas: Object.fromEntries(schemas)
        })
      )
    // One after the other, also after one that failed.
    const saved = writing.then(write, write)
    writing = saved.catch(() => undefined)
    return saved
  }
  return {
    idOf: (subject, fingerprint) => ids.get(keyOf(subject, fingerprint)),
    schemaOf: (id) => schemas.get(String(id)),
    async noteId(subject, fingerprint, id) {
      const key = keyOf(subject, fingerprint)
      if (ids.get(key) === id) return
      ids.set(key, id)
      await save()
    },
    async noteSchema(id, schema) {
      if (schemas.get(String(id)) === schema) return
      schemas.set(String(id), schema)
      await save()
    }
  }
}

interface Content {
  readonly version: 1
  readonly registry: string
  /** By subject and fingerprint. */
  readonly ids: Readonly<Record<string, number>>
  /** Avro schemas by id. */
  readonly schemas: Readonly<Record<string, string>>
}

const textOf = (content: Content): string => `${JSON.stringify(content, undefined, 2)}\n`

const keyOf = (subject: string, fingerprint: string): string => `${subject} ${fingerprint}`

const decodeContent = Schema.decodeUnknownSync(
  Schema.Struct({
    version: Schema.Literal(1),
    registry: Schema.String,
    ids: Schema.Record(Schema.String, Schema.Int),
    schemas: Schema.Record(Schema.String, Schema.String)
  })
)

const readContent = async ({
  file,
  registry,
  observe
}: SchemaCacheOptions): Promise<Pick<Content, 'ids' | 'schemas'>> => {
  const nothing = { ids: {}, schemas: {} }
  try {
    const content = decodeContent(JSON.parse(await readFile(file, 'utf8')))
    return content.registry === registry ? content : nothing
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const detail = error instanceof Error ? error.message : String(error)
    if (!isAbsent) observe({ type: 'schema_cache.unreadable', detail: `${file}: ${detail}` })
    return nothing
  }
}
