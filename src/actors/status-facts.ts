/**
 * What an actor adds to its line in `/v1/system/actors`: a function by path, read when somebody
 * asks.
 *
 * Invariants:
 *  1. Nothing is computed until a status is asked for.
 *  2. A function that throws costs its own facts only.
 */
export interface ActorFacts {
  /** Bytes waiting in queues that this actor owns. */
  readonly queueBytes?: number
  /** As many as may wait. */
  readonly queueBytesMax?: number
  readonly counters?: Readonly<Record<string, number>>
}

export interface FactsRegistry {
  /** Replaces what the same path reported before; the result withdraws it. */
  readonly report: (path: string, read: () => ActorFacts) => () => void
  readonly read: (path: string) => ActorFacts
}

export const makeFactsRegistry = (): FactsRegistry => {
  const readers = new Map<string, () => ActorFacts>()
  return {
    report: (path, read) => {
      readers.set(path, read)
      return () => {
        // A successor may have reported in the meantime.
        if (readers.get(path) === read) readers.delete(path)
      }
    },
    read: (path) => {
      try {
        return readers.get(path)?.() ?? {}
      } catch {
        return {}
      }
    }
  }
}
