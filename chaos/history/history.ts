/**
 * What happened at a log, as those saw it who wrote and read: Jepsen's histories, for one log.
 *
 * An operation begins with `invoke` and ends with `ok`, `fail` (it certainly did not take place) or
 * `info` (nobody knows: a deadline, a kill). What was never ended is as `info`.
 */

/** Values are unique over the whole history: each is sent by one operation, though maybe again. */
export type Value = number

interface Operation {
  /** Who did it. One process does one thing at a time. */
  readonly process: number
  /** Operations of a process are told apart by it. */
  readonly operation: number
  /** Topic and partition. */
  readonly partition: string
}

export type HistoryEvent =
  | (Operation & { readonly type: 'send.invoke'; readonly values: readonly Value[] })
  /** `offset` of the first value, the others follow it; null where the log does not say. */
  | (Operation & { readonly type: 'send.ok'; readonly offset: number | null })
  | (Operation & { readonly type: 'send.fail' | 'send.info' })
  /** The process reads the partition from here on, from wherever it says. */
  | (Operation & { readonly type: 'seek.ok' })
  | (Operation & { readonly type: 'poll.ok'; readonly records: readonly ReadRecord[] })

export interface ReadRecord {
  readonly offset: number
  readonly value: Value
}

/** Writes a history down, in the order in which things are told. */
export class HistoryRecorder {
  readonly events: HistoryEvent[] = []
  #operations = 0

  send(process: number, partition: string, values: readonly Value[]) {
    const operation = { process, partition, operation: (this.#operations += 1) }
    this.events.push({ ...operation, type: 'send.invoke', values })
    return {
      ok: (offset: number | null) =>
        void this.events.push({ ...operation, type: 'send.ok', offset }),
      fail: () => void this.events.push({ ...operation, type: 'send.fail' }),
      info: () => void this.events.push({ ...operation, type: 'send.info' })
    }
  }

  seek(process: number, partition: string): void {
    const operation = (this.#operations += 1)
    this.events.push({ process, partition, operation, type: 'seek.ok' })
  }

  poll(process: number, partition: string, records: readonly ReadRecord[]): void {
    const operation = (this.#operations += 1)
    this.events.push({ process, partition, operation, type: 'poll.ok', records })
  }
}
