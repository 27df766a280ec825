/**
 * The API over the tables of a data folder, without a server and without actors: for commands that
 * read while no K2 runs, or beside one.
 *
 * 1. The very routes of the server answer, from the same query engine.
 * 2. Nothing is written where K2 keeps its data: DuckDB's files and copies of stored files lie in a
 *    folder of their own, which goes with the scope.
 * 3. What has landed is seen, and nothing newer: what waits in the log, only a running K2 has.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as Queue from 'effect/Queue'
import * as Schema from 'effect/Schema'
import type { Config } from '../../adapters/config/config.ts'
import { doesExist, makeTemporaryFolder, removeFolder } from '../../adapters/disk/folders.ts'
import type { ApiDeps } from '../../adapters/http/api-deps.ts'
import { makeApp } from '../../adapters/http/app.ts'
import { makeTelemetry } from '../../adapters/telemetry/telemetry.ts'
import { CurrentActor } from '../resource-registry.ts'
import { makeShared, type Shared } from '../shared.ts'
import type { RuntimeStatus } from '../status.ts'
import { type DataFolder, dataFolderAt, openTableIn } from '../storage/data-folder.ts'
import { readOnlyStores } from '../storage/read-only-stores.ts'
import { openStores, storageSettingsOf } from '../storage/stores.ts'
import { apiDeps } from './http-actor.ts'
import { queryProgram } from './query-actor.ts'

export interface LocalApiOptions {
  readonly config: Config
  readonly version: string
  readonly run: ApiDeps['run']
  /** Lines that a server would log about a fault of its own. */
  readonly complain: (line: string) => void
}

export interface LocalApi {
  readonly request: (request: Request) => Promise<Response>
}

/** There is nothing to read. */
export class NoData extends Schema.TaggedError<NoData>()('NoData', { folder: Schema.String }) {
  override get message() {
    return (
      `there is no data folder ${this.folder}: name one by --data-dir, start K2, or ask one that ` +
      'runs elsewhere by --url'
    )
  }
}

export const openLocalApi = Effect.fnUntraced(function* (options: LocalApiOptions) {
  const { config, version, run, complain } = options
  const root = dataFolderAt(config.dataDir)
  const isHere = yield* doesExist(root.root)
  const isElsewhere = config.icebergCatalogUri !== undefined && config.s3Endpoint !== undefined
  if (!isHere && !isElsewhere) return yield* new NoData({ folder: root.root })
  const own = yield* Effect.acquireRelease(makeTemporaryFolder('k2-query-'), (path) =>
    Effect.ignore(removeFolder(path))
  )
  const folder: DataFolder = {
    ...root,
    warehouse: (yield* doesExist(root.warehouse)) ? root.warehouse : `${own}/warehouse`,
    temporary: `${own}/tmp`,
    copies: `${own}/copies`
  }
  const telemetry = makeTelemetry({ level: 'error', nowMs: Date.now, write: complain })
  const shared: Shared = {
    ...makeShared({
      // Who can read the folder needs no key, and no other role than to answer.
      config: { ...config, apiKeys: [], httpRateLimit: 0, roles: ['serve'] },
      telemetry,
      nowMs: Date.now,
      uuid: randomUUID
    }),
    folder
  }
  yield* serveTables(shared)
  const queries = yield* Effect.forkScoped(runQueries(shared))
  yield* Effect.raceFirst(
    Effect.andThen(Fiber.join(queries), Effect.never),
    shared.queries.get
  )
  const app = makeApp(
    apiDeps({
      shared,
      version,
      run,
      status: () => noActors,
      release: () => 'unknown',
      drain: () => ({ endsWithinSeconds: 0 })
    })
  )
  const api: LocalApi = { request: async (request) => app.request(request) }
  return api
})

const noActors: RuntimeStatus = {
  atMs: 0,
  root: {
    id: 'k2',
    path: 'k2',
    state: 'none',
    tags: [],
    restarts: 0,
    since: null,
    lastError: null,
    children: []
  },
  resources: [],
  leakCount: 0
}

const serveTables = (shared: Shared) =>
  Effect.gen(function* () {
    const { config, folder, pipelines, candles, nowMs, uuid } = shared
    // Where the tables are, not where this process may write.
    const stores = yield* openStores(storageSettingsOf(config), dataFolderAt(config.dataDir), nowMs)
    for (const { tableSpec, table } of [...pipelines, candles]) {
      const opened = yield* openTableIn(readOnlyStores(stores), tableSpec, {
        folder,
        snapshotsMax: config.snapshotsMax,
        nowMs,
        uuid,
        observe: () => undefined
      })
      yield* table.serve(opened)
    }
  })

/** Until the scope closes: nobody asks it to drain. */
const runQueries = (shared: Shared) =>
  Effect.gen(function* () {
    const commands = yield* Queue.unbounded<{ readonly type: string }>()
    yield* queryProgram(shared)({
      input: undefined,
      path: 'k2/queries',
      commands,
      notifyParent: () => undefined,
      ready: () => undefined,
      reportStatus: () => undefined
    })
  }).pipe(
    Effect.provideService(CurrentActor, {
      path: 'k2/queries',
      register: () => ({ release: () => undefined, leak: () => undefined })
    })
  )
