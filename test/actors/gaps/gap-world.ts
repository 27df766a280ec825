/**
 * A folder with a real table of trades, landed by the real lander, and a real table of gaps; claims
 * come from a log in memory. A process may die at any durable step of the gap writer.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { onTestFinished } from 'vitest'
import { gapsTable, makeClaimCodec, tradesSpec } from '../../../src/actors/data-types.ts'
import type { GapWriterEvent } from '../../../src/actors/gaps/gap-writer.ts'
import { gapWriterOver, openLedgerFiles } from '../../../src/actors/gaps/open-gap-writer.ts'
import { dataFolderAt, openTable } from '../../../src/actors/storage/data-folder.ts'
import { openStores } from '../../../src/actors/storage/stores.ts'
import type { DeadLetterEntry } from '../../../src/adapters/dead-letters/dead-letter-log.ts'
import type { Catalog, Files, IcebergPorts } from '../../../src/adapters/iceberg/ports.ts'
import type { Table } from '../../../src/adapters/iceberg/table.ts'
import { type EventLogReader, OffsetOutOfRange } from '../../../src/adapters/log/event-log.ts'
import {
  type LogBatch,
  openBatch,
  PackedRecordsBuilder,
  sealBatch
} from '../../../src/adapters/log/record-batch.ts'
import type { GapClaim } from '../../../src/market/gap-claim.ts'
import { claimRecord } from '../../../src/market/gap-claim-record.ts'
import { foldGapEvents } from '../../../src/market/gap-events.ts'
import { gapEventsOf } from '../../support/gap-table.ts'

export const claimsTopic = 'market.crypto.gaps.binance'
const codec = makeClaimCodec()

/** Claims, durable at once. */
export class ClaimsLog implements EventLogReader {
  readonly topics = new Map([[claimsTopic, 1]])
  readonly batches: LogBatch[] = []
  identity: string
  startOffset = 0
  partitions: readonly number[] = [0]
  readonly #listeners = new Set<() => void>()

  constructor(identity = 'claims-1') {
    this.identity = identity
  }

  identityOf = () => this.identity
  confirm = () => Effect.void
  noteLanded = () => undefined
  changed = () => () => undefined
  assignment = () => Effect.sync(() => ({ generation: 0, partitions: this.partitions }))
  assignmentChanged = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  assign(partitions: readonly number[]) {
    this.partitions = partitions
    for (const listener of this.#listeners) listener()
  }

  get end(): number {
    return this.batches.at(-1)?.endOffset ?? this.startOffset
  }

  bounds = () => Effect.sync(() => ({ startOffset: this.startOffset, durableEnd: this.end }))

  read: EventLogReader['read'] = (_topic, _partition, { fromOffset }) =>
    Effect.suspend(() => {
      const { startOffset, end: durableEnd } = this
      if (fromOffset >= startOffset && fromOffset <= durableEnd) {
        return Effect.succeed(this.batches.filter(({ endOffset }) => endOffset > fromOffset))
      }
      const range = { topicPartition: claimsTopic, fromOffset, startOffset, durableEnd }
      return Effect.fail(new OffsetOutOfRange(range))
    })

  claim(...claims: readonly GapClaim[]) {
    for (const it of claims) {
      this.append(it.symbol, Uint8Array.from(codec.encode(claimRecord(it, 1))))
    }
  }

  append(key: string, value: Uint8Array) {
    const builder = new PackedRecordsBuilder()
    builder.add(key, value)
    const packed = builder.take(codec.fingerprint)
    const times = { appendedMsMin: 0, appendedMsMax: 0, startsGroup: false }
    sealBatch(packed, { baseOffset: this.end, ...times })
    this.batches.push(openBatch(packed.bytes, 0, packed.bytes.length))
  }
}

export const newRoot = (): string => {
  const root = mkdtempSync(join(tmpdir(), 'k2-gaps-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return root
}

export interface RunOptions {
  readonly log: ClaimsLog
  /** Durable steps after which the process dies; infinite: never. */
  readonly stepsMax?: number
  readonly nowMs?: () => number
  readonly quietUs?: number
  /** Ends once what is there has been derived; else it runs until it is interrupted. */
  readonly isFinishing?: boolean
}

export interface Run {
  readonly events: GapWriterEvent[]
  readonly letters: DeadLetterEntry[]
  readonly steps: number
  readonly isDead: boolean
}

const openTables = (root: string, nowMs: () => number) => {
  const context = {
    folder: dataFolderAt(root),
    storage: {},
    snapshotsMax: 100,
    nowMs,
    uuid: randomUUID,
    observe: () => undefined
  }
  return Effect.all([openTable(tradesSpec, context), openTable(gapsTable, context)])
}

/** One life of a gap writer. */
export const runWriter = (root: string, options: RunOptions): Promise<Run> => {
  const { log, stepsMax = Number.POSITIVE_INFINITY, nowMs = Date.now } = options
  const { quietUs = 60_000_000_000, isFinishing = true } = options
  const [events, letters] = [[] as GapWriterEvent[], [] as DeadLetterEntry[]]
  const life = { steps: 0, isDead: false }
  const program = Effect.gen(function* () {
    const folder = dataFolderAt(root)
    const [trades, gaps] = yield* openTables(root, nowMs)
    const stores = yield* openStores({}, folder, nowMs)
    const writtenTo = mortal(gaps, life, stepsMax)
    const files = { gaps: writtenTo, stores, folder, keepsCopies: false }
    const writer = gapWriterOver({
      options: {
        topic: claimsTopic,
        terms: { graceUs: 2, quietUs, tailIdsMax: 1_000 },
        tickMs: 1,
        commitMs: 0
      },
      log,
      trades,
      gaps: writtenTo,
      files: yield* openLedgerFiles(files),
      landedHint: () => undefined,
      pollMs: 0,
      nowMs,
      uuid: randomUUID,
      observe: (event) => void events.push(event),
      onRemoved: () => undefined,
      writeLetters: (some) => Effect.sync(() => void letters.push(...some))
    })
    if (isFinishing) yield* writer.finish
    yield* writer.run
  })
  return Effect.runPromiseExit(Effect.scoped(program)).then((exit) => {
    if (exit._tag === 'Failure' && !life.isDead) throw new Error(String(exit.cause))
    return { events, letters, ...life }
  })
}

/** The table through a process that ends before its n-th step that lasts. */
const mortal = (
  table: Table,
  life: { steps: number; isDead: boolean },
  stepsMax: number
): Table => {
  const step = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      if (life.isDead || ++life.steps > stepsMax) {
        life.isDead = true
        return Effect.die(new Error('the process is dead'))
      }
      return effect
    })
  const { files, catalog } = table.ports
  const mortalFiles: Files = {
    ...files,
    writeNew: (location, bytes) => step(files.writeNew(location, bytes)),
    remove: (location) => step(files.remove(location))
  }
  const mortalCatalog: Catalog = {
    ...catalog,
    prepare: (identifier, commit) =>
      Effect.map(step(catalog.prepare(identifier, commit)), (prepared) => ({
        // It may die before the swap, and behind it.
        commit: Effect.tap(step(prepared.commit), () => step(Effect.void)),
        discard: prepared.discard
      }))
  }
  const ports: IcebergPorts = { ...table.ports, files: mortalFiles, catalog: mortalCatalog }
  return { ...table, ports }
}

/** Open and closed gaps of the table, without the times at which the table was so. */
export const gapsIn = async (root: string) =>
  foldGapEvents(await gapEventsOf(root)).map(
    ({ openedUs: _opened, closedUs: _closed, ...gap }) => gap
  )

export const openIdsIn = async (root: string) =>
  (await gapsIn(root))
    .filter(({ state }) => state === 'open')
    .map(({ symbol, fromId, toId, reason }) => [symbol, fromId, toId, reason] as const)
    .toSorted((left, right) => (left.join() < right.join() ? -1 : 1))
