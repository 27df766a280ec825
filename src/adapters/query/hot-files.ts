/**
 * Which files are kept in memory: those that are asked for again and again, such as the newest.
 *
 * 1. A file is immutable: what is in memory of it is never stale.
 * 2. It is packed once it was read so often that packing costs no more than the reads did: whatever
 *    comes, work is at most about doubled. That is done beside the queries, one file at a time.
 * 3. At most `bytesMax` are kept; those that were not asked for the longest go first, and after
 *    `idleMsMax` all others too.
 * 4. What cannot be packed is read from its file, and tried again after as many reads; whoever owns
 *    this is told why.
 */
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import type * as Scope from 'effect/Scope'
import { type HotFile, type HotForm, packFile } from './hot-file.ts'
import type { BytesEngine, ScanFile, ScanLease } from './query-ports.ts'

interface HotFilesOptions<Fault> {
  readonly bytesMax: number
  readonly nowMs: () => number
  readonly onFailed: (error: Fault) => void
}

/** Of a lease, to read the file by. */
type Reader<E> = Pick<ScanLease<E>, 'source' | 'read'>

export interface HotFiles<E> {
  /** Undefined while the file is not in memory; that it is wanted is noted. */
  readonly find: (file: ScanFile, lease: Reader<E>, select: string) => HotFile | undefined
  readonly counters: () => { readonly hotFiles: number; readonly hotFilesBytes: number }
}

/** Packing some ten thousand rows takes as long as so many reads of a hundred of them. */
const readsMin = 10
/** What a row takes in memory, about, before it is known. */
const rowBytes = 640
const idleMsMax = 300_000
const sweepMs = 30_000
const queueMax = 64
/** Files that are counted or kept. */
const entriesMax = 4_096

interface Entry {
  /** Since it was last tried to be packed. */
  reads: number
  usedMs: number
  file: HotFile | undefined
}

interface Wanted<E> {
  readonly key: string
  readonly entry: Entry
  readonly scan: ScanFile
  readonly form: HotForm
  readonly read: Reader<E>['read']
}

export const makeHotFiles = <E, EngineError>(
  engine: BytesEngine<EngineError>,
  { bytesMax, nowMs, onFailed }: HotFilesOptions<E | EngineError>
): Effect.Effect<HotFiles<E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const entries = new Entries(bytesMax)
    const wanted = yield* Queue.dropping<Wanted<E>>(queueMax)
    const packing = Effect.flatMap(Queue.take(wanted), ({ key, entry, scan, form, read }) =>
      read([scan], packFile(engine, scan, form)).pipe(
        Effect.tap((file) => Effect.sync(() => entries.keep(key, file))),
        Effect.catch((error) => Effect.sync(() => onFailed(error))),
        Effect.andThen(Effect.sync(() => (entry.reads = 0)))
      )
    )
    const sweeping = Effect.andThen(
      Effect.sleep(sweepMs),
      Effect.sync(() => entries.sweep(nowMs() - idleMsMax))
    )
    yield* Effect.forkScoped(Effect.forever(packing))
    yield* Effect.forkScoped(Effect.forever(sweeping))
    return {
      find: (scan, { source, read }, select) => {
        const key = JSON.stringify([scan.path, source, select])
        const entry = entries.use(key, nowMs())
        // Reads that come while it waits to be packed are beyond this number: it waits once.
        const isDue = entry.file === undefined && entry.reads === readsMin
        if (isDue && scan.recordCount * rowBytes <= bytesMax)
          Queue.offerUnsafe(wanted, { key, entry, scan, form: { source, select }, read })
        return entry.file
      },
      counters: () => ({ hotFiles: entries.count, hotFilesBytes: entries.bytes })
    }
  })

class Entries {
  readonly #bytesMax: number
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  bytes = 0
  /** Of files that are in memory. */
  count = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  use(key: string, nowMs: number): Entry {
    const entry = this.#entries.get(key) ?? { reads: 0, usedMs: nowMs, file: undefined }
    entry.reads += 1
    entry.usedMs = nowMs
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#shrink()
    return entry
  }

  /** Undefined: it is not worth it. */
  keep(key: string, file: HotFile | undefined): void {
    const entry = this.#entries.get(key)
    if (entry === undefined || file === undefined) return
    entry.file = file
    this.bytes += file.bytes
    this.count += 1
    this.#shrink()
  }

  /** Lets go of what was not used since. */
  sweep(sinceMs: number): void {
    for (const [key, { usedMs }] of this.#entries) {
      if (usedMs >= sinceMs) return
      this.#drop(key)
    }
  }

  /** (3) */
  #shrink(): void {
    for (const [key, { file }] of this.#entries) {
      const isOver = this.bytes > this.#bytesMax
      if (!isOver && this.#entries.size <= entriesMax) return
      if (file !== undefined || this.#entries.size > entriesMax) this.#drop(key)
    }
  }

  #drop(key: string): void {
    const file = this.#entries.get(key)?.file
    this.#entries.delete(key)
    if (file === undefined) return
    this.bytes -= file.bytes
    this.count -= 1
  }
}
