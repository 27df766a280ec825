/**
 * Each stage of a trade's way alone, in one thread: what it could do if it had a core for itself.
 * A stage runs once to warm up, then `runs` times over the same input.
 */
import * as Effect from 'effect/Effect'
import type { InstrumentTable } from '../src/adapters/exchange/binance-fields.ts'
import { forEachRecord, PackedRecordsBuilder } from '../src/adapters/log/record-batch.ts'
import type { BenchContext } from './context.ts'
import { openLog } from './event-log.ts'
import {
  encode,
  type Frame,
  makeParser,
  makeRows,
  openPartition,
  type Rows,
  schemaFingerprint,
  type Trade
} from './hot-path.ts'
import { defaults, landRounds, logIdentity, type Round, topic } from './landing.ts'
import { openMarket, Packer, partitionCount } from './market.ts'
import { Measures, type Outcome } from './report.ts'
import { measureTableStages } from './table-stages.ts'

/** As the publisher packs. */
const batchBytes = 1_024 * 1_024
/** One commit of the default size. */
const stageRows = defaults.commitRowsMax
const landedCommits = 4
/** How often the input passes through stages that are done with it in a fraction of a second. */
const passes = 3

export const measureStages = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  const market = openMarket()
  const frames = market.frames(stageRows)
  const parse = makeParser(market.instruments)
  const trades = frames.map((frame) => parse(frame))
  const round = new Packer().pack(trades)
  const stage = async (name: string, run: () => Promise<Worked> | Worked) => {
    await run()
    for (let index = 0; index < context.runs; index += 1) addRates(measures, name, await run())
    const rate = Math.round(measures.last(name))
    context.progress(`stage ${name}: ${rate.toLocaleString('en-US')}/s`)
  }
  await stage('parse', () => parseAll(frames, market.instruments))
  await stage('encode', () => encodeAll(trades))
  await stage('append', () => appendAll(context, round))
  const rows = makeRows()
  await stage('decode to columns', () => foldAll(round, rows))
  await measureTableStages(context, measures, rows)
  const landed = new Packer().pack(openMarket().trades(stageRows * landedCommits))
  await stage('land (decode to commit)', () => landAll(context, landed))
  return measures.outcome
}

interface Worked {
  readonly records: number
  readonly seconds: number
  readonly bytes?: number
}

const addRates = (measures: Measures, name: string, { records, seconds, bytes }: Worked): void => {
  measures.add(name, 'records/s', records / seconds)
  if (bytes !== undefined) measures.add(`${name}, bytes`, 'MB/s', bytes / 1e6 / seconds)
}

const timed = (work: () => { readonly records: number; readonly bytes?: number }): Worked => {
  const startedMs = performance.now()
  const done = work()
  return { ...done, seconds: (performance.now() - startedMs) / 1_000 }
}

const parseAll = (frames: readonly Frame[], instruments: InstrumentTable): Worked => {
  const parse = makeParser(instruments)
  const trade = parse(frames[0]!)
  return timed(() => {
    let bytes = 0
    for (let pass = 0; pass < passes; pass += 1) {
      for (const frame of frames) {
        parse(frame, trade)
        bytes += frame.frameBytes
      }
    }
    return { records: frames.length * passes, bytes }
  })
}

const encodeAll = (trades: readonly Trade[]): Worked => {
  const builder = new PackedRecordsBuilder()
  return timed(() => {
    let bytes = 0
    for (let pass = 0; pass < passes; pass += 1) {
      for (const trade of trades) {
        encode(trade, builder)
        if (builder.byteLength < batchBytes) continue
        const packed = builder.take(schemaFingerprint)
        bytes += packed.bytes.length
        builder.recycle(packed)
      }
    }
    return { records: trades.length * passes, bytes }
  })
}

/** Leaves the rows of the last pass in `rows`. */
const foldAll = (round: Round, rows: Rows): Worked => {
  const letters: never[] = []
  const worked = timed(() => {
    let bytes = 0
    for (let pass = 0; pass < passes; pass += 1) {
      rows.clear()
      round.forEach((batches, partition) => {
        const folded = openPartition({ topic, logIdentity, partition, partitionCount })
        for (const batch of batches) {
          folded.fold(batch, rows, letters)
          bytes += batch.bytes.length
        }
      })
    }
    return { records: rows.length * passes, bytes }
  })
  if (rows.length !== stageRows) throw new Error(`the fold landed ${rows.length} rows`)
  return worked
}

/** Packs encoded records as the publisher does: one append outstanding per partition, fsync on. */
const appendAll = async ({ workspace }: BenchContext, round: Round): Promise<Worked> => {
  const folder = await workspace.folder('append')
  const worked = await Effect.runPromise(Effect.scoped(appendTo(folder, round)))
  await workspace.discard(folder)
  return worked
}

const appendTo = Effect.fnUntraced(function* (folder: string, round: Round) {
  const log = yield* openLog(folder, topic)
  let bytes = 0
  const lane = Effect.fnUntraced(function* (partition: number) {
    const builder = new PackedRecordsBuilder()
    const batches = Array.from({ length: passes }, () => round[partition]!).flat()
    for (const batch of batches) {
      const key = keyOf(batch)
      forEachRecord(batch, (record) =>
        builder.add(
          key(record.keyStart, record.keyEnd),
          batch.bytes,
          record.valueStart,
          record.valueEnd
        )
      )
      const packed = builder.take(schemaFingerprint)
      bytes += packed.bytes.length
      yield* log.append(topic, partition, packed)
      builder.recycle(packed)
    }
  })
  const startedMs = performance.now()
  yield* Effect.forEach(Array.from({ length: partitionCount }).keys(), lane, {
    concurrency: 'unbounded',
    discard: true
  })
  return { records: stageRows * passes, bytes, seconds: (performance.now() - startedMs) / 1_000 }
})

const keyOf =
  ({ bytes }: { readonly bytes: Uint8Array }) =>
  (start: number, end: number): Uint8Array =>
    bytes.subarray(start, end)

const landAll = async ({ workspace }: BenchContext, round: Round): Promise<Worked> => {
  const folder = await workspace.folder('landing')
  const { rows: records, seconds } = await landRounds([round], { folder, commitRows: stageRows })
  await workspace.discard(folder)
  if (records !== stageRows * landedCommits) throw new Error(`${records} rows landed`)
  return { records, seconds }
}

