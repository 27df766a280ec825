/**
 * What waits for one program: commands, bounded by count, and data, bounded by bytes.
 *
 * Invariants:
 *  1. Commands overtake data: `take` gives the next command whatever waits in the data lane (G-11).
 *  2. Neither lane grows without bound. A command too many is a fault of the program, which does
 *     not take them; what happens to data too much is the lane's policy (G-10).
 *  3. Who offers to a full lane that blocks waits in turn, and learns when the program has ended.
 *  4. Nothing is lost silently: what is left when the program ends is handed back.
 */
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import { BoundedBuffer, type BufferOptions, type Offered } from '../machines/bounded-buffer.ts'

/** Which messages are data, and how much of them may wait. */
export interface DataLane<T> extends BufferOptions<T> {
  readonly isData: (message: T) => boolean
}

/** The program's side. */
export interface Inbox<T> {
  /** The next command, else the next data; waits while there is neither. */
  readonly take: Effect.Effect<T>
}

export type LaneOffer = Exclude<Offered, 'full'> | 'closed'

interface WaitingOffer<T> {
  readonly message: T
  readonly settle: (outcome: LaneOffer) => void
}

export class TwoLaneInbox<T> implements Inbox<T> {
  readonly #commands: Queue.Queue<T>
  readonly #lane: DataLane<T> | undefined
  readonly #data: BoundedBuffer<T> | undefined
  readonly #takers = new Set<() => void>()
  readonly #offers: Array<WaitingOffer<T>> = []
  #isClosed = false

  constructor(commands: Queue.Queue<T>, lane: DataLane<T> | undefined) {
    this.#commands = commands
    this.#lane = lane
    this.#data = lane === undefined ? undefined : new BoundedBuffer(lane)
  }

  readonly take: Effect.Effect<T> = Effect.suspend(() => {
    const next = this.#next()
    return next === undefined ? Effect.andThen(this.#arrival, this.take) : Effect.succeed(next)
  })

  /** Undefined for a program without data. */
  get data(): Pick<BoundedBuffer<T>, 'queuedBytes' | 'counters'> | undefined {
    return this.#data
  }

  isData(message: T): boolean {
    return this.#lane?.isData(message) === true
  }

  /** False when there is no room. A program that has ended takes nothing, and lacks no room. */
  command(message: T): boolean {
    if (this.#isClosed) return true
    const hasRoom = Queue.offerUnsafe(this.#commands, message)
    if (hasRoom) this.#wake()
    return hasRoom
  }

  /** Without waiting: refused where the policy is to wait. */
  offerNow(message: T): LaneOffer {
    const outcome = this.#offer(message)
    if (outcome !== 'full') return outcome
    this.#data?.refuse()
    return 'refused'
  }

  /** Waits for room where the policy is to wait. */
  offer(message: T): Effect.Effect<LaneOffer> {
    return Effect.callback<LaneOffer>((resume) => {
      const outcome = this.#offer(message)
      if (outcome !== 'full') {
        resume(Effect.succeed(outcome))
        return undefined
      }
      const waiting = { message, settle: (settled: LaneOffer) => resume(Effect.succeed(settled)) }
      this.#offers.push(waiting)
      return Effect.sync(() => {
        const index = this.#offers.indexOf(waiting)
        if (index >= 0) this.#offers.splice(index, 1)
      })
    })
  }

  /** The program has ended: what it has not taken, commands first. Those that wait are told. */
  close(): ReadonlyArray<T> {
    this.#isClosed = true
    const left: Array<T> = []
    for (let next = this.#next(); next !== undefined; next = this.#next()) left.push(next)
    for (const { settle } of this.#offers.splice(0)) settle('closed')
    return left
  }

  #offer(message: T): Offered | 'closed' {
    if (this.#isClosed || this.#data === undefined) return 'closed'
    // Nobody overtakes those that wait.
    const outcome = this.#offers.length > 0 ? 'full' : this.#data.offer(message)
    if (outcome !== 'full') this.#wake()
    return outcome
  }

  #next(): T | undefined {
    const command = Queue.takeUnsafe(this.#commands)
    if (command?._tag === 'Success') return command.value
    const message = this.#data?.take()
    if (message !== undefined) this.#admit()
    return message
  }

  /** Room has come: those that waited enter in turn. */
  #admit(): void {
    if (this.#isClosed) return
    for (let first = this.#offers[0]; first !== undefined; first = this.#offers[0]) {
      const outcome = this.#data?.offer(first.message) ?? 'closed'
      if (outcome === 'full') return
      this.#offers.shift()
      first.settle(outcome)
    }
  }

  readonly #arrival: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const wake = () => resume(Effect.void)
    // Something may have come between the look and the wait.
    if (Queue.sizeUnsafe(this.#commands) > 0 || (this.#data?.counters.queued ?? 0) > 0) {
      wake()
      return undefined
    }
    this.#takers.add(wake)
    return Effect.sync(() => void this.#takers.delete(wake))
  })

  #wake(): void {
    const takers = [...this.#takers]
    this.#takers.clear()
    for (const wake of takers) wake()
  }
}
