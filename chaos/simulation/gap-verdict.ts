/**
 * Whether the gap ledger is right, and tells all: after each of its commits, and when it is quiet.
 *
 * 1. What it has open has not landed in the snapshot that it covers: an id is in the table or in
 *    one open piece, never in both. What is missing there has a reason if a claim that was read
 *    names it (R3, R5).
 * 2. Its events are numbered without gaps, and their fold is what it has open (R21).
 * 3. Quiet, nothing is open, and what the states still lack was settled (R29).
 */
import * as Effect from 'effect/Effect'
import { gapsTable, tradesSpec } from '../../src/actors/data-types.ts'
import { ledgerKey } from '../../src/actors/gaps/ledger-table.ts'
import { parsePartitionState } from '../../src/actors/lander/landing-partition.ts'
import { offsetsOf, recordedState, statesOf } from '../../src/adapters/iceberg/k2-summary.ts'
import { currentSnapshot, type Snapshot } from '../../src/adapters/iceberg/metadata.ts'
import { readState, type Table } from '../../src/adapters/iceberg/table.ts'
import { type GapLedger, openPieces, parseLedger } from '../../src/machines/gap-ledger.ts'
import type { GapClaim } from '../../src/market/gap-claim.ts'
import { gapEventOfRow, gapRowColumns } from '../../src/market/gap-event-record.ts'
import { type GapEvent, foldGapEvents, openReasons } from '../../src/market/gap-events.ts'
import type { Epoch, SymbolSequence } from '../../src/market/sequence.ts'
import { Broken } from './broken.ts'
import type { Environment } from './environment.ts'
import type { StoredEvent } from './gaps.ts'
import type { Ledger } from './ledger.ts'
import { readLines } from './rows.ts'
import { peekTable, readFiles } from './tables.ts'

export interface LedgerEvidence {
  readonly environment: Environment
  readonly ledger: Ledger
}

type Sequences = Readonly<Record<string, SymbolSequence>>

interface Told {
  readonly table: Table
  readonly ledger: GapLedger
  /** Claims that it has read. */
  readonly offset: number
  /** Of the trades that it covers; undefined: nothing had landed. */
  readonly covers: string | undefined
}

/** (1) @throws Broken */
export const examineLedger = async ({ environment, ledger }: LedgerEvidence): Promise<void> => {
  const told = await readLedger(environment)
  if (told === undefined) return
  const trades = await peek(environment, tradesSpec)
  const covered = trades?.loaded.metadata.snapshots.find(
    ({ 'snapshot-id': id }) => String(id) === told.covers
  )
  // What has expired cannot be looked at any more.
  if (trades === undefined || covered === undefined) return
  checkOpen(told, await sequencesIn(trades, covered))
  checkReasons(told, ledger)
}

/** (3) What is still to be done; undefined where nothing is. */
export const unhealed = async (
  { environment }: LedgerEvidence,
  endOffset: number
): Promise<string | undefined> => {
  const told = await readLedger(environment)
  if (told === undefined) return endOffset > 0 ? 'there is no ledger' : undefined
  if (told.offset < endOffset) return `claims are read to ${told.offset} of ${endOffset}`
  for (const [key, pieces] of openPieces(told.ledger)) {
    const [piece] = pieces
    if (piece !== undefined) return `${key}:${piece.from}-${piece.to} is open, ${piece.reason}`
  }
  return unsettled(told.ledger, await currentSequences(environment))
}

/** (2), (3) @throws Broken */
export const judgeLedger = async ({ environment }: LedgerEvidence): Promise<void> => {
  const told = await readLedger(environment)
  if (told === undefined) return
  const stored = await readFiles(told.table, (path) =>
    readLines<StoredEvent>(environment.machine.peek(), path)
  )
  const events = stored.map(eventOf).toSorted((one, other) => one.number - other.number)
  for (const [index, { number }] of events.entries()) {
    if (number !== index) throw new Broken(`ledger: event ${index} is ${number}`)
  }
  if (told.ledger.events !== events.length) {
    throw new Broken(`ledger: it tells of ${told.ledger.events} events, ${events.length} are there`)
  }
  const folded = foldGapEvents(events).filter(({ state }) => state === 'open')
  const open = [...openPieces(told.ledger).values()].flat()
  if (folded.length !== open.length) {
    throw new Broken(`ledger: ${open.length} are open, by its events ${folded.length}`)
  }
  noteEvents(environment, events)
}

const eventOf = ({ number, event }: StoredEvent): GapEvent => {
  const fields = event as unknown as Readonly<Record<string, string | number | null>>
  return gapEventOfRow(
    gapRowColumns.map((column) => (column === 'k2_offset' ? number : (fields[column] ?? null)))
  )
}

const noteEvents = (environment: Environment, events: readonly GapEvent[]): void => {
  for (const { event, reason } of events) {
    if (event === 'narrowed') environment.note('hole: narrowed')
    if (event === 'opened') environment.note(`hole: ${reason as (typeof openReasons)[number]}`)
    else if (reason === 'landed' || reason === 'rejected' || reason === 'never_issued') {
      environment.note(`hole: closed as ${reason}`)
    }
  }
}

const peek = async (
  environment: Environment,
  spec: Parameters<typeof peekTable>[1]
): Promise<Table | undefined> => {
  const found = await Effect.runPromise(Effect.option(peekTable(environment, spec)))
  return found._tag === 'Some' ? found.value : undefined
}

const readLedger = async (environment: Environment): Promise<Told | undefined> => {
  const table = await peek(environment, gapsTable)
  const snapshot = table === undefined ? null : currentSnapshot(table.loaded.metadata)
  if (table === undefined || snapshot === null) return undefined
  const path = recordedState(table.name, table.loaded.metadata).carried[ledgerKey]
  if (path === undefined) return undefined
  const bytes = await Effect.runPromise(readState(table, path))
  const covers = JSON.parse(snapshot.summary['k2.covers'] ?? '{}') as Readonly<
    Record<string, string | null>
  >
  const offsets = Object.values(offsetsOf(snapshot)).flatMap((topics) =>
    Object.values(topics).flatMap((partitions) => Object.values(partitions))
  )
  return {
    table,
    ledger: parseLedger(Buffer.from(bytes).toString('utf8')),
    offset: Math.max(0, ...offsets),
    covers: covers['market.trades'] ?? undefined
  }
}

const currentSequences = async (environment: Environment): Promise<Sequences> => {
  const trades = await peek(environment, tradesSpec)
  const snapshot = trades === undefined ? null : currentSnapshot(trades.loaded.metadata)
  return trades === undefined || snapshot === null ? {} : sequencesIn(trades, snapshot)
}

const sequencesIn = async (table: Table, snapshot: Snapshot): Promise<Sequences> => {
  const sequences: Record<string, SymbolSequence> = {}
  for (const topics of Object.values(statesOf(snapshot))) {
    for (const partitions of Object.values(topics)) {
      for (const path of Object.values(partitions)) {
        const bytes = await Effect.runPromise(readState(table, path))
        Object.assign(sequences, parsePartitionState(bytes).sequences)
      }
    }
  }
  return sequences
}

const hasLanded = ({ low, high, holes }: Epoch, id: number): boolean =>
  id >= low && id <= high && !holes.some(([from, to]) => from <= id && id <= to)

const checkOpen = ({ ledger }: Told, sequences: Sequences): void => {
  for (const [key, pieces] of openPieces(ledger)) {
    let newest = Number.NEGATIVE_INFINITY
    for (const { from, to, epoch: number } of pieces) {
      if (from <= newest) throw new Broken(`ledger: ${key}:${from} is open twice`)
      newest = to
      const landed = landedIn(sequences[key], number, [from, to])
      if (landed !== undefined) throw new Broken(`ledger: ${key}:${landed} is open, and landed`)
    }
  }
  for (const [key, { epochs }] of Object.entries(ledger.sequences)) {
    for (const { number, settled } of epochs) {
      const landed = settled
        .map((range) => landedIn(sequences[key], number, range))
        .find((id) => id !== undefined)
      if (landed !== undefined) throw new Broken(`ledger: ${key}:${landed} is given up, but landed`)
    }
  }
}

/** An id of a range that has landed; undefined where none has. */
const landedIn = (
  sequence: SymbolSequence | undefined,
  number: number,
  [from, to]: readonly [number, number]
): number | undefined => {
  const epoch = sequence?.epochs.find((it) => it.number === number)
  if (epoch === undefined) return undefined
  for (let id = from; id <= to; id += 1) if (hasLanded(epoch, id)) return id
  return undefined
}

const checkReasons = ({ ledger: told, offset: end }: Told, { claims }: Ledger): void => {
  for (const [key, pieces] of openPieces(told)) {
    for (const { from, to, reason } of pieces) {
      if (reason !== 'unknown') continue
      const known = claims.find(({ offset, claim }) => offset < end && says(claim, key, from, to))
      if (known === undefined) continue
      const { reason: claimed, fromId, toId } = known.claim
      const span = `${fromId}-${toId}`
      throw new Broken(`ledger: ${key}:${from}-${to} is unexplained, ${claimed} has ${span}`)
    }
  }
}

const says = (
  { exchange, symbol, reason, fromId, toId }: GapClaim,
  key: string,
  from: number,
  to: number
): boolean =>
  `${exchange}:${symbol}` === key &&
  openReasons.some((it) => it === reason) &&
  fromId !== null &&
  toId !== null &&
  fromId <= to &&
  toId >= from

const unsettled = ({ sequences: known }: GapLedger, sequences: Sequences): string | undefined => {
  for (const [key, { epochs }] of Object.entries(sequences)) {
    for (const { number, holes } of epochs) {
      const settled = known[key]?.epochs.find((it) => it.number === number)?.settled ?? []
      const open = holes.find(
        ([from, to]) => !settled.some(([first, last]) => first <= from && to <= last)
      )
      if (open !== undefined) return `${key}:${open[0]}-${open[1]} is missing`
    }
  }
  return undefined
}
