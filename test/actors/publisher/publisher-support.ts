/** A publisher over a log that answers as the test says, a real spool, and its real breaker. */
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { onTestFinished } from 'vitest'
import { createActor, SimulatedClock } from 'xstate'
import { Circuit } from '../../../src/actors/publisher/circuit.ts'
import { PublishLedger } from '../../../src/actors/publisher/publish-ledger.ts'
import { codecPacker } from '../../../src/actors/publisher/record-packer.ts'
import {
  type PublisherEvent,
  RecordPublisher,
  type RecordPublisherOptions
} from '../../../src/actors/publisher/record-publisher.ts'
import { stateTextOf } from '../../../src/actors/state-text.ts'
import { BatchTooLarge, LogFull, LogUnavailable } from '../../../src/adapters/log/event-log.ts'
import {
  forEachRecord,
  openBatch,
  type PackedRecords,
  sealBatch
} from '../../../src/adapters/log/record-batch.ts'
import type { SpoolOptions } from '../../../src/adapters/log/spool.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import {
  circuitBreakerMachine,
  type CircuitCommand,
  type CircuitInput
} from '../../../src/machines/circuit-breaker-machine.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { defaultCryptoTiers } from '../../../src/market/tier.ts'
import { temporaryDirectory } from '../../adapters/log/log-support.ts'
import { type OpenedSpool, openTestSpool } from '../../adapters/log/spool-support.ts'
import { manualPort } from '../../machines/support/feed.ts'
import { freePace } from './free-pace.ts'

export const topic = 'market.crypto.trades.binance'
export const codec = makeRecordCodec<TradeV2>(tradeV2Schema)

type Answer = Effect.Effect<void, LogFull | LogUnavailable>

export const full = Effect.fail(new LogFull({ topicPartition: 't-0', bytes: 1, bytesMax: 1 }))
export const unavailable = Effect.fail(new LogUnavailable({ topicPartition: 't-0', detail: 'EIO' }))

/** A log in memory whose appends succeed, refuse or wait as the test says. */
export class FakeLog {
  readonly ids = new Map<number, number[]>()
  outstanding = 0
  outstandingMax = 0
  appends = 0
  /** What an append does after its records are in the log, or instead of it. */
  answer: () => Answer = () => Effect.void
  /** Larger batches are refused for their size. */
  bytesMax = Infinity
  /** Whether the records get into the log although the append fails. */
  keepsFailed = false
  #next = 0

  append = (_topic: string, partition: number, packed: PackedRecords) =>
    Effect.gen({ self: this }, function* () {
      this.appends++
      this.outstanding++
      this.outstandingMax = Math.max(this.outstandingMax, this.outstanding)
      const left = Effect.sync(() => this.outstanding--)
      if (this.keepsFailed) this.#keep(partition, packed)
      yield* Effect.ensuring(this.answer(), left)
      if (packed.bytes.length > this.bytesMax) {
        return yield* new BatchTooLarge({ topicPartition: 't-0', detail: 'too large' })
      }
      if (!this.keepsFailed) this.#keep(partition, packed)
      return { baseOffset: this.#next }
    })

  #keep(partition: number, packed: PackedRecords): void {
    const bytes = Buffer.from(packed.bytes)
    const seal = { baseOffset: this.#next, appendedMsMin: 0, appendedMsMax: 0, startsGroup: false }
    sealBatch({ ...packed, bytes }, seal)
    this.#next += packed.recordCount
    const batch = openBatch(bytes, 0, bytes.length)
    const ids = this.ids.get(partition) ?? []
    forEachRecord(batch, ({ valueStart, valueEnd }) => {
      ids.push(codec.decode(batch.bytes, valueStart, valueEnd).source_sequence!)
    })
    this.ids.set(partition, ids)
  }
}

/** Ids in the order in which each came first. */
export const firstAppearances = (ids: readonly number[]): readonly number[] => [...new Set(ids)]

const circuitInput: CircuitInput = {
  failuresMax: 2,
  backoff: { msMin: 100, msMax: 1_000, factor: 2, jitterRatio: 0, upMsMin: 5_000 },
  probeMsMax: 60_000,
  jitterSeed: 1
}

/** The breaker as the tree has it, on a clock that the test moves. */
export const startBreaker = (input: CircuitInput = circuitInput) => {
  const clock = new SimulatedClock()
  const commands: CircuitCommand[] = []
  const hear = (_: unknown, command: CircuitCommand) => {
    if (command.type !== 'drain.requested') circuit.heard(command)
  }
  const program = manualPort<void, void, CircuitCommand>({ inputs: [], commands, hear })
  const actor = createActor(circuitBreakerMachine.provide({ actors: { program } }), {
    input,
    clock
  })
  const circuit = new Circuit((notice) => actor.send(notice))
  actor.start()
  return { circuit, clock, actor, state: () => stateTextOf(actor.getSnapshot()) }
}

export interface World {
  readonly ledger: PublishLedger
  readonly publisher: RecordPublisher<TradeV2>
  readonly opened: OpenedSpool
  readonly breaker: ReturnType<typeof startBreaker>
  readonly events: PublisherEvent[]
  readonly run: () => { readonly stop: () => Promise<void>; readonly ended: () => Promise<void> }
}

interface WorldOptions extends Partial<RecordPublisherOptions<TradeV2>> {
  readonly directory?: string
  readonly spoolOptions?: Partial<SpoolOptions>
}

export const makeWorld = async (
  log: FakeLog | (() => FakeLog | undefined),
  partitionCount: number,
  { directory, spoolOptions, ...change }: WorldOptions = {}
): Promise<World> => {
  const opened = await openTestSpool(directory ?? (await temporaryDirectory()), {
    topics: new Map([[topic, partitionCount]]),
    ...spoolOptions
  })
  onTestFinished(() => opened.close())
  const breaker = startBreaker()
  const events: PublisherEvent[] = []
  const ledger = new PublishLedger()
  const publisher = new RecordPublisher<TradeV2>({
    log: typeof log === 'function' ? log : () => log,
    topic,
    partitionCount,
    spool: opened.spool,
    circuit: breaker.circuit,
    packer: codecPacker(codec),
    tiers: defaultCryptoTiers,
    bytesMax: 1_000_000,
    batchBytesMax: 1_000,
    isGrown: () => false,
    isSpilling: () => false,
    pace: freePace,
    times: {
      lingerMs: 1,
      grownLingerMs: 20,
      appendMsMax: 60_000, refusedPauseMs: 1, handoverMsMax: 1_000, finishMsMax: 50
    },
    isSheddable: false,
    deadLetter: () => Effect.void,
    refusal: () => undefined,
    nowMs: () => 0,
    ledger,
    observe: (event) => events.push(event),
    ...change
  })
  const run = () => {
    const fiber = Effect.runFork(publisher.run)
    const stop = async () => {
      await Effect.runPromise(Fiber.interrupt(fiber))
    }
    onTestFinished(stop)
    return { stop, ended: () => Effect.runPromise(Fiber.join(fiber)) }
  }
  return { ledger, publisher, opened, breaker, events, run }
}
