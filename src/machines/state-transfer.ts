/**
 * Sequence states when a topic goes on in another log, whose partitions may be others (R8, R41).
 *
 * 1. What has landed stays landed: every sequence goes whole to the partition of its symbol, so an
 *    id of it is a duplicate there, and a hole stays a hole.
 * 2. A record that waits for confirmation is given back: its offset means nothing in the new log.
 *    Where the new log has it, it comes again.
 * 3. Counters move with their partition number, and those of numbers that are gone are added to
 *    others: their sums stay.
 */
import {
  emptyPartitionState,
  type PartitionCounters,
  type PartitionState
} from './partition-fold.ts'
import type { HeldRecord } from '../market/sequence.ts'

/** A record that no longer waits, with the partition it came from. */
export interface ReturnedRecord {
  readonly partition: number
  readonly held: HeldRecord
}

/** Two partitions claim one sequence: it cannot be told what has landed of it. */
export class SequenceClaimedTwice extends Error {
  readonly sequence: string
  constructor(sequence: string) {
    super(`two partitions have a state of ${sequence}; rebuild them with k2 rebuild-state --force`)
    this.sequence = sequence
  }
}

export interface StateOfPartition {
  readonly partition: number
  readonly state: PartitionState
}

/**
 * @param states left unchanged
 * @param partitionOf of a symbol, in the new log
 * @throws SequenceClaimedTwice
 */
export const transferStates = (
  states: readonly StateOfPartition[],
  partitionCount: number,
  partitionOf: (symbol: string) => number
): { readonly states: readonly PartitionState[]; readonly returned: readonly ReturnedRecord[] } => {
  const moved = Array.from({ length: partitionCount }, emptyPartitionState)
  const returned: ReturnedRecord[] = []
  for (const { partition, state } of states) {
    const { sequences, counters } = state
    let waiting = 0
    for (const [key, sequence] of Object.entries(sequences)) {
      const target = moved[partitionOf(symbolOf(key))]!.sequences
      if (target[key] !== undefined) throw new SequenceClaimedTwice(key)
      target[key] = { epochs: structuredClone(sequence.epochs), held: [] }
      for (const held of sequence.held) returned.push({ partition, held })
      waiting += sequence.held.length
    }
    const total = moved[partition % partitionCount]!.counters
    for (const name of Object.keys(total) as (keyof PartitionCounters)[])
      total[name] += counters[name]
    total.held -= waiting
    total.deadLettered += waiting
  }
  return { states: moved, returned }
}

/** Of `{EXCHANGE}:{symbol}`, or `{EXCHANGE}:{symbol}:{load}`. */
const symbolOf = (sequence: string): string => sequence.split(':')[1]!
