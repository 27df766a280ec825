/**
 * A process whose event log is unreachable: publishes trades into the spool of the directory that
 * it is given, from the id that it is given on, and says which ids have become durable, until it is
 * killed.
 */
import * as Effect from 'effect/Effect'
import * as Scope from 'effect/Scope'
import { Circuit } from '../../../src/actors/publisher/circuit.ts'
import { codecPacker } from '../../../src/actors/publisher/record-packer.ts'
import { RecordPublisher } from '../../../src/actors/publisher/record-publisher.ts'
import { nodeFiles, systemClock } from '../../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../../src/adapters/log/node-process.ts'
import { openSpool } from '../../../src/adapters/log/spool.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { defaultCryptoTiers } from '../../../src/market/tier.ts'
import { trade } from '../../support/trades.ts'
import { freePace } from './free-pace.ts'

const topic = 'market.crypto.trades.binance'
const [directory = '', from = '0'] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const spool = yield* openSpool({
    directory,
    files: nodeFiles,
    clock: systemClock,
    process: yield* Effect.promise(nodeProcess),
    topics: new Map([[topic, 1]]),
    bytesMax: () => 1024 ** 3,
    limits: { flushDelayMs: 1, segmentBytes: 20_000, positionStepBytes: 10_000 },
    observe: () => undefined
  })
  const circuit = new Circuit(() => undefined)
  circuit.heard({ type: 'circuit.opened' })
  let settled = Number(from)
  const publisher = new RecordPublisher<TradeV2>({
    log: () => undefined,
    topic,
    partitionCount: 1,
    spool,
    circuit,
    packer: codecPacker(makeRecordCodec<TradeV2>(tradeV2Schema)),
    tiers: defaultCryptoTiers,
    bytesMax: 100_000,
    batchBytesMax: 2_000,
    isGrown: () => false,
    isSpilling: () => false,
    pace: freePace,
    times: {
      lingerMs: 1,
      grownLingerMs: 20,
      appendMsMax: 10_000, refusedPauseMs: 10, handoverMsMax: 10, finishMsMax: 10
    },
    isSheddable: false,
    deadLetter: () => Effect.void,
    refusal: () => undefined,
    nowMs: Date.now,
    observe: (event) => {
      if (event.type !== 'batch.spooled') return
      settled += event.records
      process.stdout.write(`durable ${settled};\n`)
    }
  })
  yield* Effect.forkChild(publisher.run)
  for (let id = Number(from); ; id++) {
    yield* publisher.offer([trade('BTCUSDT', id)])
    if (id % 10 === 0) yield* Effect.yieldNow
  }
})

await Effect.runPromise(Scope.provide(program, Scope.makeUnsafe()))
