/**
 * Which metadata file of a table is current, kept in a directory of its own, for one machine and
 * any number of processes.
 *
 * A table is a series of pointer files `<version>.json`, each naming a metadata file; the highest
 * version is the current one. A swap creates the next version, which only one process can do.
 *
 * 1. A pointer is whole or absent: it is written under another name, which nobody looks at, and
 *    published (`Files.publish`).
 * 2. Old pointers are pruned, lowest first, so a version is never absent while a lower one is left;
 *    the newest `pointersKept` stay.
 * 3. So a version is the highest if its successor is absent and it is there itself, as we know it.
 *    Asking in this order takes two small reads and no listing.
 * 4. A writer that is late by more than `pointersKept` swaps can create a version that existed and
 *    was pruned. Nobody reads it as current, and the writer sees that the version before it is
 *    gone, or is not the one it built on: the outcome is unknown, and the table's lineage decides.
 */
import * as Effect from 'effect/Effect'
import type { FilesFault, PublishingFiles, SwapUnknown, TableIdentifier } from './ports.ts'

/** Maps a table to its current metadata file, and swaps it atomically. */
export interface TablePointers {
  /** Location of the current metadata file, or null if there is no such table. */
  readonly load: (table: TableIdentifier) => Effect.Effect<string | null, FilesFault>
  /** Registers a new table; `conflict` if it exists. */
  readonly create: (table: TableIdentifier, next: string) => Effect.Effect<SwapOutcome, SwapUnknown>
  /**
   * Does what can be done of a swap of `expected` for `next` before the files that `next` names are
   * durable. Nobody sees anything of it. null: another version is current already.
   */
  readonly prepareSwap: (
    table: TableIdentifier,
    expected: string,
    next: string
  ) => Effect.Effect<PreparedSwap | null, FilesFault>
}

/** To be swapped once, or discarded. */
interface PreparedSwap {
  /** `conflict` is definite: this swap did not and will not take place. */
  readonly swap: Effect.Effect<SwapOutcome, SwapUnknown>
  readonly discard: Effect.Effect<void>
}

type SwapOutcome = 'swapped' | 'conflict'

/** `directory` is the URI of the pointers' own directory, without a slash at its end. */
export const makeTablePointers = (files: PublishingFiles, directory: string): TablePointers => {
  const homes = new Map<string, Home>()
  const homeOf = ({ namespace, name }: TableIdentifier): Home => {
    const path = `${directory}/${namespace}/${name}`
    const home = homes.get(path) ?? { files, path, known: null }
    homes.set(path, home)
    return home
  }
  return {
    load: (table) => current(homeOf(table)).pipe(Effect.map((it) => it?.location ?? null)),
    create: Effect.fnUntraced(function* (table, next) {
      const home = homeOf(table)
      if ((yield* current(home).pipe(Effect.mapError(asUnknown))) !== null) return 'conflict'
      const { swap } = yield* prepared(home, null, next).pipe(Effect.mapError(asUnknown))
      return yield* swap
    }),
    prepareSwap: Effect.fnUntraced(function* (table, expected, next) {
      const home = homeOf(table)
      // A version that we know need not be looked up: a later one shows as taken, or in (4).
      const base = home.known?.location === expected ? home.known : yield* current(home)
      if (base === null || base.location !== expected) return null
      return yield* prepared(home, base, next)
    })
  }
}

/** The pointers of one table. */
interface Home {
  readonly files: PublishingFiles
  /** URI of their directory. */
  readonly path: string
  /** The newest pointer that we have seen. */
  known: Pointer | null
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

const pointerAt = (path: string, version: number): string =>
  `${path}/${String(version).padStart(10, '0')}.json`

const read = ({ files, path }: Home, version: number): Effect.Effect<Pointer, FilesFault> =>
  files.read(pointerAt(path, version)).pipe(Effect.flatMap((bytes) => parsePointer(path, bytes)))

/** Whether a version stands as we know it. */
const stands = (home: Home, pointer: Pointer): Effect.Effect<boolean, FilesFault> =>
  read(home, pointer.version).pipe(
    Effect.map((it) => it.location === pointer.location),
    Effect.catchIf(
      (fault) => fault._tag === 'FileMissing',
      () => Effect.succeed(false)
    )
  )

/** The highest pointer, or null if there is none (3). */
const current = Effect.fnUntraced(function* (
  home: Home
): Effect.fn.Return<Pointer | null, FilesFault> {
  const { files, path, known } = home
  if (known !== null) {
    const followed = (yield* files.size(pointerAt(path, known.version + 1))) !== null
    if (!followed && (yield* stands(home, known))) return known
  }
  for (let retries = 0; ; retries += 1) {
    const highest = Math.max(0, ...versionsOf(yield* files.list(path)))
    if (highest === 0) return null
    const result = yield* Effect.exit(read(home, highest))
    if (result._tag === 'Success') {
      home.known = result.value
      return result.value
    }
    // Pruned between listing and reading: a new listing finds the much newer versions.
    if (retries >= listRetriesMax) return yield* result
  }
})

/** The next pointer, written but not published. */
const prepared = Effect.fnUntraced(function* (
  home: Home,
  base: Pointer | null,
  next: string
): Effect.fn.Return<PreparedSwap, FilesFault> {
  const pointer: Pointer = { version: (base?.version ?? 0) + 1, location: next }
  // Named after the metadata file, of which there is only one.
  const name = next.slice(next.lastIndexOf('/') + 1)
  const staged = `${pointerAt(home.path, pointer.version)}.${name}.tmp`
  yield* home.files.writeNew(staged, pointerBytes(pointer))
  return {
    swap: put(home, base, pointer, staged).pipe(Effect.mapError(asUnknown)),
    discard: Effect.ignore(home.files.remove(staged))
  }
})

const put = Effect.fnUntraced(function* (
  home: Home,
  base: Pointer | null,
  pointer: Pointer,
  staged: string
): Effect.fn.Return<SwapOutcome, FilesFault | SwapUnknown> {
  const taken = yield* home.files.publish(staged, pointerAt(home.path, pointer.version)).pipe(
    // Also where it was published after all: this is only the pointer's other name.
    Effect.tapError(() => Effect.ignore(home.files.remove(staged))),
    Effect.as(false),
    Effect.catchIf(
      (fault) => fault._tag === 'FileExists',
      () => Effect.succeed(true)
    )
  )
  if (taken) return 'conflict'
  if (base !== null && !(yield* stands(home, base))) {
    return yield* Effect.fail(unknown(`pointer ${pointer.version} was overtaken`))
  }
  home.known = pointer
  if (pointer.version % pruneGroup === 0) yield* Effect.ignore(prune(home))
  return 'swapped'
})

const pointerBytes = ({ version, location }: Pointer): Uint8Array =>
  Buffer.from(JSON.stringify({ version, 'metadata-location': location }))

const versionsOf = (names: readonly string[]): readonly number[] =>
  names.flatMap((name) => (/^\d{10}\.json$/.test(name) ? [Number(name.slice(0, 10))] : []))

const prune = Effect.fnUntraced(function* ({ files, path }: Home) {
  const versions = versionsOf(yield* files.list(path))
  const highest = Math.max(0, ...versions)
  const old = versions.filter((it) => it <= highest - pointersKept)
  // One after the other, lowest first (2).
  for (const version of old.toSorted((left, right) => left - right)) {
    yield* files.remove(pointerAt(path, version))
  }
})

const unknown = (message: string): SwapUnknown => ({ _tag: 'SwapUnknown', message })

const asUnknown = (fault: FilesFault | SwapUnknown): SwapUnknown =>
  fault._tag === 'SwapUnknown' ? fault : unknown(fault.message)

const parsePointer = (path: string, bytes: Uint8Array): Effect.Effect<Pointer, FilesFault> =>
  Effect.try({
    try: () => {
      const { version, 'metadata-location': location } = JSON.parse(
        Buffer.from(bytes).toString('utf8')
      ) as Readonly<Record<string, unknown>>
      if (typeof version !== 'number' || typeof location !== 'string')
        throw new TypeError('no pointer')
      return { version, location }
    },
    catch: (error): FilesFault => ({
      _tag: 'FileFailed',
      location: path,
      message: `catalog pointer unreadable: ${String(error)}`
    })
  })
