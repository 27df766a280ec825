/**
 * Plays one timeline to all connections.
 *
 * 1. At speed 1 or N it is open-loop: the clock decides what is due, and a client with more than
 *    `unsentBytesMax` unsent is cut (R17).
 * 2. At `max` the sockets decide: the timeline waits while nobody takes frames (no subscription to
 *    any of its streams, all stalled) and while a taker has `congestedBytes` unsent.
 * 3. A source that starts at the first subscription stands still until `noteSubscription` (R48).
 * 4. Book tickers that are made up are so only while a client takes some.
 * 5. One turn issues at most `turnFramesMax` frames, then lets the sockets work.
 * 6. While the market is halted nothing is issued; what was due comes once it opens again.
 */
import { makeFrameLuck } from './faults.ts'
import type { FaultSettings } from './faults.ts'
import type { IssuedRecord } from './issued-record.ts'
import type { SentRange, Session } from './session.ts'
import type { Playback, TradeSource } from './trade-source.ts'

export type Speed = number | 'max'

export interface BroadcasterOptions {
  readonly source: TradeSource
  readonly playback: Playback
  readonly speed: Speed
  readonly seed: number
  readonly now: () => number
  readonly tickMs: number
  readonly unsentBytesMax: number
  readonly settings: () => FaultSettings
  readonly sessions: ReadonlyMap<number, Session>
  /** Told of every trade, with the connections to which it was written whole. */
  readonly record?: Pick<IssuedRecord, 'issued' | 'turnEnded'> | undefined
  readonly onStarted: () => void
  readonly onEnded: () => void
}

export interface Broadcaster {
  /** Names that a connection has just subscribed. */
  readonly noteSubscription: (names: ReadonlyArray<string>) => void
  /** Something changed that may let the timeline go on: a drain, a cut, a healed stall. */
  readonly wake: () => void
  /** Trades issued by the venue, whether or not anybody got them, by symbol. */
  readonly issued: () => Readonly<Record<string, Readonly<SentRange>>>
  readonly venueTimeMs: () => number
  readonly state: () => 'waiting' | 'playing' | 'ended'
  readonly stop: () => void
}

const turnFramesMax = 2_048
const congestedBytes = 1_024 * 1_024

export const startBroadcaster = (options: BroadcasterOptions): Broadcaster => {
  const { source, playback, speed, now, sessions } = options
  const symbols = new Set(source.listing.map(({ symbol }) => symbol))
  const issued = new Map<number, SentRange>()
  const issueTurn = makeIssuer(options, issued)
  const takesQuotes = makeQuoteDemand(source, sessions)
  let startedAtMs: number | undefined
  let endedIsTold = false
  let immediate: NodeJS.Immediate | undefined
  let isStopped = false

  const clockMs = (): number =>
    startedAtMs === undefined || speed === 'max'
      ? playback.dueMs()
      : playback.originMs + (now() - startedAtMs) * speed

  const turn = (): void => {
    immediate = undefined
    if (isStopped || startedAtMs === undefined) return
    if (speed === 'max' && !socketsTake(sessions)) return // (2), woken later
    playback.playQuotes?.(takesQuotes()) // (4)
    const untilMs = speed === 'max' ? Number.POSITIVE_INFINITY : clockMs()
    const more = !options.settings().halt && issueTurn(untilMs) // (6)
    if (playback.ended() && !endedIsTold) {
      endedIsTold = true
      for (const session of sessions.values()) session.releaseHeld()
      options.onEnded()
    }
    for (const session of sessions.values()) {
      session.flush()
      if (speed !== 'max' && session.unsentBytes() > options.unsentBytesMax)
        session.cut('slow_client') // (1)
    }
    options.record?.turnEnded()
    if (more) schedule()
  }
  const schedule = (): void => {
    if (!isStopped) immediate ??= setImmediate(turn)
  }
  const start = (): void => {
    if (startedAtMs !== undefined) return
    startedAtMs = now()
    options.onStarted()
    schedule()
  }
  if (source.starts === 'at_open') start()
  const ticker = speed === 'max' ? undefined : setInterval(schedule, options.tickMs)

  return {
    noteSubscription: (names) => {
      if (names.some((name) => symbols.has(symbolOfStream(name)))) start() // (3)
      schedule()
    },
    wake: schedule,
    issued: () => bySymbol(source, issued),
    venueTimeMs: () => Math.floor(clockMs()),
    state: () =>
      startedAtMs === undefined ? 'waiting' : playback.ended() ? 'ended' : 'playing',
    stop: () => {
      isStopped = true
      clearInterval(ticker)
      clearImmediate(immediate)
    }
  }
}

const bySymbol = (source: TradeSource, ranges: ReadonlyMap<number, SentRange>) =>
  Object.fromEntries(
    [...ranges].map(([stream, range]) => [symbolOfStream(source.streams[stream]!), { ...range }])
  )

/** `btcusdt@trade` → `BTCUSDT`. */
const symbolOfStream = (name: string): string => name.split('@', 1)[0]!.toUpperCase()

/** Issues what is due, at most one turn's worth; whether more may be due. */
const makeIssuer = (
  { playback, sessions, settings, seed, record }: BroadcasterOptions,
  issued: Map<number, SentRange>
): ((untilMs: number) => boolean) => {
  const luckOf = makeFrameLuck(seed)
  let ordinal = 0
  return (untilMs) => {
    for (let count = 0; count < turnFramesMax; count += 1) {
      if (!playback.advance(untilMs)) return false
      const deliveries = issueFrame(playback, sessions, luckOf(settings(), ordinal))
      ordinal += 1
      const [stream, tradeId] = [playback.stream(), playback.tradeId()]
      if (tradeId < 0) continue
      noteIssued(issued, stream, tradeId)
      record?.issued(stream, tradeId, deliveries)
    }
    return true
  }
}

const noteIssued = (issued: Map<number, SentRange>, stream: number, tradeId: number): void => {
  const range = issued.get(stream)
  if (range === undefined) issued.set(stream, { firstId: tradeId, lastId: tradeId, count: 1 })
  else {
    range.lastId = Math.max(range.lastId, tradeId)
    range.count += 1
  }
}

/** Writes the current frame to all who want it; how many get it whole. */
const issueFrame = (
  playback: Playback,
  sessions: ReadonlyMap<number, Session>,
  luck: ReturnType<ReturnType<typeof makeFrameLuck>>
): number => {
  const stream = playback.stream()
  const tradeId = playback.tradeId()
  let deliveries = 0
  let frame: ReturnType<Playback['frame']> | undefined
  for (const session of sessions.values()) {
    if (!session.wants(stream) || session.cutReason() !== undefined) continue
    frame ??= playback.frame() // encoded only if somebody wants it
    if (session.deliver(frame, stream, tradeId, luck)) deliveries += 1
  }
  return deliveries
}

const makeQuoteDemand = (
  { streams }: TradeSource,
  sessions: ReadonlyMap<number, Session>
): (() => boolean) => {
  const tickers = streams.flatMap((name, stream) => (name.endsWith('@bookTicker') ? [stream] : []))
  return () =>
    [...sessions.values()].some((session) => tickers.some((stream) => session.wants(stream)))
}

const socketsTake = (sessions: ReadonlyMap<number, Session>): boolean => {
  let takers = 0
  for (const session of sessions.values()) {
    if (!session.wantsAny() || session.isStalled() || session.cutReason() !== undefined) continue
    if (session.unsentBytes() > congestedBytes) return false
    takers += 1
  }
  return takers > 0
}
