/**
 * The catalog and the object stores that the configuration names; each can be a service of its own
 * or embedded, independently of the other. Made by main thread and workers alike, from the same
 * settings.
 *
 * 1. A location's scheme decides which store it is in, so that a table stays readable where it is
 *    when the configuration changes.
 * 2. Pointers of the embedded catalog are local files, wherever its tables are.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { Config } from '../../adapters/config/config.ts'
import { makeEmbeddedCatalog } from '../../adapters/iceberg/embedded-catalog.ts'
import type { Catalog, Files, FilesFault } from '../../adapters/iceberg/ports.ts'
import type { ListStored } from '../../adapters/iceberg/orphans.ts'
import { fileLocation, makeLocalFiles } from '../../adapters/object-store/local-files.ts'
import { listBelow as listLocal } from '../../adapters/object-store/local-listing.ts'
import type { S3Files } from '../../adapters/object-store/s3-files.ts'
import type { DataFolder } from './data-folder.ts'

/** Structured-cloneable: workers are given it. Absent: embedded. */
export interface StorageSettings {
  readonly catalog?: CatalogSettings | undefined
  readonly s3?: S3Settings | undefined
}

interface CatalogSettings {
  readonly uri: string
  readonly warehouse: string | undefined
  readonly token: string | undefined
  readonly credential: string | undefined
  readonly oauthUri: string | undefined
  readonly oauthScope: string
  readonly tlsCaFile: string | undefined
}

interface S3Settings {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly prefix: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly isPathStyle: boolean
  readonly tlsCaFile: string | undefined
}

export interface Stores {
  readonly files: Files
  readonly catalog: Catalog
  /** URI of the directory for new tables, without a slash at its end. */
  readonly warehouse: string
  readonly s3: S3Files | null
  /** What is stored below a directory, at any depth. */
  readonly listBelow: ListStored
}

/** A setting of the stores cannot be used. */
export class StorageMisconfigured extends Schema.TaggedError<StorageMisconfigured>()(
  'StorageMisconfigured',
  { variable: Schema.String, detail: Schema.String }
) {
  override get message() {
    return `${this.variable}: ${this.detail}`
  }
}

export const storageSettingsOf = (config: Config): StorageSettings => ({
  catalog:
    config.icebergCatalogUri === undefined
      ? undefined
      : {
          uri: config.icebergCatalogUri,
          warehouse: config.icebergCatalogWarehouse,
          token: config.icebergCatalogToken?.reveal(),
          credential: config.icebergCatalogCredential?.reveal(),
          oauthUri: config.icebergCatalogOauthUri,
          oauthScope: config.icebergCatalogOauthScope,
          tlsCaFile: config.icebergCatalogTlsCaFile
        },
  s3:
    config.s3Endpoint === undefined
      ? undefined
      : {
          endpoint: config.s3Endpoint,
          region: config.s3Region,
          bucket: config.s3Bucket,
          prefix: config.s3Prefix,
          accessKeyId: config.s3AccessKeyId?.reveal() ?? '',
          secretAccessKey: config.s3SecretAccessKey?.reveal() ?? '',
          isPathStyle: config.s3PathStyle === 'on',
          tlsCaFile: config.s3TlsCaFile
        }
})

export const openStores = (
  { catalog, s3 }: StorageSettings,
  folder: DataFolder,
  nowMs: () => number
): Effect.Effect<Stores, StorageMisconfigured> =>
  Effect.gen(function* () {
    const local = makeLocalFiles()
    const objects = s3 === undefined ? null : yield* s3Files(s3)
    const files = filesByScheme(local, objects)
    const localWarehouse = fileLocation(folder.warehouse)
    return {
      files,
      s3: objects,
      listBelow: (directory) =>
        objects !== null && isObject(directory)
          ? objects.listBelow(directory)
          : listLocal(directory),
      warehouse: s3 === undefined ? localWarehouse : `s3://${s3.bucket}/${s3.prefix}`,
      catalog:
        catalog === undefined
          ? makeEmbeddedCatalog({
              files,
              pointerFiles: local, // (2)
              directory: pointersDirectory(folder)
            })
          : yield* restCatalog(catalog, nowMs)
    }
  })

/** Of all tables, as a URI. */
export const pointersDirectory = (folder: DataFolder): string =>
  `${fileLocation(folder.warehouse)}/_catalog`

const catalogDeadlineMs = 15_000
const catalogConnectionsMax = 8
const s3DeadlineMs = 10_000
const s3ConnectionsMax = 16

// Loaded only where they are used: a start with what is embedded does not pay for them.
const loadHttpClient = Effect.promise(() => import('../../adapters/web/http-client.ts'))
const loadS3Files = Effect.promise(() => import('../../adapters/object-store/s3-files.ts'))
const loadRestCatalog = Effect.promise(() => import('../../adapters/iceberg/rest-catalog.ts'))

const httpClient = Effect.fnUntraced(function* (
  variable: string,
  tlsCaFile: string | undefined,
  connectionsMax: number
) {
  const { makeHttpClient } = yield* loadHttpClient
  return yield* Effect.try({
    try: () => makeHttpClient({ tlsCaFile, connectionsMax }),
    catch: (error) => new StorageMisconfigured({ variable, detail: String(error) })
  })
})

const s3Files = Effect.fnUntraced(function* ({ tlsCaFile, ...settings }: S3Settings) {
  const { makeS3Files } = yield* loadS3Files
  const { send } = yield* httpClient('K2_ICEBERG_S3_TLS_CA_FILE', tlsCaFile, s3ConnectionsMax)
  return makeS3Files({ ...settings, send, deadlineMs: s3DeadlineMs })
})

const restCatalog = Effect.fnUntraced(function* (
  { tlsCaFile, ...settings }: CatalogSettings,
  nowMs: () => number
) {
  const { makeRestCatalog } = yield* loadRestCatalog
  const variable = 'K2_ICEBERG_CATALOG_TLS_CA_FILE'
  const { send } = yield* httpClient(variable, tlsCaFile, catalogConnectionsMax)
  return makeRestCatalog({ ...settings, send, nowMs, deadlineMs: catalogDeadlineMs })
})

/** (1) */
const filesByScheme = (local: Files, objects: Files | null): Files => {
  const within = <A>(
    location: string,
    act: (files: Files) => Effect.Effect<A, FilesFault>
  ): Effect.Effect<A, FilesFault> => {
    if (!isObject(location)) return act(local)
    if (objects !== null) return act(objects)
    const message = `${location} is in S3: set K2_ICEBERG_S3_ENDPOINT and its keys`
    return Effect.fail({ _tag: 'FileFailed', location, message })
  }
  return {
    read: (location) => within(location, (files) => files.read(location)),
    writeNew: (location, bytes) => within(location, (files) => files.writeNew(location, bytes)),
    remove: (location) => within(location, (files) => files.remove(location)),
    list: (directory) => within(directory, (files) => files.list(directory)),
    size: (location) => within(location, (files) => files.size(location))
  }
}

/** Whether a location is in an object store, of which readers need local copies. */
export const isObject = (location: string): boolean => /^s3[an]?:/.test(location)
