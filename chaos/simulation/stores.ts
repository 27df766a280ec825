/**
 * Files of the warehouse on the simulated machine, step by step as `local-files.ts` has them, and
 * the catalog: pointers beside them, or a service that keeps these and is asked over a network.
 */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import type { Stores } from '../../src/actors/storage/stores.ts'
import { makeEmbeddedCatalog } from '../../src/adapters/iceberg/embedded-catalog.ts'
import { TableUnreadable } from '../../src/adapters/iceberg/errors.ts'
import type {
  Catalog,
  CommitOutcome,
  FilesFault,
  PublishingFiles,
  SwapUnknown,
  TableCommit,
  TableIdentifier
} from '../../src/adapters/iceberg/ports.ts'
import { FileAbsent, FileExists, type LogFiles } from '../../src/adapters/log/log-files.ts'
import type { Environment } from './environment.ts'
import type { Link } from './network.ts'
import type { SimulatedProcess } from './process.ts'

const warehousePath = '/data/warehouse'
const warehouse = `file://${warehousePath}`
const pointers = `${warehouse}/_catalog`

/** The warehouse as one process sees it. */
export const storeFiles = (files: LogFiles): PublishingFiles => {
  const made = new Map<string, Promise<void>>()
  const ensure = (directory: string): Promise<void> => {
    const making = made.get(directory) ?? files.makeDirectory(directory)
    made.set(directory, making)
    return making
  }
  return {
    writeNew: (location, bytes) =>
      run(location, async (path) => {
        await ensure(dirname(path))
        await writeSynced(files, path, bytes)
        await files.syncDirectory(dirname(path))
      }),
    publish: (staged, location) =>
      run(location, async (path) => {
        await files.link(fileURLToPath(staged), path)
        await files.remove(fileURLToPath(staged))
        await files.syncDirectory(dirname(path))
      }),
    read: (location) => run(location, (path) => readWhole(files, path)),
    remove: (location) => run(location, (path) => files.remove(path).catch(ignoreAbsent)),
    list: (directory) =>
      run(directory, (path) => files.list(path).catch((error) => (ignoreAbsent(error), []))),
    size: (location) =>
      run(location, (path) => sizeOf(files, path).catch((error) => (ignoreAbsent(error), null)))
  }
}

const run = <A>(
  location: string,
  body: (path: string) => Promise<A>
): Effect.Effect<A, FilesFault> =>
  Effect.uninterruptible(
    Effect.tryPromise({
      try: () => body(fileURLToPath(location)),
      catch: (error): FilesFault => ({
        _tag:
          error instanceof FileAbsent
            ? 'FileMissing'
            : error instanceof FileExists
              ? 'FileExists'
              : 'FileFailed',
        location,
        message: String(error)
      })
    })
  )

const ignoreAbsent = (error: unknown): void => {
  if (!(error instanceof FileAbsent)) throw error
}

const writeSynced = async (files: LogFiles, path: string, bytes: Uint8Array): Promise<void> => {
  const file = await files.open(path, 'create')
  try {
    await file.write([bytes], 0)
    await file.sync()
  } catch (error) {
    await files.remove(path)
    throw error
  } finally {
    await file.close()
  }
}

export const readWhole = async (files: LogFiles, path: string): Promise<Uint8Array> => {
  const file = await files.open(path, 'read')
  try {
    const bytes = Buffer.alloc(await file.size())
    await file.read(bytes, 0)
    return bytes
  } finally {
    await file.close()
  }
}

const sizeOf = async (files: LogFiles, path: string): Promise<number> => {
  const file = await files.open(path, 'read')
  try {
    return await file.size()
  } finally {
    await file.close()
  }
}

export const embeddedCatalog = (files: PublishingFiles): Catalog =>
  makeEmbeddedCatalog({ files, pointerFiles: files, directory: pointers })

export const storesOf = (files: PublishingFiles, catalog: Catalog): Stores => ({
  files,
  catalog,
  warehouse,
  s3: null,
  listBelow: () => Effect.succeed([])
})

/** The service: a process of its own that keeps the pointers. */
export class CatalogService {
  readonly #start: () => SimulatedProcess
  #process: SimulatedProcess
  #catalog: Catalog

  constructor(start: () => SimulatedProcess) {
    this.#start = start
    this.#process = start()
    this.#catalog = embeddedCatalog(storeFiles(this.#process.files))
  }

  get process(): SimulatedProcess {
    return this.#process
  }

  restart(): void {
    this.#process = this.#start()
    this.#catalog = embeddedCatalog(storeFiles(this.#process.files))
  }

  /** Runs a request in the service, if it is there; nobody is told of one that it dies in. */
  serve<A, E>(
    request: (catalog: Catalog) => Effect.Effect<A, E>,
    reply: (answer: Effect.Effect<A, E>) => void
  ): void {
    if (!this.#process.isRunning) return
    const fiber = Effect.runForkWith(this.#process.context)(request(this.#catalog))
    fiber.addObserver((exit) => reply(exit))
  }
}

export interface CatalogClient {
  readonly environment: Environment
  readonly service: CatalogService
  readonly process: SimulatedProcess
  readonly link: Link
}

const answerMsMax = 3_000

/** The catalog as a process asks for it over the network. */
export const remoteCatalog = (client: CatalogClient): Catalog => {
  const ask = <A, E>(what: string, request: (catalog: Catalog) => Effect.Effect<A, E>) =>
    asked(client, what, request)
  return {
    load: (table, known) =>
      Effect.mapError(
        ask('load', (catalog) => catalog.load(table, known)),
        (error) =>
          error._tag === 'SwapUnknown'
            ? new TableUnreadable({ location: 'catalog', reason: error.message })
            : error
      ),
    create: (table, first) => ask('create', (catalog) => catalog.create(table, first)),
    evolve: (table, change) => ask('evolve', (catalog) => catalog.evolve(table, change)),
    prepare: (table, commit) =>
      Effect.succeed({ commit: swap(client, table, commit), discard: Effect.void })
  }
}

interface Delivery {
  readonly lateMs?: number
  readonly isAnswered?: boolean
}

const asked = <A, E>(
  { environment, service, process, link }: CatalogClient,
  what: string,
  request: (catalog: Catalog) => Effect.Effect<A, E>,
  { lateMs = 0, isAnswered = true }: Delivery = {}
): Effect.Effect<A, E | SwapUnknown> =>
  Effect.callback<A, E | SwapUnknown>((resume) => {
    const arrive = () =>
      service.serve(request, (reply) => {
        if (!isAnswered) return
        link.send(`${process.name} is answered: ${what}`, () => {
          giveUp()
          if (process.isRunning) resume(reply)
        })
      })
    link.send(`${process.name} asks the catalog: ${what}`, arrive, lateMs)
    const giveUp = process.after(answerMsMax, () => {
      environment.trace(process.name, `hears nothing of: ${what}`)
      resume(Effect.fail({ _tag: 'SwapUnknown', message: `no answer within ${answerMsMax} ms` }))
    })
    return Effect.sync(giveUp)
  })

/** A swap that may be lost, or late, or whose answer may be. */
const swap = (
  client: CatalogClient,
  table: TableIdentifier,
  commit: TableCommit
): Effect.Effect<CommitOutcome, SwapUnknown> =>
  Effect.suspend(() => {
    const { environment } = client
    const request = (catalog: Catalog) =>
      Effect.flatMap(catalog.prepare(table, commit), (prepared) => prepared.commit).pipe(
        Effect.mapError(({ message }): SwapUnknown => ({ _tag: 'SwapUnknown', message }))
      )
    if (environment.strikes('swapLost', 'fault: swap lost')) {
      const message = 'the request was lost'
      return Effect.andThen(
        Effect.sleep(answerMsMax),
        Effect.fail<SwapUnknown>({ _tag: 'SwapUnknown', message })
      )
    }
    if (environment.strikes('swapLate', 'fault: swap late')) {
      return asked(client, 'swap', request, { lateMs: environment.between(500, 4 * answerMsMax) })
    }
    const isAnswered = !environment.strikes('swapAnswerLost', 'fault: swap answer lost')
    return asked(client, 'swap', request, { isAnswered })
  })
