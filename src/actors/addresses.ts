/**
 * Stable addresses: who sends to a path need not know whether its child runs just now. A child that
 * is down has declared in its spec what happens to its messages (`message-fate.ts`).
 *
 * Invariants:
 *  1. An address keeps its meaning, and its counters, across restarts and quarantine.
 *  2. A path that nobody keeps rejects. A child that ends for good drops its stash, counted.
 */
import type * as Effect from 'effect/Effect'
import type { AnyActorRef, EventObject } from 'xstate'
import type { MessageFate } from '../machines/message-fate.ts'
import {
  AddressLine,
  type Delivery,
  type Lane,
  type MessageCounters,
  type SpillPort
} from './address-line.ts'

interface Address {
  readonly path: string
  /** Never waits. */
  readonly send: (message: EventObject) => Delivery
  /** Waits for room where the child's data lane says so. */
  readonly offer: (message: EventObject) => Effect.Effect<Delivery>
}

export interface Addresses {
  readonly at: (path: string) => Address
  /** Of paths to which something was sent. */
  readonly counters: (path: string) => MessageCounters | undefined
  readonly down: (path: string, fate: MessageFate, spill: SpillPort | undefined) => void
  readonly up: (path: string, actor: AnyActorRef) => void
  /** For good, or until somebody keeps the path again. */
  readonly gone: (path: string) => void
  /** The inbox of the program that runs at a path; the result takes it away. */
  readonly attach: (path: string, lane: Lane) => () => void
  /** What a program had not taken when it ended. */
  readonly returned: (path: string, untaken: ReadonlyArray<EventObject>) => void
}

export const makeAddresses = (): Addresses => {
  const lines = new Map<string, AddressLine>()
  const lineAt = (path: string): AddressLine => {
    const known = lines.get(path)
    if (known !== undefined) return known
    const line = new AddressLine(path)
    lines.set(path, line)
    return line
  }
  return {
    at: (path) => {
      const line = lineAt(path)
      return {
        path,
        send: (message) => line.send(message),
        offer: (message) => line.offer(message)
      }
    },
    counters: (path) => {
      const counters = lines.get(path)?.counters
      return counters === undefined || counters.sent === 0 ? undefined : counters
    },
    down: (path, fate, spill) => lineAt(path).down(fate, spill),
    up: (path, actor) => lineAt(path).up(actor),
    gone: (path) => lineAt(path).gone(),
    attach: (path, lane) => lineAt(path).attach(lane),
    returned: (path, untaken) => lineAt(path).takeBack(untaken)
  }
}
