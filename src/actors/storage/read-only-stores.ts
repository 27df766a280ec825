/**
 * Stores for who only looks: what opening a table would write stays in memory, so that a table that
 * is missing is an empty one, and an older one has the columns that it lacks (R52).
 *
 * 1. Nothing reaches the stores; a commit is refused.
 * 2. What is not in memory is read from the stores, each time as it is then.
 */
import * as Effect from 'effect/Effect'
import { withSchema } from '../../adapters/iceberg/metadata-updates.ts'
import {
  type Catalog,
  type Files,
  tableName,
  type TableVersion
} from '../../adapters/iceberg/ports.ts'
import type { Stores } from './stores.ts'

export const readOnlyStores = (stores: Stores): Stores => ({
  ...stores,
  files: readOnlyFiles(stores.files),
  catalog: readOnlyCatalog(stores.catalog)
})

const readOnlyFiles = (files: Files): Files => ({
  ...files,
  writeNew: (location) => Effect.fail(refused(location)),
  remove: (location) => Effect.fail(refused(location))
})

const refused = (location: string) => ({
  _tag: 'FileFailed' as const,
  location,
  message: `${location} is not written: the tables are only looked at`
})

const readOnlyCatalog = (catalog: Catalog): Catalog => {
  /** Versions that are in memory only, by table. */
  const made = new Map<string, TableVersion>()
  const keep = (name: string, uuid: string, metadata: TableVersion['metadata']): void =>
    void made.set(name, { location: `memory:${name}/${uuid}`, metadata })
  return {
    load: (table, known) =>
      Effect.suspend(() => {
        const version = made.get(tableName(table))
        return version === undefined ? catalog.load(table, known) : Effect.succeed(version)
      }),
    create: (table, { metadata, uuid }) =>
      Effect.sync(() => {
        keep(tableName(table), uuid, metadata)
        return 'created' as const
      }),
    evolve: (table, change) =>
      Effect.sync(() => {
        keep(tableName(table), change.uuid, withSchema(change))
        return 'evolved' as const
      }),
    prepare: (table) => Effect.fail(refused(tableName(table)))
  }
}
