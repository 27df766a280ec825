/**
 * Requests to the venue over its WebSocket and their answers.
 *
 * 1. At most `requestsPerSecondMax` requests leave in any second (R40: the venue cuts a client that
 *    sends more than five messages a second, its pongs counted).
 * 2. Every request ends: acknowledged, refused, unanswered after the deadline, or with the socket.
 * 3. While reading is paused, by our own back-pressure, the deadline stands still: the answer waits
 *    behind trades that we do not read.
 */
import * as Effect from 'effect/Effect'
import * as Semaphore from 'effect/Semaphore'
import { SubscribeRejected } from './exchange-errors.ts'
import type { ControlReply } from './frame-result.ts'

/** GET_PROPERTY changes nothing: its answer stands behind all that the venue sent before it. */
export type ControlMethod = 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'GET_PROPERTY'

export interface ControlChannelOptions {
  readonly venue: string
  readonly send: (text: string) => void
  readonly isPaused: () => boolean
  readonly answerMsMax: number
}

const requestsPerSecondMax = 4
/** Evenly spaced over a little more than a second, because the venue's second is not ours (1). */
const requestSpacingMs = 1100 / requestsPerSecondMax
/** The deadline is counted in steps, so that steps spent paused can be left out (3). */
const deadlineSteps = 8

type Outcome<E> = Effect.Effect<void, SubscribeRejected | E>

interface RequestFacts {
  readonly method: ControlMethod
  readonly streamCount: number
}

interface PendingRequest<E> extends RequestFacts {
  readonly settle: (outcome: Outcome<E>) => void
}

export class ControlChannel<E> {
  readonly #options: ControlChannelOptions
  readonly #pending = new Map<number, PendingRequest<E>>()
  readonly #turn = Semaphore.makeUnsafe(1)
  #nextId = 1
  #nextSendMs = 0
  #failure: E | null = null

  constructor(options: ControlChannelOptions) {
    this.#options = options
  }

  /** Sends one request, in its turn, and waits for the answer. */
  request(method: ControlMethod, streams: ReadonlyArray<string>): Outcome<E> {
    const facts = { method, streamCount: streams.length }
    const exchange = Effect.raceFirst(this.#send(facts, streams), this.#deadline(facts))
    return Effect.andThen(this.#awaitTurn(), exchange)
  }

  /** An answer from the venue; false if it belongs to no request of ours. */
  answer(reply: ControlReply): boolean {
    // The venue leaves the id out of some refusals: they belong to the oldest request.
    const oldest = this.#pending.keys().next().value
    const id = reply.id ?? (reply.outcome === 'refused' ? oldest : undefined)
    const request = id === undefined ? undefined : this.#pending.get(id)
    if (request === undefined) return false
    request.settle(
      reply.outcome === 'acknowledged'
        ? Effect.void
        : Effect.fail(this.#rejected(request, reply.code, reply.message))
    )
    return true
  }

  /** The socket is gone: nothing will be answered any more (2). */
  fail(error: E): void {
    this.#failure ??= error
    for (const request of this.#pending.values()) request.settle(Effect.fail(error))
  }

  #send(facts: RequestFacts, streams: ReadonlyArray<string>): Outcome<E> {
    return Effect.callback<void, SubscribeRejected | E>((resume) => {
      if (this.#failure !== null) {
        resume(Effect.fail(this.#failure))
        return Effect.void
      }
      const id = this.#nextId++
      const settle = (outcome: Outcome<E>) => {
        this.#pending.delete(id)
        resume(outcome)
      }
      this.#pending.set(id, { ...facts, settle })
      this.#options.send(JSON.stringify({ method: facts.method, params: streams, id }))
      return Effect.sync(() => {
        this.#pending.delete(id)
      })
    })
  }

  /** In the order of asking. Counted from when the turn came, late or not, never from the plan. */
  #awaitTurn(): Effect.Effect<void> {
    const wait = Effect.suspend(() => {
      const waitMs = this.#nextSendMs - performance.now()
      return waitMs > 0 ? Effect.sleep(waitMs) : Effect.void
    })
    const take = Effect.sync(() => {
      this.#nextSendMs = performance.now() + requestSpacingMs
    })
    return this.#turn.withPermit(Effect.andThen(wait, take))
  }

  #deadline(facts: RequestFacts): Effect.Effect<never, SubscribeRejected> {
    const { answerMsMax, isPaused } = this.#options
    const rejected = this.#rejected(facts, null, `no answer within ${answerMsMax} ms`)
    return Effect.gen(function* () {
      for (let step = 0; step < deadlineSteps; step += isPaused() ? 0 : 1) {
        yield* Effect.sleep(answerMsMax / deadlineSteps)
      }
      return yield* rejected
    })
  }

  #rejected(facts: RequestFacts, code: number | null, reason: string): SubscribeRejected {
    const { method, streamCount } = facts
    return new SubscribeRejected({ venue: this.#options.venue, method, streamCount, code, reason })
  }
}
