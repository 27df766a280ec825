/**
 * Files that nothing names any more, deleted only after a grace time: a read that began before may
 * still open them (R28).
 *
 * 1. A file is deleted no sooner than `graceMs` after it was added, by this process' clock.
 * 2. What waits is in a journal, so that a restart goes on with it; its grace time
 *    starts anew then. The journal is not synced: what a power cut takes from it stays
 *    as an orphan, which costs room only.
 * 3. A file that cannot be deleted is reported and dropped from the queue.
 */
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'

export interface DeletionQueueOptions {
  /** Path of the journal; its folder exists. */
  readonly journal: string
  readonly graceMs: number
  readonly nowMs: () => number
  /** Removing what is absent is success. */
  readonly remove: (location: string) => Effect.Effect<void, { readonly message: string }>
  readonly observe: (event: DeletionEvent) => void
}

export type DeletionEvent =
  | { readonly type: 'file.deleted' }
  | { readonly type: 'file.kept'; readonly location: string; readonly detail: string }
  | { readonly type: 'journal.failed'; readonly detail: string }

export interface DeletionQueue {
  readonly add: (locations: readonly string[]) => void
  readonly size: () => number
  /** Deletes what is due. Never fails: see (3). */
  readonly sweep: Effect.Effect<void>
}

interface Waiting {
  readonly location: string
  readonly dueMs: number
}

/** The journal is rewritten when it has this many lines more than the queue has files. */
const staleLinesMax = 10_000

export const openDeletionQueue = (
  options: DeletionQueueOptions
): Effect.Effect<DeletionQueue, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { journal, graceMs, nowMs, observe } = options
    const due = (location: string): Waiting => ({ location, dueMs: nowMs() + graceMs })
    const known = yield* Effect.promise(() => readJournal(journal))
    let waiting = known.map(due)
    let lines = known.length
    let writing: Promise<void> = Promise.resolve()
    const write = (run: () => Promise<void>) => {
      writing = writing.then(run).catch((error: unknown) => {
        observe({ type: 'journal.failed', detail: String(error) })
      })
    }
    yield* Effect.addFinalizer(() => Effect.promise(() => writing))
    return {
      size: () => waiting.length,
      add: (locations) => {
        waiting.push(...locations.map(due))
        lines += locations.length
        write(() => appendFile(journal, textOf(locations)))
      },
      sweep: Effect.gen(function* () {
        const now = nowMs()
        const ripe = waiting.filter(({ dueMs }) => dueMs <= now)
        for (const { location } of ripe) yield* remove(location, options)
        waiting = waiting.filter(({ dueMs }) => dueMs > now)
        if (lines - waiting.length <= staleLinesMax && !(waiting.length === 0 && lines > 0)) return
        lines = waiting.length
        const text = textOf(waiting.map(({ location }) => location))
        write(() => replaceJournal(journal, text))
      })
    }
  })

const remove = (location: string, { remove, observe }: DeletionQueueOptions): Effect.Effect<void> =>
  Effect.match(remove(location), {
    onSuccess: () => observe({ type: 'file.deleted' }),
    onFailure: ({ message }) => observe({ type: 'file.kept', location, detail: message })
  })

const textOf = (locations: readonly string[]): string =>
  locations.map((location) => `${JSON.stringify(location)}\n`).join('')

const readJournal = async (journal: string): Promise<readonly string[]> => {
  const text = await readFile(journal, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text.split('\n').flatMap((line) => {
    try {
      const location: unknown = JSON.parse(line)
      return typeof location === 'string' ? [location] : []
    } catch {
      // The last line may be torn: its file stays as an orphan (2).
      return []
    }
  })
}

const replaceJournal = async (journal: string, text: string): Promise<void> => {
  await writeFile(`${journal}.new`, text)
  await rename(`${journal}.new`, journal)
}
