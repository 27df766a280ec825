/**
 * Catalog in a directory of its own, for one machine and any number of processes.
 *
 * A table is a series of pointer files `<version>.json`, each naming a metadata file; the highest
 * version is the current one. A swap creates the next version, which only one process can do.
 *
 * 1. A pointer is whole or absent (`Files.publish`: its content is synced before the name exists,
 *    the directory after that).
 * 2. Old pointers are pruned, lowest first, so a version is never absent while a lower one is left;
 *    the newest `pointersKept` stay.
 * 3. So a version is the highest if its successor is absent and it is there itself, as we know it.
 *    Asking in this order takes two small reads and no listing.
 * 4. A writer that is late by more than `pointersKept` swaps can create a version that existed and
 *    was pruned. Nobody reads it as current, and the writer sees that the version before it is gone,
 *    or is not the one it built on: the outcome is unknown, and the table's lineage decides.
 */
import * as Effect from 'effect/Effect'
import type {
  Catalog, Files, FilesFault, SwapOutcome, SwapUnknown, TableIdentifier
} from './ports.ts'

/** `directory` is the URI of the catalog's own directory, without a slash at its end. */
export const makeEmbeddedCatalog = (files: Files, directory: string): Catalog => {
  const known = new Map<string, Pointer>()

  const read = (home: string, version: number) =>
    files.read(pointerAt(home, version)).pipe(Effect.flatMap((bytes) => parsePointer(home, bytes)))

  /** Whether a version stands as we know it. */
  const stands = (home: string, pointer: Pointer) =>
    read(home, pointer.version).pipe(
      Effect.map((it) => it.location === pointer.location),
      Effect.catchIf((fault) => fault._tag === 'FileMissing', () => Effect.succeed(false)))

  const current = Effect.fnUntraced(function* (
    home: string
  ): Effect.fn.Return<Pointer | null, FilesFault> {
    const cached = known.get(home)
    if (cached !== undefined && (yield* files.size(pointerAt(home, cached.version + 1))) === null
      && (yield* stands(home, cached))) return cached
    for (let retries = 0; ; retries += 1) {
      const highest = Math.max(0, ...versionsOf(yield* files.list(home)))
      if (highest === 0) return null
      const result = yield* Effect.exit(read(home, highest))
      if (result._tag === 'Success') {
        known.set(home, result.value)
        return result.value
      }
      // Pruned between listing and reading: a new listing finds the much newer versions.
      if (retries >= listRetriesMax) return yield* result
    }
  })

  const put = Effect.fnUntraced(function* (
    home: string, base: Pointer | null, next: string
  ): Effect.fn.Return<SwapOutcome, FilesFault | SwapUnknown> {
    const pointer: Pointer = { version: (base?.version ?? 0) + 1, location: next }
    const taken = yield* files.publish(pointerAt(home, pointer.version), pointerBytes(pointer)).pipe(
      Effect.as(false),
      Effect.catchIf((fault) => fault._tag === 'FileExists', () => Effect.succeed(true)))
    if (taken) return 'conflict'
    if (base !== null && !(yield* stands(home, base))) {
      return yield* Effect.fail(unknown(`pointer ${pointer.version} was overtaken`))
    }
    known.set(home, pointer)
    if (pointer.version % pruneGroup === 0) yield* Effect.ignore(prune(files, home))
    return 'swapped'
  })

  return {
    load: (table) =>
      current(homeOf(directory, table)).pipe(Effect.map((it) => it?.location ?? null)),
    create: Effect.fnUntraced(function* (table, next) {
      const home = homeOf(directory, table)
      if ((yield* current(home).pipe(Effect.mapError(asUnknown))) !== null) return 'conflict'
      return yield* put(home, null, next).pipe(Effect.mapError(asUnknown))
    }),
    swap: Effect.fnUntraced(function* (table, expected, next) {
      const home = homeOf(directory, table)
      const cached = known.get(home)
      // A version that we know need not be looked up: a later one shows as taken, or in (4).
      const base = cached?.location === expected
        ? cached : yield* current(home).pipe(Effect.mapError(asUnknown))
      if (base === null || base.location !== expected) return 'conflict'
      return yield* put(home, base, next).pipe(Effect.mapError(asUnknown))
    })
  }
}

interface Pointer {
  readonly version: number
  /** Location of the metadata file. */
  readonly location: string
}

const pointersKept = 1_000
/** Pointers are pruned in groups, so that most swaps list and remove nothing. */
const pruneGroup = 64
const listRetriesMax = 3

const homeOf = (directory: string, { namespace, name }: TableIdentifier): string =>
  `${directory}/${namespace}/${name}`

const pointerAt = (home: string, version: number): string =>
  `${home}/${String(version).padStart(10, '0')}.json`

const pointerBytes = ({ version, location }: Pointer): Uint8Array =>
  Buffer.from(JSON.stringify({ version, 'metadata-location': location }))

const versionsOf = (names: readonly string[]): readonly number[] =>
  names.flatMap((name) => (/^\d{10}\.json$/.test(name) ? [Number(name.slice(0, 10))] : []))

const prune = Effect.fnUntraced(function* (files: Files, home: string) {
  const versions = versionsOf(yield* files.list(home))
  const highest = Math.max(0, ...versions)
  const old = versions.filter((it) => it <= highest - pointersKept)
  // One after the other, lowest first (2).
  for (const version of old.toSorted((left, right) => left - right)) {
    yield* files.remove(pointerAt(home, version))
  }
})

const unknown = (message: string): SwapUnknown => ({ _tag: 'SwapUnknown', message })

const asUnknown = (fault: FilesFault | SwapUnknown): SwapUnknown =>
  fault._tag === 'SwapUnknown' ? fault : unknown(fault.message)

const parsePointer = (home: string, bytes: Uint8Array): Effect.Effect<Pointer, FilesFault> =>
  Effect.try({
    try: () => {
      const { version, 'metadata-location': location } = JSON.parse(
        Buffer.from(bytes).toString('utf8')) as Readonly<Record<string, unknown>>
      if (typeof version !== 'number' || typeof location !== 'string') throw new TypeError('no pointer')
      return { version, location }
    },
    catch: (error): FilesFault => ({
      _tag: 'FileFailed', location: home, message: `catalog pointer unreadable: ${String(error)}`
    })
  })
