/**
 * The connections of one feed as they come and go: two while one replaces the other. It outlives
 * them, orders what they deliver, and shows what is there.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { ExchangeSession } from '../../adapters/exchange/binance-socket.ts'
import type { RotationReport } from '../../machines/feed-protocol.ts'
import type { Shared } from '../shared.ts'

interface OpenConnection {
  readonly session: ExchangeSession
  readonly openedMs: number
}

interface Connection extends OpenConnection {
  isSubscribed: boolean
}

export class FeedConnections {
  readonly #shared: Shared
  readonly #feed: string
  /** By address, oldest first. */
  readonly #byStream = new Map<string, Connection>()

  constructor(shared: Shared, feed: string) {
    this.#shared = shared
    this.#feed = feed
  }

  /** Counts the connection in until the caller's scope closes. */
  enter(stream: string, opened: OpenConnection): Effect.Effect<void, never, Scope.Scope> {
    const connection: Connection = { ...opened, isSubscribed: false }
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => this.#byStream.set(stream, connection)),
        () =>
          Effect.sync(() => {
            // A successor at this address may have come while the release took too long.
            if (this.#byStream.get(stream) === connection) this.#byStream.delete(stream)
            this.#show()
          })
      )
    )
  }

  /** Ends once all others have delivered what they were sent by now, as far as the venue says. */
  othersCaughtUp(stream: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const others = [...this.#byStream].filter(([other]) => other !== stream)
      return Effect.forEach(
        others,
        ([other, { session }]) =>
          Effect.map(session.caughtUp, (isProven) => {
            if (isProven) return
            const { log } = this.#shared.telemetry
            log('warn', 'feed.order_unproven', { feed: this.#feed, stream, other })
          }),
        { discard: true }
      )
    })
  }

  noteSubscribed(stream: string, venue: string): void {
    const connection = this.#byStream.get(stream)
    if (connection === undefined) return
    connection.isSubscribed = true
    this.#show()
    this.#shared.telemetry.log('info', 'feed.subscribed', { feed: this.#feed, stream, venue })
  }

  noteAnnounced(stream: string): void {
    const { log } = this.#shared.telemetry
    log('info', 'feed.shutdown_announced', { feed: this.#feed, stream })
  }

  noteRotation({ outcome, reason }: RotationReport): void {
    const { log, metrics } = this.#shared.telemetry
    const isWell = outcome === 'started' || outcome === 'completed'
    log(isWell ? 'info' : 'warn', `feed.rotation_${outcome}`, {
      feed: this.#feed,
      ...(reason === null ? {} : { detail: reason })
    })
    const isSettled = outcome !== 'started' && outcome !== 'forced'
    if (isSettled) metrics.feedRotations.inc({ feed: this.#feed, outcome })
  }

  /** Of frames that have arrived and wait to be read. */
  get queuedBytes(): number {
    let bytes = 0
    for (const { session } of this.#byStream.values()) bytes += session.queuedBytes()
    return bytes
  }

  #show(): void {
    const { metrics } = this.#shared.telemetry
    const feed = this.#feed
    const subscribed = [...this.#byStream.values()].filter(({ isSubscribed }) => isSubscribed)
    metrics.feedConnected.set({ feed }, subscribed.length > 0 ? 1 : 0)
    const newest = subscribed.at(-1)
    if (newest !== undefined) metrics.feedConnectionOpened.set({ feed }, newest.openedMs / 1_000)
  }
}
