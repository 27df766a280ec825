/**
 * Catalog behind an Iceberg REST server: it is sent requirements and changes, and writes the
 * metadata (open-api/rest-catalog-open-api.yaml, `loadTable`, `createTable`, `updateTable`).
 *
 * 1. A commit requires that main still has the head that it builds on, and that the table is still
 *    the same one.
 * 2. 409 is a conflict; another 4xx, or a request that was never sent, is a refusal: nothing took
 *    place. Everything else, an unreadable success too, is unknown (R19), and never repeated here.
 * 3. Snapshots that leave the table leave with the commit (R27). Old metadata files are the
 *    server's to delete, as `write.metadata.delete-after-commit.enabled` asks it.
 */
import * as Effect from 'effect/Effect'
import { TableUnreadable } from './errors.ts'
import { parseJson, stringifyJson } from './lossless.ts'
import { metadataOf, snapshotById, type Snapshot, type TableMetadata } from './metadata.ts'
import type {
  Catalog,
  CommitOutcome,
  CommitRefused,
  SchemaChange,
  SwapUnknown,
  TableCommit,
  TableIdentifier,
  TableVersion
} from './ports.ts'
import {
  type CallFailed,
  explanation,
  makeRestSession,
  objectOf,
  type RestAnswer,
  type RestCatalogOptions
} from './rest-session.ts'
import { lastColumnId } from './schema.ts'

export const makeRestCatalog = (options: RestCatalogOptions): Catalog => {
  const session = makeRestSession(options)
  /** Entity tag of the version that was loaded last. */
  const tags = new Map<string, { readonly location: string; readonly tag: string }>()

  const load: Catalog['load'] = Effect.fnUntraced(function* (table, known) {
    const path = pathOf(table)
    const tag = tags.get(path)
    const isKnown = known !== null && tag?.location === known.location
    const answer = yield* session
      .call({ method: 'GET', path, headers: isKnown ? { 'if-none-match': tag.tag } : undefined })
      .pipe(Effect.mapError(({ message: reason }) => unreadable(options, path, reason)))
    if (answer.status === 304 && known !== null) return known
    if (answer.status === 404) return null
    if (answer.status !== 200) return yield* unreadable(options, path, explanation(answer))
    const version = yield* Effect.try({
      try: () => versionOf(answer, known),
      catch: (error) => unreadable(options, path, reasonOf(error))
    })
    const { etag } = answer.headers
    if (etag === undefined) tags.delete(path)
    else tags.set(path, { location: version.location, tag: etag })
    return version
  })

  const create: Catalog['create'] = Effect.fnUntraced(function* (table, { metadata }) {
    const path = `/namespaces/${encodeURIComponent(table.namespace)}/tables`
    const body = stringifyJson(creationOf(table, metadata))
    const ask = session.call({ method: 'POST', path, body }).pipe(Effect.mapError(faultOf))
    let answer = yield* ask
    if (answer.status === 404) {
      const namespace = stringifyJson({ namespace: [table.namespace], properties: {} })
      const made = yield* session
        .call({ method: 'POST', path: '/namespaces', body: namespace })
        .pipe(Effect.mapError(faultOf))
      // 409: another process made it.
      if (made.status !== 200 && made.status !== 409) return yield* refusal(made)
      answer = yield* ask
    }
    if (answer.status === 200) return 'created'
    if (answer.status === 409) return 'conflict'
    return yield* refusal(answer)
  })

  const commit = (table: TableIdentifier, change: TableCommit) =>
    session
      .call({ method: 'POST', path: pathOf(table), body: stringifyJson(updateOf(table, change)) })
      .pipe(
        Effect.mapError(faultOf),
        Effect.flatMap((answer) => outcomeOf(answer, change))
      )

  const evolve: Catalog['evolve'] = Effect.fnUntraced(function* (table, change) {
    const body = stringifyJson(evolutionOf(table, change))
    const answer = yield* session
      .call({ method: 'POST', path: pathOf(table), body })
      .pipe(Effect.mapError(faultOf))
    if (answer.status === 200) return 'evolved'
    return answer.status === 409 ? 'conflict' : yield* refusal(answer)
  })

  return {
    load,
    create,
    evolve,
    prepare: (table, change) =>
      Effect.succeed({ commit: commit(table, change), discard: Effect.void })
  }
}

const pathOf = ({ namespace, name }: TableIdentifier): string =>
  `/namespaces/${encodeURIComponent(namespace)}/tables/${encodeURIComponent(name)}`

const unreadable = ({ uri }: RestCatalogOptions, path: string, reason: string): TableUnreadable =>
  new TableUnreadable({ location: `${uri}${path}`, reason })

const reasonOf = (error: unknown): string => {
  if (error instanceof TableUnreadable) return error.reason
  return error instanceof Error ? error.message : String(error)
}

/** @throws what is wrong with a `LoadTableResult` or `CommitTableResponse` */
const versionOf = ({ text }: RestAnswer, known: TableVersion | null): TableVersion => {
  const result = objectOf(parseJson(text))
  const location = result['metadata-location']
  if (typeof location !== 'string') throw new TypeError('the answer has no metadata-location')
  if (known?.location === location) return known
  return { location, metadata: metadataOf(location, objectOf(result['metadata'])) }
}

/** (2) */
const faultOf = ({ mayHaveActed, message }: CallFailed): SwapUnknown | CommitRefused => ({
  _tag: mayHaveActed ? 'SwapUnknown' : 'CommitRefused',
  message
})

const refusal = (answer: RestAnswer): Effect.Effect<never, SwapUnknown | CommitRefused> =>
  Effect.fail({
    _tag: answer.status >= 400 && answer.status < 500 ? 'CommitRefused' : 'SwapUnknown',
    message: `the Iceberg catalog refused: ${explanation(answer)}`
  })

const outcomeOf = (
  answer: RestAnswer,
  { snapshot }: TableCommit
): Effect.Effect<CommitOutcome, SwapUnknown | CommitRefused> => {
  if (answer.status === 409) return Effect.succeed('conflict')
  if (answer.status !== 200) return refusal(answer)
  return Effect.try({
    try: () => {
      const version = versionOf(answer, null)
      if (snapshotById(version.metadata, idOf(snapshot)) === null)
        throw new TypeError('it lacks the snapshot')
      return { ...version, trimmed: [] }
    },
    catch: (error): SwapUnknown => ({
      _tag: 'SwapUnknown',
      message: `the Iceberg catalog's answer is unreadable: ${reasonOf(error)}`
    })
  })
}

/** A `CreateTableRequest`. */
const creationOf = ({ name }: TableIdentifier, metadata: TableMetadata) => ({
  name,
  location: metadata.location,
  schema: metadata.schemas.at(-1),
  'partition-spec': metadata['partition-specs'].at(-1),
  'write-order': metadata['sort-orders'].at(-1),
  'stage-create': false,
  properties: { ...metadata.properties, 'format-version': String(metadata['format-version']) }
})

/** A `CommitTableRequest` (1, 3). */
const updateOf = (
  { namespace, name }: TableIdentifier,
  { base, snapshot, expired, properties }: TableCommit
) => ({
  identifier: { namespace: [namespace], name },
  requirements: [
    { type: 'assert-table-uuid', uuid: base.metadata['table-uuid'] },
    {
      type: 'assert-ref-snapshot-id',
      ref: 'main',
      'snapshot-id': base.metadata['current-snapshot-id'] ?? null
    }
  ],
  updates: [
    ...propertyUpdates(base.metadata.properties, properties),
    { action: 'add-snapshot', snapshot },
    { ...mainOf(base.metadata), action: 'set-snapshot-ref', 'snapshot-id': idOf(snapshot) },
    ...(expired.length === 0
      ? []
      : [{ action: 'remove-snapshots', 'snapshot-ids': expired.map(idOf) }])
  ]
})

/** A `CommitTableRequest` that adds a schema and makes it the current one. */
const evolutionOf = ({ namespace, name }: TableIdentifier, { base, schema }: SchemaChange) => ({
  identifier: { namespace: [namespace], name },
  requirements: [
    { type: 'assert-table-uuid', uuid: base.metadata['table-uuid'] },
    { type: 'assert-current-schema-id', 'current-schema-id': base.metadata['current-schema-id'] },
    {
      type: 'assert-last-assigned-field-id',
      'last-assigned-field-id': base.metadata['last-column-id']
    }
  ],
  updates: [
    { action: 'add-schema', schema, 'last-column-id': lastColumnId(schema) },
    { action: 'set-current-schema', 'schema-id': lastAdded }
  ]
})

/** Of this request. */
const lastAdded = -1

const idOf = (snapshot: Snapshot): bigint => snapshot['snapshot-id']

/** With the retention that somebody may have set for it: a ref is replaced as a whole. */
const mainOf = ({ refs }: TableMetadata) => ({
  ...refs['main'],
  'ref-name': 'main',
  type: 'branch'
})

const propertyUpdates = (
  before: TableCommit['properties'],
  after: TableCommit['properties']
): readonly unknown[] => {
  const changed = Object.entries(after).filter(([key, value]) => before[key] !== value)
  return changed.length === 0
    ? []
    : [{ action: 'set-properties', updates: Object.fromEntries(changed) }]
}
