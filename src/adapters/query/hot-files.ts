/**
 * Which files are kept in memory: those that are asked for again and again, such as the newest.
 *
 * 1. A file is immutable: what is in memory of it is never stale.
 * 2. It is packed once it was read so often that packing costs no more than the reads did: whatever
 *    comes, work is at most about doubled. That is done beside the queries, one file at a time.
 * 3. What cannot be packed is read from its file, and tried again after as many reads; whoever owns
 *    this is told why.
 */
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import type * as Scope from 'effect/Scope'
import { openHotEntries, type HotEntry } from './hot-entries.ts'
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

/** Packing some thirty thousand rows takes as long as so many reads of a hundred of them. */
export const readsMin = 24
/** What a row takes in memory, about, before it is known. */
const rowBytes = 640
const queueMax = 64

interface Wanted<E> {
  readonly key: string
  readonly entry: HotEntry<HotFile>
  readonly scan: ScanFile
  readonly form: HotForm
  readonly read: Reader<E>['read']
}

export const makeHotFiles = <E, EngineError>(
  engine: BytesEngine<EngineError>,
  { bytesMax, nowMs, onFailed }: HotFilesOptions<E | EngineError>
): Effect.Effect<HotFiles<E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const entries = yield* openHotEntries<HotFile>({ bytesMax, nowMs })
    const wanted = yield* Queue.dropping<Wanted<E>>(queueMax)
    const packing = Effect.flatMap(Queue.take(wanted), ({ key, entry, scan, form, read }) =>
      read([scan], packFile(engine, scan, form)).pipe(
        Effect.tap((file) => Effect.sync(() => entries.keep(key, file))),
        Effect.catch((error) => Effect.sync(() => onFailed(error))),
        Effect.andThen(Effect.sync(() => (entry.reads = 0)))
      )
    )
    yield* Effect.forkScoped(Effect.forever(packing))
    return {
      find: (scan, { source, read }, select) => {
        const key = JSON.stringify([scan.path, source, select])
        const entry = entries.use(key)
        // Reads that come while it waits to be packed are beyond this number: it waits once.
        const isDue = entry.kept === undefined && entry.reads === readsMin
        if (isDue && scan.recordCount * rowBytes <= bytesMax)
          Queue.offerUnsafe(wanted, { key, entry, scan, form: { source, select }, read })
        return entry.kept
      },
      counters: () => ({ hotFiles: entries.count, hotFilesBytes: entries.bytes })
    }
  })
