/**
 * Whether a run kept its promises, once it is quiet: what the event log and the spool acknowledged
 * is in the log, what is in the log is in the table, once, as the venue issued it, and the table's
 * offsets, counters and lineage agree with that.
 */
import * as Effect from 'effect/Effect'
import { tradesSpec } from '../../src/actors/data-types.ts'
import { commitIdKey, offsetsOf, statesOf } from '../../src/adapters/iceberg/k2-summary.ts'
import { currentSnapshot, lineage, type Snapshot } from '../../src/adapters/iceberg/metadata.ts'
import { readState, type Table } from '../../src/adapters/iceberg/table.ts'
import type { EventLogReader } from '../../src/adapters/log/event-log.ts'
import { forEachRecord } from '../../src/adapters/log/record-batch.ts'
import type { PartitionState } from '../../src/machines/partition-fold.ts'
import { parseDecimal } from '../../src/market/decimal.ts'
import { Broken } from './broken.ts'
import type { Environment } from './environment.ts'
import { judgeLedger } from './gap-verdict.ts'
import { keyOf, type Ledger, tradeCodec } from './ledger.ts'
import { readRows, type StoredRow } from './rows.ts'
import { peekTable, readFiles } from './tables.ts'
import type { Issued, Venue } from './venue.ts'

export interface Evidence {
  readonly environment: Environment
  readonly venue: Venue
  readonly ledger: Ledger
  /** Whether what was missing has been fetched. */
  readonly hasHealing: boolean
  readonly topic: string
  readonly partitionCount: number
  /** Of all that is durable. */
  readonly log: Pick<EventLogReader, 'read' | 'bounds' | 'identityOf'>
}

/** A partition of the log: what it holds, by offset. */
interface LoggedPartition {
  readonly startOffset: number
  readonly endOffset: number
  readonly keys: ReadonlyMap<number, string>
}

/** The table's offset by partition. */
export const landedOffsets = (
  table: Table,
  { log, topic }: Pick<Evidence, 'log' | 'topic'>
): Readonly<Record<string, number>> => {
  const current = currentSnapshot(table.loaded.metadata)
  return current === null ? {} : (offsetsOf(current)[log.identityOf(topic)]?.[topic] ?? {})
}

/** @throws Broken */
export const judge = async (evidence: Evidence): Promise<{ readonly rows: number }> => {
  const logged = await readLog(evidence)
  const table = await Effect.runPromise(peekTable(evidence.environment, tradesSpec))
  const rows = await readTable(evidence, table)
  checkPromises(evidence, logged, rows)
  checkOrder(evidence)
  checkRows(evidence, logged, rows)
  checkLineage(evidence, table)
  await checkCounters(evidence, table, rows)
  if (evidence.hasHealing) {
    checkWhole(evidence, rows)
    await judgeLedger(evidence)
  }
  if (evidence.ledger.letters.length > 0) {
    throw new Broken(`sound records were set aside: ${evidence.ledger.letters.join('; ')}`)
  }
  return { rows: rows.length }
}

const readLog = async ({
  log,
  topic,
  partitionCount
}: Evidence): Promise<readonly LoggedPartition[]> => {
  const partitions: LoggedPartition[] = []
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const { startOffset, durableEnd } = await Effect.runPromise(log.bounds(topic, partition))
    const keys = new Map<number, string>()
    for (let fromOffset = startOffset; fromOffset < durableEnd; ) {
      const range = { fromOffset, bytesMax: 1_000_000 }
      const batches = await Effect.runPromise(log.read(topic, partition, range))
      for (const batch of batches) {
        const bytes = Buffer.from(batch.bytes)
        forEachRecord(batch, ({ offset, valueStart, valueEnd }) => {
          keys.set(offset, keyOf(tradeCodec.decode(bytes, valueStart, valueEnd)))
        })
        fromOffset = batch.endOffset
      }
    }
    partitions.push({ startOffset, endOffset: durableEnd, keys })
  }
  return partitions
}

const readTable = ({ environment }: Evidence, table: Table): Promise<readonly StoredRow[]> =>
  readFiles(table, (path) => readRows(environment.machine.peek(), path))

/** What was acknowledged is where it was acknowledged, and what was spooled is there as well. */
const checkPromises = (
  { ledger }: Evidence,
  logged: readonly LoggedPartition[],
  rows: readonly StoredRow[]
): void => {
  const known = new Set(rows.map(({ trade }) => keyOf(trade)))
  for (const { keys } of logged) for (const key of keys.values()) known.add(key)
  for (const { partition, baseOffset, keys } of ledger.appends) {
    const { startOffset, keys: there } = logged[partition]!
    for (const [index, key] of keys.entries()) {
      const offset = baseOffset + index
      const found = there.get(offset)
      if (offset >= startOffset && found !== key) {
        const what = found === undefined ? 'nothing' : found
        throw new Broken(`log: ${key} was acknowledged at ${partition}/${offset}, ${what} is there`)
      }
      // What retention has taken has landed.
      if (!known.has(key)) throw new Broken(`log: ${key} was acknowledged, and is lost`)
    }
  }
  for (const key of ledger.spooled) {
    if (!known.has(key)) throw new Broken(`spool: ${key} was acknowledged, and is lost`)
  }
}

/** Of a symbol, what was acknowledged first came first (R36). */
const checkOrder = ({ ledger }: Evidence): void => {
  const appends = [...ledger.appends].sort((one, other) => one.baseOffset - other.baseOffset)
  const newest = new Map<string, number>()
  const seen = new Set<string>()
  for (const { keys, healed } of appends) {
    for (const key of keys) {
      if (seen.has(key) || healed.has(key)) continue
      seen.add(key)
      const [symbol = '', id] = key.split(':')
      const before = newest.get(symbol) ?? 0
      if (Number(id) < before) throw new Broken(`log: ${key} came behind ${symbol}:${before}`)
      newest.set(symbol, Number(id))
    }
  }
}

const checkRows = (
  { venue, log, topic }: Evidence,
  logged: readonly LoggedPartition[],
  rows: readonly StoredRow[]
): void => {
  const seen = new Set<string>()
  for (const { trade, partition, offset } of rows) {
    const key = keyOf(trade)
    if (seen.has(key)) throw new Broken(`table: ${key} is there twice`)
    seen.add(key)
    const issued = venue.issued.get(key)
    if (issued === undefined) throw new Broken(`table: ${key} was never issued`)
    const differing = differences(issued, trade)
    if (differing !== undefined) throw new Broken(`table: ${key}: ${differing}`)
    const index = Number(partition.split('/').at(-1))
    const place = `${log.identityOf(topic)}/${topic}/${index}`
    if (partition !== place) throw new Broken(`table: ${key} is said to come from ${partition}`)
    const there = logged[index]!
    if (offset >= there.startOffset && there.keys.get(offset) !== key) {
      throw new Broken(`table: ${key} is said to be at ${partition}/${offset}`)
    }
  }
  for (const { keys } of logged) {
    for (const [offset, key] of keys) {
      if (!seen.has(key)) throw new Broken(`table: ${key}, in the log at ${offset}, is not there`)
    }
  }
}

/** From the first trade of a symbol that has landed, all that the venue issued is there. */
const checkWhole = ({ venue }: Evidence, rows: readonly StoredRow[]): void => {
  const first = new Map<string, number>()
  const landed = new Set<string>()
  for (const { trade } of rows) {
    const { symbol, source_sequence: id } = trade
    landed.add(keyOf(trade))
    first.set(symbol, Math.min(first.get(symbol) ?? Number.POSITIVE_INFINITY, Number(id)))
  }
  for (const [key, { symbol, id, isBeyond }] of venue.issued) {
    const isMissed = id >= (first.get(symbol) ?? Number.POSITIVE_INFINITY) && !landed.has(key)
    if (isMissed && !isBeyond) throw new Broken(`table: ${key} was issued, and is lost`)
  }
}

const differences = (issued: Issued, trade: StoredRow['trade']): string | undefined => {
  const { message_id: messageId, price, quantity, timestamp, side } = trade
  const found = { messageId, price, quantity, timestamp, side }
  const expected = {
    messageId: `BINANCE:${issued.symbol}:${issued.id}`,
    price: parseDecimal(issued.price),
    quantity: parseDecimal(issued.quantity),
    timestamp: issued.timeMs * 1_000,
    side: issued.isBuyerMaker ? 'SELL' : 'BUY'
  }
  for (const [field, value] of Object.entries(expected)) {
    const landed = found[field as keyof typeof found]
    if (landed !== value) return `${field} is ${landed}, issued was ${value}`
  }
  return undefined
}

/** Offsets go on from each snapshot to the next, and no commit is there twice. */
const checkLineage = ({ log, topic }: Evidence, table: Table): void => {
  const { metadata } = table.loaded
  const snapshots = lineage(metadata, currentSnapshot(metadata)).toReversed()
  const last = new Map<string, number>()
  const commits = new Set<string>()
  for (const snapshot of snapshots) {
    const offsets = offsetsOf(snapshot)[log.identityOf(topic)]?.[topic] ?? {}
    for (const [partition, before] of last) {
      const offset = offsets[Number(partition)]
      if (offset === undefined || offset < before) {
        throw new Broken(`lineage: partition ${partition} goes from ${before} to ${offset}`)
      }
    }
    for (const [partition, offset] of Object.entries(offsets)) last.set(partition, offset)
    const commitId = snapshot.summary[commitIdKey] ?? ''
    if (commits.has(commitId)) throw new Broken(`lineage: commit ${commitId} is there twice`)
    commits.add(commitId)
  }
}

/** Offsets consumed = landed + duplicates + dead letters + held (R16), landed = rows. */
const checkCounters = async (
  { log, topic, partitionCount }: Evidence,
  table: Table,
  rows: readonly StoredRow[]
): Promise<void> => {
  const current: Snapshot | null = currentSnapshot(table.loaded.metadata)
  if (current === null) return
  const identity = log.identityOf(topic)
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const path = statesOf(current)[identity]?.[topic]?.[partition]
    const offset = offsetsOf(current)[identity]?.[topic]?.[partition]
    if (path === undefined || offset === undefined) continue
    const bytes = await Effect.runPromise(readState(table, path))
    const { counters } = JSON.parse(Buffer.from(bytes).toString('utf8')) as PartitionState
    const { consumed, landed, duplicates, deadLettered, held } = counters
    const own = rows.filter((row) => row.partition.endsWith(`/${partition}`)).length
    const isBalanced =
      consumed === offset && consumed === landed + duplicates + deadLettered + held
    if (isBalanced && landed === own) continue
    throw new Broken(
      `partition ${partition}, R16: offset ${offset}, ${own} rows, ${JSON.stringify(counters)}`
    )
  }
}
