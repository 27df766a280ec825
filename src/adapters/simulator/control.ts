/**
 * The lever behind the venue's back: set faults, cut, inject, heal, and read what happened.
 *
 * 1. A request is applied as a whole or refused with every problem.
 * 2. The counters let an oracle compare: what was issued, and what each connection was sent.
 */
import type { Broadcaster, Speed } from './broadcaster.ts'
import type { Connections } from './connections.ts'
import { noFaults, readFaultRequest } from './faults.ts'
import type { FaultRequest, FaultSettings, Validated } from './faults.ts'
import type { CutReason, SentRange, Session, SessionCounts } from './session.ts'
import type { Playback, TradeSource } from './trade-source.ts'

/** The JSON body of `POST /control/faults`. */
export type FaultBody = Partial<FaultSettings> & {
  readonly heal?: true
  readonly drop?: number | 'all'
  readonly inject?: { readonly connection?: number | 'all' } & (
    | { readonly text: string }
    | { readonly base64: string }
    | { readonly textBytes: number }
    | { readonly binaryBytes: number }
  )
}

interface ConnectionStatus {
  readonly id: number
  readonly path: string
  readonly openedMs: number
  /** Why it ended; null while it is open. */
  readonly closed: CutReason | null
  readonly isStalled: boolean
  readonly unsentBytes: number
  readonly subscriptionCount: number
  readonly counts: SessionCounts
  /** Trades put on the wire, by symbol. */
  readonly sent: Readonly<Record<string, Readonly<SentRange>>>
}

interface SimulatorStatus {
  readonly source: string
  readonly speed: Speed
  readonly seed: number
  readonly state: 'waiting' | 'playing' | 'ended'
  readonly venueTimeMs: number
  readonly faults: FaultSettings
  /** Since the start: data frames by fate (all connections), cuts by command, refusals. */
  readonly counts: SessionCounts & { readonly dropped: number; readonly refused: number }
  readonly issued: Readonly<Record<string, Readonly<SentRange>>>
  readonly connections: ReadonlyArray<ConnectionStatus>
}

export interface SimulatorControl {
  /** Unknown input is checked, so that a decoded body can be passed as it came. */
  readonly request: (body: FaultBody) => Validated<SimulatorStatus>
  readonly status: () => SimulatorStatus
}

export interface ControlOptions {
  readonly source: TradeSource
  readonly playback: Playback
  readonly speed: Speed
  readonly seed: number
  readonly connections: Connections
  readonly broadcaster: Broadcaster
  readonly settings: () => FaultSettings
  readonly setSettings: (settings: FaultSettings) => void
}

export const makeControl = (options: ControlOptions): SimulatorControl => {
  applyFlood(options.playback, noFaults, options.settings())
  const status = () => statusOf(options)
  return {
    status,
    request: (body) => {
      const read = readFaultRequest(body)
      if ('problems' in read) return read
      const problems = impossible(read.value, options)
      if (problems.length > 0) return { problems } // (1)
      apply(read.value, options)
      return { value: status() }
    }
  }
}

/** Problems that show only against what runs. */
const impossible = (
  request: FaultRequest,
  { playback, connections }: ControlOptions
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { settings, drop, inject } = request
  const floods = [settings.floodTier1, settings.floodTier2, settings.floodTier3]
  if (playback.flood === undefined && floods.some((times) => (times ?? 1) !== 1)) {
    problems.push(
      'floodTier1, floodTier2, floodTier3 need the generator: a recording cannot make trades up'
    )
  }
  for (const [name, id] of [
    ['drop', drop],
    ['inject.connection', inject?.connection]
  ] as const) {
    if (typeof id === 'number' && !connections.open.has(id))
      problems.push(`${name} names no open connection: ${id}`)
  }
  return problems
}

const apply = (request: FaultRequest, options: ControlOptions): void => {
  const { connections, broadcaster, playback } = options
  const before = options.settings()
  const after = { ...(request.heal ? noFaults : before), ...request.settings }
  if (request.heal || Object.keys(request.settings).length > 0) {
    options.setSettings(after)
    applyFlood(playback, before, after)
    for (const session of connections.open.values()) {
      session.rearm()
      if (after.reorder === 0) session.releaseHeld()
      session.flush()
    }
  }
  for (const session of chosen(connections, request.drop)) session.cut('fault_drop')
  if (request.inject !== undefined) {
    for (const session of chosen(connections, request.inject.connection))
      session.inject(request.inject)
  }
  broadcaster.wake()
}

const applyFlood = (playback: Playback, before: FaultSettings, after: FaultSettings): void => {
  if (after.floodTier1 !== before.floodTier1) playback.flood?.(1, after.floodTier1)
  if (after.floodTier2 !== before.floodTier2) playback.flood?.(2, after.floodTier2)
  if (after.floodTier3 !== before.floodTier3) playback.flood?.(3, after.floodTier3)
}

const chosen = ({ open }: Connections, id: number | 'all' | undefined): ReadonlyArray<Session> =>
  [...open.values()].filter((session) => id === 'all' || session.id === id)

const statusOf = ({
  source,
  speed,
  seed,
  connections,
  broadcaster,
  settings
}: ControlOptions): SimulatorStatus => {
  const symbolOf = (stream: number) => source.streams[stream]!.split('@', 1)[0]!.toUpperCase()
  return {
    source: source.name,
    speed,
    seed,
    state: broadcaster.state(),
    venueTimeMs: broadcaster.venueTimeMs(),
    faults: settings(),
    counts: { ...connections.totals(), refused: connections.refusedCount() },
    issued: broadcaster.issued(),
    connections: connections.records().map(({ session, path, openedMs }) => ({
      id: session.id,
      path,
      openedMs,
      closed: session.cutReason() ?? null,
      isStalled: session.isStalled(),
      unsentBytes: session.unsentBytes(),
      subscriptionCount: session.subscriptions.size,
      counts: { ...session.counts },
      sent: Object.fromEntries(
        [...session.sentByStream].map(([stream, range]) => [symbolOf(stream), { ...range }])
      )
    }))
  }
}
