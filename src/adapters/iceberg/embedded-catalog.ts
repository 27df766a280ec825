/**
 * Catalog in a directory of its own, for one machine and any number of processes.
 *
 * A table is a series of pointer files `<version>.json`, each naming a metadata file; the highest version is the current
 * one. A swap creates the next version, which only one process can do.
 *
 * 1. A pointer is whole or absent (`Files.publish`: content is synced before the name exists, then the directory).
 * 2. Readers take the highest version. Old pointers are pruned, lowest first, but the newest `pointersKept` stay.
 * 3. So a writer that is late by more than `pointersKept` swaps can create a version that existed and was pruned. Nobody
 *    reads it as current (2), and the writer sees from the listing after its swap that it is too far behind to tell
 *    whether its version ever was current: the outcome is unknown, and the lineage of the table decides.
 * 4. A higher version found after our swap within that distance was built on ours: ours is committed.
 */
import * as Effect from 'effect/Effect'
import type { Catalog, Files, FilesFault, SwapOutcome, SwapUnknown, TableIdentifier } from './ports.ts'

/** `directory` is the URI of the catalog's own directory, without a slash at its end. */
export const makeEmbeddedCatalog = (files: Files, directory: string): Catalog => {
  const known = new Map<string, { readonly version: number; readonly location: string }>()

  const readPointer = Effect.fnUntraced(function* (home: string, version: number) {
    const location = yield* files.read(pointerAt(home, version)).pipe(Effect.flatMap((bytes) => pointed(home, bytes)))
    known.set(home, { version, location })
    return { version, location }
  })

  const current = Effect.fnUntraced(function* (home: string) {
    const cached = known.get(home)
    // Nothing follows the version we know, and it is not pruned: it is still the highest.
    if (cached !== undefined && (yield* files.size(pointerAt(home, cached.version + 1))) === null
      && (yield* files.size(pointerAt(home, cached.version))) !== null) return cached
    for (let retries = 0; ; retries += 1) {
      const highest = Math.max(0, ...versionsOf(yield* files.list(home)))
      if (highest === 0) return null
      const read = yield* Effect.exit(readPointer(home, highest))
      if (read._tag === 'Success') return read.value
      // Pruned between listing and reading: so much newer versions exist that a new listing finds them.
      if (retries >= listRetriesMax) return yield* read
    }
  })

  const put = Effect.fnUntraced(function* (
    home: string, version: number, location: string
  ): Effect.fn.Return<SwapOutcome, FilesFault | SwapUnknown> {
    const text = Buffer.from(JSON.stringify({ version, 'metadata-location': location }))
    const taken = yield* files.publish(pointerAt(home, version), text).pipe(
      Effect.as(false),
      Effect.catchIf((fault) => fault._tag === 'FileExists', () => Effect.succeed(true)))
    if (taken) return 'conflict'
    const versions = versionsOf(yield* files.list(home))
    const highest = Math.max(version, ...versions)
    if (highest >= version + pointersKept) return yield* Effect.fail(unknown(`pointer ${version} was overtaken`))
    known.set(home, { version, location })
    yield* Effect.ignore(prune(files, home, versions, highest))
    return 'swapped'
  })

  return {
    load: (table) => current(homeOf(directory, table)).pipe(Effect.map((it) => it?.location ?? null)),
    create: Effect.fnUntraced(function* (table, next) {
      const home = homeOf(directory, table)
      if ((yield* current(home).pipe(Effect.mapError(asUnknown))) !== null) return 'conflict'
      return yield* put(home, 1, next).pipe(Effect.mapError(asUnknown))
    }),
    swap: Effect.fnUntraced(function* (table, expected, next) {
      const home = homeOf(directory, table)
      const now = yield* current(home).pipe(Effect.mapError(asUnknown))
      if (now === null || now.location !== expected) return 'conflict'
      return yield* put(home, now.version + 1, next).pipe(Effect.mapError(asUnknown))
    })
  }
}

const pointersKept = 1_000
/** Pointers are pruned in groups, so that most swaps remove nothing. */
const pruneGroup = 64
const listRetriesMax = 3

const homeOf = (directory: string, { namespace, name }: TableIdentifier): string => `${directory}/${namespace}/${name}`

const pointerAt = (home: string, version: number): string => `${home}/${String(version).padStart(10, '0')}.json`

const versionsOf = (names: readonly string[]): readonly number[] =>
  names.flatMap((name) => (/^\d{10}\.json$/.test(name) ? [Number(name.slice(0, 10))] : []))

/** Lowest first: a version is never absent while a lower one is left (2), which `current` relies on. */
const prune = Effect.fnUntraced(function* (files: Files, home: string, versions: readonly number[], highest: number) {
  if (versions.length <= pointersKept + pruneGroup) return
  const old = versions.filter((it) => it <= highest - pointersKept).sort((left, right) => left - right)
  for (const version of old) yield* files.remove(pointerAt(home, version))
})

const unknown = (message: string): SwapUnknown => ({ _tag: 'SwapUnknown', message })

const asUnknown = (fault: FilesFault | SwapUnknown): SwapUnknown =>
  fault._tag === 'SwapUnknown' ? fault : unknown(fault.message)

const pointed = (home: string, bytes: Uint8Array): Effect.Effect<string, FilesFault> =>
  Effect.try({
    try: () => {
      const pointer = JSON.parse(Buffer.from(bytes).toString('utf8')) as { readonly 'metadata-location'?: unknown }
      const location = pointer['metadata-location']
      if (typeof location !== 'string') throw new TypeError('no metadata-location')
      return location
    },
    catch: (error): FilesFault => ({
      _tag: 'FileFailed', location: home, message: `catalog pointer unreadable: ${String(error)}`
    })
  })
