/** The feed machine with ports that a test settles by hand, and a clock that it moves. */
import { type ActorRefFrom, createActor, type EventObject, SimulatedClock } from 'xstate'
import { stateTextOf } from '../../../src/actors/state-text.ts'
import { feedMachine } from '../../../src/machines/feed-machine.ts'
import type {
  FeedCommand,
  FeedEvent,
  FeedInput,
  ResolveInput,
  RotationReport,
  StreamId,
  StreamInput
} from '../../../src/machines/feed-protocol.ts'
import type { PortLogic } from '../../../src/machines/port.ts'
import type { Instrument } from '../../../src/market/instrument.ts'

type Verdict =
  | { readonly type: 'port.done'; readonly output: unknown }
  | { readonly type: 'port.failed'; readonly error: unknown }

/** A port that the test settles by hand; it records what it was told. */
export const manualPort = <TOutput, TInput, TCommand extends EventObject>(log: {
  inputs: TInput[]
  commands: TCommand[]
  hear?: (input: TInput, command: TCommand) => void
}) =>
  ({
    getInitialSnapshot: (_scope, input) => {
      log.inputs.push(input)
      return { status: 'active', output: undefined, error: undefined, input }
    },
    transition: (snapshot, event: TCommand | Verdict) => {
      if (event.type === 'port.done') {
        return {
          ...snapshot,
          status: 'done',
          output: (event as { output: TOutput }).output,
          error: undefined
        }
      }
      if (event.type === 'port.failed') {
        return {
          ...snapshot,
          status: 'error',
          output: undefined,
          error: (event as { error: unknown }).error
        }
      }
      if (event.type === 'xstate.stop') return { ...snapshot, status: 'stopped' }
      if (event.type.startsWith('xstate.')) return snapshot
      log.commands.push(event as TCommand)
      log.hear?.(snapshot.input, event as TCommand)
      return snapshot
    },
    getPersistedSnapshot: (snapshot) => snapshot
  }) as PortLogic<TOutput, TInput, TCommand>

export const input: FeedInput = {
  exchange: 'BINANCE',
  symbols: ['BTCUSDT', 'ETHUSDT', 'BTCUSDT'],
  webSocketUrls: ['ws://a', 'ws://b', 'ws://c'],
  restUrls: ['http://a', 'http://b'],
  backoff: { msMin: 100, msMax: 1_000, factor: 2, jitterRatio: 0, upMsMin: 5_000 },
  jitterSeed: 1,
  drainMsMax: 2_000,
  rotateMs: null,
  overlapMs: 500,
  symbolsMax: 4,
  isPaused: false
}

export const instrument = (symbol: string): Instrument => ({
  exchange: 'BINANCE',
  symbol,
  assetClass: 'crypto',
  baseAsset: symbol.slice(0, 3),
  quoteAsset: 'USDT'
})

export const unavailable = Object.assign(new Error('gone'), {
  _tag: 'SocketClosed',
  isDependency: true
})
export const misconfigured = Object.assign(new Error('BINANCE does not list NOPE'), {
  _tag: 'UnknownSymbols'
})

export const batch = (
  [frameCount, tradeCount, rejectedCount]: readonly [number, number, number],
  receivedUs: number,
  stream: StreamId = 'stream:a'
): FeedEvent => ({
  type: 'batch.handled',
  stream,
  frameCount,
  tradeCount,
  rejectedCount,
  receivedUs
})

export const startFeed = (changes: Partial<FeedInput> = {}) => {
  const clock = new SimulatedClock()
  const resolving = { inputs: [] as ResolveInput[], commands: [] as EventObject[] }
  const told: Array<readonly [StreamId, FeedCommand['type']]> = []
  const streaming = {
    inputs: [] as StreamInput[],
    commands: [] as FeedCommand[],
    hear: ({ stream: id }: StreamInput, { type }: FeedCommand) => told.push([id, type])
  }
  const reports: RotationReport[] = []
  const actor = createActor(
    feedMachine.provide({
      actors: {
        resolveInstruments: manualPort<ReadonlyArray<Instrument>, ResolveInput, EventObject>(
          resolving
        ),
        streamFeed: manualPort<void, StreamInput, FeedCommand>(streaming),
        followPolicy: manualPort<void, undefined, EventObject>({ inputs: [], commands: [] })
      },
      actions: { reportRotation: (_, report) => reports.push(report) }
    }),
    { input: { ...input, ...changes }, clock }
  )
  const errors: unknown[] = []
  actor.subscribe({ error: (error) => errors.push(error) })
  actor.start()
  const settle = (port: 'resolveInstruments' | StreamId, verdict: Verdict) => {
    const child = actor.getSnapshot().children[port] as
      ActorRefFrom<PortLogic<unknown, unknown>> | undefined
    child?.send(verdict)
  }
  return {
    actor, clock, errors, reports, resolving, streaming, told,
    context: () => actor.getSnapshot().context,
    state: () => stateTextOf(actor.getSnapshot()),
    /** Addresses of the connections that are there. */
    present: () =>
      Object.entries(actor.getSnapshot().children).flatMap(([id, child]) =>
        id.startsWith('stream') && child?.getSnapshot().status === 'active' ? [id] : []
      ),
    resolve: (symbols = actor.getSnapshot().context.symbols) =>
      settle('resolveInstruments', { type: 'port.done', output: symbols.map(instrument) }),
    failResolving: (error: unknown) => settle('resolveInstruments', { type: 'port.failed', error }),
    subscribe: (id: StreamId = 'stream:a') =>
      actor.send({ type: 'feed.subscribed', stream: id, venue: `${id.slice(-1)}:1` }),
    drop: (error: unknown = unavailable, id: StreamId = 'stream:a') =>
      settle(id, { type: 'port.failed', error }),
    end: (id: StreamId = 'stream:a') => settle(id, { type: 'port.done', output: undefined })
  }
}

export type Feed = ReturnType<typeof startFeed>

/** To where the first connection streams. */
export const stream = (feed: Feed) => {
  feed.resolve()
  feed.subscribe()
}
