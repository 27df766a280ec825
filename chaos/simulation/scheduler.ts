/**
 * Simulated time: what is to happen, in the order in which it is due. One event at a time; what it
 * sets off runs to its end before the next.
 *
 * 1. Time stands still while anything runs, and jumps to the next event.
 * 2. Of events that are due at the same moment the seed says which is first.
 */
import type { Random } from '../random.ts'

interface Due {
  readonly atMs: number
  readonly order: number
  run: (() => void) | undefined
}

export class Scheduler {
  readonly #random: Random
  /** A binary heap. */
  readonly #heap: Due[] = []
  #nowMs = 0
  #steps = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Since the start; it never goes back. */
  get nowMs(): number {
    return this.#nowMs
  }

  get steps(): number {
    return this.#steps
  }

  /** Runs something after a delay; returns how to cancel it. */
  after(delayMs: number, run: () => void): () => void {
    if (delayMs === Number.POSITIVE_INFINITY) return () => undefined
    const due: Due = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#random.next(), run }
    this.#push(due)
    return () => {
      due.run = undefined
    }
  }

  /** Lets the next event happen; false where there is none. */
  step(): boolean {
    for (let due = this.#pop(); due !== undefined; due = this.#pop()) {
      if (due.run === undefined) continue
      this.#nowMs = due.atMs
      this.#steps += 1
      due.run()
      return true
    }
    return false
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.push(due) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(due, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = due
  }

  #pop(): Due | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

const isBefore = (one: Due, other: Due): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)

/** Ends when all that can go on without the next event has gone on: promises, and what they run. */
export const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
