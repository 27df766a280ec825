/**
 * One address: what becomes of messages to a path, whoever runs there, or nobody.
 *
 * Invariants:
 *  1. sent = delivered + dropped + stashed now + spilled + rejected, at any time. Delivered is what
 *     the child's mailbox or inbox has; an inbox counts on from there.
 *  2. A message is delivered only to a child that is known to have started; what comes before that
 *     meets its fate (a child that crashes as it starts takes nothing with it).
 *  3. A stash is delivered in order and before anything newer, one by one, and no further than the
 *     child lives: when a message crashes it, those behind it wait for its successor.
 *  4. What an Effect program had not taken when it ended comes back, and meets its fate as if it
 *     had been sent then, but before anything newer. What it had taken is its own: nothing is
 *     delivered twice.
 */
import * as Effect from 'effect/Effect'
import type { AnyActorRef, EventObject } from 'xstate'
import type { MessageFate } from '../machines/message-fate.ts'
import type { LaneOffer, TwoLaneInbox } from './inbox.ts'

/** What became of a message; a stashed one will be delivered or dropped. */
export type Delivery = 'delivered' | 'dropped' | 'stashed' | 'spilled' | 'rejected'

/** Keeps a message somewhere else. True confirms that it has it; anything else is a rejection. */
export type SpillPort = (path: string, message: EventObject) => boolean

export interface MessageCounters {
  readonly sent: number
  readonly delivered: number
  readonly dropped: number
  /** Now. */
  readonly stashed: number
  readonly spilled: number
  readonly rejected: number
}

export type Lane = Pick<TwoLaneInbox<EventObject>, 'isData' | 'offer' | 'offerNow'>

/** Where no child is, the sender is told. */
const nobody: MessageFate = { kind: 'reject' }

export class AddressLine {
  readonly #path: string
  #actor: AnyActorRef | undefined
  #lane: Lane | undefined
  #fate: MessageFate = nobody
  #spill: SpillPort | undefined
  #stash: Array<EventObject> = []
  #isFlushing = false
  readonly #counts = { sent: 0, delivered: 0, dropped: 0, spilled: 0, rejected: 0 }
  /** What went through here: only that comes back here (4). */
  readonly #addressed = new WeakSet<EventObject>()

  constructor(path: string) {
    this.#path = path
  }

  get counters(): MessageCounters {
    return { ...this.#counts, stashed: this.#stash.length }
  }

  send(message: EventObject): Delivery {
    this.#counts.sent += 1
    const actor = this.#ready()
    return actor === undefined ? this.#meetFate(message) : this.#deliver(actor, message)
  }

  offer(message: EventObject): Effect.Effect<Delivery> {
    return Effect.suspend(() => {
      const lane = this.#lane
      if (this.#ready() === undefined || lane?.isData(message) !== true) {
        return Effect.succeed(this.send(message))
      }
      this.#addressed.add(message)
      return Effect.map(lane.offer(message), (outcome) => {
        if (outcome === 'closed') return this.send(message)
        this.#counts.sent += 1
        return this.#countOffer(outcome)
      })
    })
  }

  up(actor: AnyActorRef): void {
    this.#actor = actor
    this.#flush()
  }

  down(fate: MessageFate, spill: SpillPort | undefined): void {
    this.#actor = undefined
    this.#fate = fate
    this.#spill = spill
  }

  gone(): void {
    this.down(nobody, undefined)
    this.#counts.dropped += this.#stash.splice(0).length
  }

  /** The result says that the program behind the lane has ended, before its keeper can know. */
  attach(lane: Lane): () => void {
    this.#lane = lane
    return () => {
      if (this.#lane !== lane) return
      this.#lane = undefined
      this.#actor = undefined
    }
  }

  /** (4) Older than all that is stashed; nobody waits for an answer any more. */
  takeBack(untaken: ReadonlyArray<EventObject>): void {
    const messages = untaken.filter((message) => this.#addressed.has(message))
    const fate = this.#fate
    this.#counts.delivered -= messages.length
    if (fate.kind === 'stash') {
      const all = [...messages, ...this.#stash]
      const excess = Math.max(0, all.length - fate.messagesMax)
      this.#stash =
        fate.overflow === 'drop_oldest' ? all.slice(excess) : all.slice(0, fate.messagesMax)
      this.#counts.dropped += excess
    } else {
      for (const message of messages) {
        this.#count(fate.kind === 'spill' && this.#isSpilled(message) ? 'spilled' : 'dropped')
      }
    }
    // A successor may run already.
    this.#flush()
  }

  /** While a stash is being delivered, what is new stands behind it. */
  #ready(): AnyActorRef | undefined {
    const isOpen = this.#stash.length === 0 && !this.#isFlushing && isActive(this.#actor)
    return isOpen ? this.#actor : undefined
  }

  #deliver(actor: AnyActorRef, message: EventObject): Delivery {
    this.#addressed.add(message)
    if (this.#lane?.isData(message) === true) {
      return this.#countOffer(this.#lane.offerNow(message))
    }
    actor.send(message)
    return this.#count('delivered')
  }

  /** For a message that is counted as sent and as nothing else yet. */
  #meetFate(message: EventObject): Delivery {
    const fate = this.#fate
    switch (fate.kind) {
      case 'drop':
        return this.#count('dropped')
      case 'reject':
        return this.#count('rejected')
      case 'spill':
        return this.#count(this.#isSpilled(message) ? 'spilled' : 'rejected')
      case 'stash':
        if (this.#stash.length >= fate.messagesMax) {
          if (fate.overflow !== 'drop_oldest') {
            return this.#count(fate.overflow === 'reject' ? 'rejected' : 'dropped')
          }
          this.#stash.shift()
          this.#count('dropped')
        }
        this.#stash.push(message)
        return 'stashed'
      default:
        return fate satisfies never
    }
  }

  /** (3) */
  #flush(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    const actor = this.#actor
    const canGoOn = () => actor !== undefined && actor === this.#actor && isActive(actor)
    // As many as wait now: a child that sends to itself must not keep everybody here.
    for (let left = this.#stash.length; left > 0 && canGoOn(); left--) {
      const next = this.#stash.shift()
      if (actor !== undefined && next !== undefined) this.#deliver(actor, next)
    }
    this.#isFlushing = false
    if (this.#stash.length > 0 && canGoOn()) setImmediate(() => this.#flush())
  }

  #isSpilled(message: EventObject): boolean {
    try {
      return this.#spill?.(this.#path, message) === true
    } catch {
      // A port that throws has not confirmed: the message is rejected, and counted so.
      return false
    }
  }

  #countOffer(outcome: LaneOffer): Delivery {
    if (outcome === 'dropped') return this.#count('dropped')
    return this.#count(outcome === 'queued' || outcome === 'conflated' ? 'delivered' : 'rejected')
  }

  #count(outcome: Exclude<Delivery, 'stashed'>): Delivery {
    this.#counts[outcome] += 1
    return outcome
  }
}

const isActive = (actor: AnyActorRef | undefined): boolean =>
  actor?.getSnapshot().status === 'active'
