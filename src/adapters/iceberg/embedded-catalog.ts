/**
 * Catalog without a server, for one machine and any number of processes: metadata is written by us,
 * beside the table's other metadata, and a pointer says which version is current.
 *
 * 1. A version's metadata is durable before its pointer is published.
 * 2. Metadata and pointer are written side by side, and beside the files that the snapshot names: a
 *    commit waits for the slowest of them once, and then for the pointer.
 * 3. After a definite failure the metadata of the lost attempt is removed; after an unclear one
 *    nothing is (R19).
 */
import * as Effect from 'effect/Effect'
import { TableUnreadable } from './errors.ts'
import { withSchema, withSnapshot } from './metadata-updates.ts'
import { metadataVersion, parseMetadata, serialiseMetadata } from './metadata.ts'
import type {
  Catalog,
  CommitOutcome,
  Files,
  FilesFault,
  PreparedCommit,
  PublishingFiles,
  SchemaChange,
  TableCommit,
  TableIdentifier,
  TableVersion
} from './ports.ts'
import { makeTablePointers, type TablePointers } from './table-pointers.ts'

export interface EmbeddedCatalogOptions {
  /** Where tables are stored. */
  readonly files: Files
  /** Where pointers are stored: on this machine, also if tables are not. */
  readonly pointerFiles: PublishingFiles
  /** URI of the pointers' own directory, without a slash at its end. */
  readonly directory: string
}

export const makeEmbeddedCatalog = (options: EmbeddedCatalogOptions): Catalog => {
  const { files } = options
  const pointers = makeTablePointers(options.pointerFiles, options.directory)
  return {
    load: Effect.fnUntraced(function* (table, known) {
      const location = yield* pointers.load(table).pipe(Effect.mapError(unreadable))
      if (location === null) return null
      return known?.location === location ? known : yield* read(files, location)
    }),
    create: Effect.fnUntraced(function* (table, { metadata, uuid }) {
      const location = metadataLocation(metadata.location, 0, uuid)
      yield* files
        .writeNew(location, serialiseMetadata(metadata))
        .pipe(Effect.mapError(unreadable))
      const outcome = yield* pointers.create(table, location)
      if (outcome === 'swapped') return 'created'
      // Another process was first: its table is the table.
      yield* Effect.ignore(files.remove(location))
      return 'conflict'
    }),
    evolve: (table, change) => evolve({ files, pointers, table }, change),
    prepare: (table, commit) => prepare({ files, pointers, table }, commit)
  }
}

const metadataLocation = (table: string, version: number, uuid: string): string =>
  `${table}/metadata/${String(version).padStart(5, '0')}-${uuid}.metadata.json`

const unreadable = ({ location, message: reason }: FilesFault): TableUnreadable =>
  new TableUnreadable({ location, reason })

const read = Effect.fnUntraced(function* (files: Files, location: string) {
  const bytes = yield* files.read(location).pipe(Effect.mapError(unreadable))
  const version: TableVersion = {
    location,
    metadata: yield* Effect.try({
      try: () => parseMetadata(location, bytes),
      catch: (error) => error as TableUnreadable
    })
  }
  return version
})

/** Another version is current already. */
const lost: PreparedCommit = { commit: Effect.succeed('conflict'), discard: Effect.void }

interface Home {
  readonly files: Files
  readonly pointers: TablePointers
  readonly table: TableIdentifier
}

const evolve = Effect.fnUntraced(function* (
  { files, pointers, table }: Home,
  change: SchemaChange
) {
  const { base, uuid } = change
  const next = metadataVersion(base.location) + 1
  const location = metadataLocation(base.metadata.location, next, uuid)
  yield* files
    .writeNew(location, serialiseMetadata(withSchema(change)))
    .pipe(Effect.mapError(unreadable))
  const swap = yield* pointers
    .prepareSwap(table, base.location, location)
    .pipe(Effect.mapError(unreadable))
  const outcome = swap === null ? 'conflict' : yield* swap.swap
  if (outcome === 'swapped') return 'evolved'
  yield* Effect.ignore(files.remove(location))
  return 'conflict'
})

const prepare = (
  { files, pointers, table }: Home,
  { base, snapshot, expired, properties, uuid }: TableCommit
): Effect.Effect<PreparedCommit, FilesFault> =>
  Effect.suspend(() => {
    const change = withSnapshot(base, { snapshot, expired, properties })
    const location = metadataLocation(
      base.metadata.location,
      metadataVersion(base.location) + 1,
      uuid
    )
    let isOurs = true
    const writing = files.writeNew(location, serialiseMetadata(change.next)).pipe(
      Effect.tapError((fault) =>
        Effect.sync(() => {
          // Not ours, then, and not ours to remove.
          if (fault._tag === 'FileExists') isOurs = false
        })
      )
    )
    const removed = Effect.suspend(() =>
      isOurs ? Effect.ignore(files.remove(location)) : Effect.void
    )
    let discardSwap: Effect.Effect<void> = Effect.void
    const swapping = pointers.prepareSwap(table, base.location, location).pipe(
      Effect.tap((swap) =>
        Effect.sync(() => {
          discardSwap = swap?.discard ?? Effect.void
        })
      )
    )
    // (2)
    return Effect.all([swapping, writing], { concurrency: 'unbounded' }).pipe(
      Effect.tapError(() => Effect.andThen(discardSwap, removed)),
      Effect.onInterrupt(() => Effect.andThen(discardSwap, removed)),
      Effect.flatMap(([swap]) => {
        if (swap === null) return Effect.as(removed, lost)
        const commit = Effect.flatMap(
          swap.swap,
          (outcome): Effect.Effect<CommitOutcome> =>
            outcome === 'swapped'
              ? Effect.succeed({ location, metadata: change.next, trimmed: change.trimmed })
              : Effect.as(removed, 'conflict')
        )
        return Effect.succeed({ commit, discard: Effect.andThen(swap.discard, removed) })
      })
    )
  })
