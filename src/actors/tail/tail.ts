/**
 * The tail of one data type, as those see it who read: what the log has beyond the table.
 *
 * 1. A read is answered from what was durable `freshMsMax` before it, or later; where that cannot
 *    be had within `answerMsMax`, the answer says what is missing. While reads come one after the
 *    other it is brought up to date beside them, so that few of them wait for it.
 * 2. The rows outlive whoever brings them: a reader of the log that crashes, or brokers that are
 *    away, take nothing back (R35).
 * 3. Nobody reads, nobody pays: after `idleMsMax` without a read the tail is let go.
 * 4. What keeps it from being brought up to date is told in words that name no address: that is
 *    for those who run K2, in its log.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import type * as Scope from 'effect/Scope'
import type { TailStore } from '../../adapters/duckdb/tail-store.ts'
import { crashOf } from '../../machines/supervisor-crash.ts'

interface TailPorts {
  readonly store: TailStore
  /** Records that were taken and are not in the log yet, in words (R35). */
  readonly unlogged: () => readonly string[]
  readonly monotonicMs: () => number
}

const notFollowed =
  'what has not landed: it is not read from the log here; a K2 that captures has it (--url)'

const freshMsMax = 5
const answerMsMax = 1_000
/** While it is read, it is brought up to date this often also between reads. */
const [busyRestMs, restMs] = [5, 100]
/** Reads that are no further apart come one after the other. */
const busyMsMax = 250
const idleMsMax = 60_000

export class Tail {
  readonly store: TailStore
  readonly #unlogged: () => readonly string[]
  readonly #monotonicMs: () => number
  readonly #wanted = Latch.makeUnsafe(false)
  #passed = Deferred.makeUnsafe<void>()
  #askedMs = Number.NEGATIVE_INFINITY
  #freshMs = Number.NEGATIVE_INFINITY
  #isFollowed = false
  #missing: readonly string[] = [notFollowed]
  /** What kept it from being brought up to date when that was last tried. */
  #failedTag: string | undefined

  constructor({ store, unlogged, monotonicMs }: TailPorts) {
    this.store = store
    this.#unlogged = unlogged
    this.#monotonicMs = monotonicMs
  }

  /** What it has, once it is fresh; to be released. (1) */
  readonly hold = Effect.suspend(() =>
    Effect.map(this.#fresh, (late) => ({
      ...this.store.hold(),
      missing: [...late, ...this.#missing, ...this.#unread(), ...this.#unlogged()]
    }))
  )

  /** What is missing once it is as fresh as it can be. */
  readonly #fresh: Effect.Effect<readonly string[]> = Effect.suspend(() => {
    const nowMs = this.#monotonicMs()
    this.#askedMs = nowMs
    if (!this.#isFollowed || nowMs - this.#freshMs <= freshMsMax) return Effect.succeed([])
    this.#wanted.openUnsafe()
    return Deferred.await(this.#passed).pipe(
      Effect.as([]),
      Effect.timeoutOrElse({
        duration: answerMsMax,
        orElse: () =>
          Effect.succeed([`the tail of the log has not answered within ${answerMsMax} ms`])
      })
    )
  })

  /** Whether somebody has read lately (3). */
  get isAwake(): boolean {
    return this.#monotonicMs() - this.#askedMs <= idleMsMax
  }

  /** Ends when the tail is to be brought up to date again. */
  readonly wanted: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.isAwake) return this.#wanted.await
    const isBusy = this.#monotonicMs() - this.#askedMs <= busyMsMax
    return Effect.race(this.#wanted.await, Effect.sleep(isBusy ? busyRestMs : restMs))
  })

  /** Brings it up to date, by what the caller does for that; a failure is what is missing. */
  pass(
    bring: Effect.Effect<TailFacts, { readonly message: string }>
  ): Effect.Effect<'passed' | 'failed'> {
    return Effect.suspend(() => {
      const startedMs = this.#monotonicMs()
      this.#wanted.closeUnsafe()
      return bring.pipe(
        Effect.map(({ missing }) => {
          this.#freshMs = startedMs
          this.#missing = missing
          this.#failedTag = undefined
          return 'passed' as const
        }),
        Effect.catch((failure) =>
          Effect.sync(() => {
            this.#missing = []
            this.#failedTag = crashOf(failure).tag
            return 'failed' as const
          })
        ),
        Effect.ensuring(Effect.sync(() => this.#tell()))
      )
    })
  }

  /** Somebody brings it up to date from now on, until the scope closes. */
  readonly followed: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        this.#isFollowed = true
        this.#missing = ['the tail of the log is being opened']
      }),
      () =>
        Effect.sync(() => {
          this.#isFollowed = false
          this.#missing = [notFollowed]
          this.#failedTag = undefined
          this.#freshMs = Number.NEGATIVE_INFINITY
          this.#tell()
        })
    )
  )

  /** (4) */
  #unread(): readonly string[] {
    const tag = this.#failedTag
    if (tag === undefined) return []
    const why = tag === 'LogUnavailable' ? 'the log is unreachable' : `it failed (${tag})`
    const readS = Math.ceil((this.#monotonicMs() - this.#freshMs) / 1_000)
    const shown = this.store.rowCount() === 0 ? 'none of it is shown' : `it was read ${readS} s ago`
    return [`what the log has beyond the table cannot be read on: ${why}; ${shown}`]
  }

  #tell(): void {
    const passed = this.#passed
    this.#passed = Deferred.makeUnsafe()
    Deferred.doneUnsafe(passed, Effect.void)
  }
}

export interface TailFacts {
  readonly missing: readonly string[]
}
