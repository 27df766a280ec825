/**
 * What a level of degradation does at the feed: how soon a command acts that comes while a million
 * trades are queued, and what it saves that batches grow. Feed, publisher and embedded log as they
 * run, in one thread, without a socket: frames are put into the queue that the socket fills.
 */
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { Circuit } from '../src/actors/publisher/circuit.ts'
import { RecordPublisher } from '../src/actors/publisher/record-publisher.ts'
import { FeedAccount } from '../src/adapters/exchange/feed-account.ts'
import { pumpFrames } from '../src/adapters/exchange/feed-pump.ts'
import { LetterSampler } from '../src/adapters/exchange/frame-letters.ts'
import { FrameQueue } from '../src/adapters/exchange/frame-queue.ts'
import { HoleWatch } from '../src/adapters/exchange/hole-watch.ts'
import { nodeFiles, systemClock } from '../src/adapters/log/node-files.ts'
import { nodeProcess } from '../src/adapters/log/node-process.ts'
import { openSpool } from '../src/adapters/log/spool.ts'
import { type IngestPolicy, policyOf } from '../src/machines/ingest-policy.ts'
import { defaultCryptoTiers } from '../src/market/tier.ts'
import { atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { openLog } from './event-log.ts'
import { type Frame, feedPacker, type Trade } from './hot-path.ts'
import { topic } from './landing.ts'
import { openMarket, partitionCount } from './market.ts'
import { Measures, type Outcome } from './report.ts'

const queuedTrades = 1_000_000
const delayBar = atMost(50)
const tradesPerSecond = 20_000
/** Of the seconds of a run of `throughput`: each of the two levels. */
const windowShare = 1 / 6
const tickMs = 2
/** Publishers wait no longer, whatever the bench asks. */
const publishBytesMax = 32 * 1_024 ** 2

export const measureLevels = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  const market = openMarket()
  const frames = market.frames(queuedTrades / 10)
  for (let run = 1; run <= context.runs; run += 1) {
    await context.settle()
    const folder = await context.workspace.folder('levels')
    const bench: Bench = { folder, frames, instruments: market.instruments }
    const delay = await delayOf(bench)
    measures.add('command to the first batch under it', 'ms', delay.ms, delayBar)
    if (delay.lateTrades > 0) measures.failures.push(`run ${run}: trades were taken afterwards`)
    const seconds = context.seconds * windowShare
    const normal = await costOf(bench, 'normal', seconds)
    const soft = await costOf(bench, 'soft', seconds)
    measures.add('CPU per trade at 20,000/s, normal', 'µs', normal)
    measures.add('CPU per trade at 20,000/s, soft', 'µs', soft)
    measures.add('saved by larger batches', '%', (1 - soft / normal) * 100)
    await context.workspace.discard(folder)
    context.progress(
      `levels: ${delay.ms.toFixed(2)} ms; ${normal.toFixed(2)} µs normal, ${soft.toFixed(2)} soft`
    )
  }
  measures.note(
    'CPU is of the whole process, with the bench that puts frames into the queue; trades go from ' +
      'there to fsync. The command sheds tier 3; what is timed is when the first batch without ' +
      'any has been read.'
  )
  return measures.outcome
}

interface Bench {
  readonly folder: string
  readonly frames: readonly Frame[]
  readonly instruments: ReturnType<typeof openMarket>['instruments']
}

/** Feed and publisher, until the scope closes. */
const openFeed = Effect.fnUntraced(function* (
  { folder, instruments }: Bench,
  name: string,
  offered: (trades: readonly Trade[]) => void
) {
  let policy: IngestPolicy = policyOf('normal')
  const isGrown = () => policy.areBatchesGrown
  const queue = new FrameQueue<never>({
    bytesMax: 1e12, batchFramesMax: 1_000, isGrown, setReading: () => undefined
  })
  const log = yield* openLog(`${folder}/${name}-log`, topic)
  const spool = yield* openSpool({
    directory: `${folder}/${name}-spool`,
    files: nodeFiles,
    clock: systemClock,
    process: yield* Effect.promise(nodeProcess),
    topics: new Map([[topic, partitionCount]]),
    bytesMax: () => publishBytesMax,
    limits: { flushDelayMs: 20, segmentBytes: 1_024 ** 2, positionStepBytes: 1_024 ** 2 },
    observe: () => undefined
  })
  const publisher = new RecordPublisher({
    log: () => log,
    topic,
    partitionCount,
    spool,
    circuit: new Circuit(() => undefined),
    packer: feedPacker(),
    tiers: defaultCryptoTiers,
    bytesMax: publishBytesMax,
    batchBytesMax: 1_024 ** 2,
    isGrown,
    isSpilling: () => false,
    pace: { isHeld: false, leave: Effect.void, spend: () => undefined },
    times: {
      lingerMs: 5, grownLingerMs: 100, appendMsMax: 10_000, refusedPauseMs: 1_000,
      handoverMsMax: 250, finishMsMax: 1_000
    },
    isSheddable: false,
    deadLetter: () => Effect.die('a trade that is too large for the log'),
    refusal: () => undefined,
    nowMs: () => performance.now(),
    observe: () => undefined
  })
  yield* Effect.forkScoped(publisher.run)
  const account = new FeedAccount()
  const claims = { note: () => undefined }
  const exchange = 'BINANCE'
  const nowUs = () => 0
  const pump = pumpFrames({
    exchange, account, claims, instruments,
    holes: new HoleWatch({ exchange, account, claims, keptId: () => null, nowUs }),
    tiers: defaultCryptoTiers,
    level: () => policy,
    sampler: new LetterSampler(0),
    deadLetters: { offer: () => Effect.void },
    drainRequested: Effect.never,
    observe: () => undefined,
    source: { takeFrames: queue.take, close: Effect.void },
    sink: {
      offer: (trades) =>
        Effect.suspend(() => {
          offered(trades as readonly Trade[])
          return publisher.offer(trades)
        })
    }
  })
  yield* Effect.forkScoped(Effect.scoped(pump))
  return { queue, publisher, set: (next: IngestPolicy) => void (policy = next) }
})

/** From the command to the first batch that it has acted on, with the queue full all the time. */
const delayOf = (bench: Bench): Promise<{ readonly ms: number; readonly lateTrades: number }> =>
  Effect.gen(function* () {
    const tier3 = ({ instrument: { baseAsset } }: Trade) =>
      !defaultCryptoTiers.tier1.has(baseAsset) && !defaultCryptoTiers.tier2.has(baseAsset)
    const seen = { batches: 0, setMs: 0, actedMs: 0, lateTrades: 0 }
    const feed = yield* openFeed(bench, `delay-${performance.now()}`, (trades) => {
      seen.batches += 1
      if (seen.setMs === 0) return
      seen.lateTrades += trades.filter(tier3).length
      if (seen.actedMs === 0) seen.actedMs = performance.now()
    })
    for (let index = 0; index < queuedTrades; index += 1) {
      feed.queue.push(bench.frames[index % bench.frames.length]!)
    }
    yield* Effect.promise(async () => {
      while (seen.batches < 50) await turn()
      seen.setMs = performance.now()
      feed.set(policyOf('graceful'))
      while (seen.actedMs === 0 || seen.batches < 100) await turn()
    })
    return { ms: seen.actedMs - seen.setMs, lateTrades: seen.lateTrades }
  }).pipe(Effect.scoped, Effect.runPromise)

/** Microseconds of CPU per trade. */
const costOf = (bench: Bench, level: 'normal' | 'soft', seconds: number): Promise<number> =>
  Effect.gen(function* () {
    let taken = 0
    const feed = yield* openFeed(bench, `${level}-${performance.now()}`, (trades) => {
      taken += trades.length
    })
    feed.set(policyOf(level))
    const feeding = yield* Effect.forkChild(Effect.promise(() => paced(feed.queue, bench, seconds)))
    yield* Effect.sleep(seconds * 250)
    const [takenBefore, cpuBefore] = [taken, process.cpuUsage()]
    yield* Fiber.join(feeding)
    const { user, system } = process.cpuUsage(cpuBefore)
    yield* feed.publisher.flushed
    return (user + system) / (taken - takenBefore)
  }).pipe(Effect.scoped, Effect.runPromise)

/** Frames at the rate of the clock. */
const paced = async (
  queue: FrameQueue<never>,
  { frames }: Bench,
  seconds: number
): Promise<void> => {
  const startedMs = performance.now()
  const count = Math.floor(tradesPerSecond * seconds)
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, ((performance.now() - startedMs) * tradesPerSecond) / 1_000)
    for (; sent < due; sent += 1) queue.push(frames[sent % frames.length]!)
    await pause(tickMs)
  }
}
