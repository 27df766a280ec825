/**
 * Tenures: the time from the start of an Effect program at an address to the end of its release.
 * The bridge opens and ends them; keepers and successors wait for them.
 *
 * Invariants:
 *  1. A tenure that is being released has a deadline. Past it the tenure is given up: what it still
 *     holds is a leak, and nobody waits for it.
 *  2. A wait is for the tenures that were open when it began, so a successor never waits for
 *     itself.
 *  3. `end` after the deadline still clears the leak from the list.
 */

/** The part of xstate's clock that deadlines need, so that a simulated one drives them. */
export interface Clock {
  readonly setTimeout: (action: () => void, ms: number) => unknown
  readonly clearTimeout: (id: never) => void
}

export interface Tenure {
  readonly path: string
  /** Interrupts the program and starts the release's deadline; again: nothing. */
  readonly dismiss: () => void
  /** The program has ended by itself: starts the release's deadline. */
  readonly beginRelease: () => void
  /** The release has ended. */
  readonly end: () => void
  /** Gives up waiting for the release. */
  readonly expire: () => void
  readonly isDismissed: () => boolean
}

interface TenureHooks {
  readonly path: string
  readonly clock: Clock
  readonly releaseMsMax: number
  readonly interrupt: () => void
  readonly onExpired: () => void
  readonly onEnded: () => void
}

export interface Tenures {
  readonly open: (hooks: TenureHooks) => Tenure
  /** Open tenures at a path and below it. */
  readonly within: (path: string) => ReadonlyArray<Tenure>
  /** Calls back once all of them have ended or been given up; at once where none is open. */
  readonly whenClosed: (tenures: ReadonlyArray<Tenure>, callback: () => void) => () => void
}

interface Waiter {
  readonly pending: Set<Tenure>
  readonly callback: () => void
}

export const makeTenures = (): Tenures => {
  const opened = new Set<Tenure>()
  const waiters = new Set<Waiter>()
  const close = (tenure: Tenure): void => {
    if (!opened.delete(tenure)) return
    for (const waiter of waiters) {
      if (!waiter.pending.delete(tenure) || waiter.pending.size > 0) continue
      waiters.delete(waiter)
      waiter.callback()
    }
  }
  return {
    open: (hooks) => {
      const tenure = makeTenure(hooks, close)
      opened.add(tenure)
      return tenure
    },
    within: (path) => [...opened].filter((tenure) => isWithin(tenure.path, path)),
    whenClosed: (tenures, callback) => {
      const pending = new Set(tenures.filter((tenure) => opened.has(tenure)))
      const waiter: Waiter = { pending, callback }
      if (pending.size === 0) {
        callback()
        return () => {}
      }
      waiters.add(waiter)
      return () => void waiters.delete(waiter)
    }
  }
}

const makeTenure = (hooks: TenureHooks, close: (tenure: Tenure) => void): Tenure => {
  let state: 'running' | 'releasing' | 'closed' = 'running'
  let isDismissed = false
  let timer: unknown
  const shut = (): boolean => {
    if (state === 'closed') return false
    state = 'closed'
    if (timer !== undefined) hooks.clock.clearTimeout(timer as never)
    close(tenure)
    return true
  }
  const tenure: Tenure = {
    path: hooks.path,
    isDismissed: () => isDismissed,
    beginRelease: () => {
      if (state !== 'running') return
      state = 'releasing'
      timer = hooks.clock.setTimeout(() => tenure.expire(), hooks.releaseMsMax)
    },
    dismiss: () => {
      if (isDismissed) return
      isDismissed = true
      tenure.beginRelease()
      hooks.interrupt()
    },
    end: () => {
      // The resources first: whoever is woken by `shut` may look at the registry.
      hooks.onEnded()
      shut()
    },
    expire: () => {
      if (state === 'closed') return
      hooks.onExpired()
      shut()
    }
  }
  return tenure
}

const isWithin = (path: string, ancestor: string): boolean =>
  path === ancestor || path.startsWith(`${ancestor}/`)
