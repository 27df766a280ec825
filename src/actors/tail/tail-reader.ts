/**
 * Brings the tail of one topic up to date: the lander's own fold, from the state of the snapshot
 * that the table has now, over what the log has behind it (R6).
 *
 * 1. Nothing lands that the lander would not land: classification depends on the log's order alone,
 *    so both agree, wherever each of them begins.
 * 2. Where the table has come further than what was read, reading begins anew from the table: what
 *    lies between is in files.
 * 3. Beyond `bytesMax` nothing more is read until the table has come further; the tail then says
 *    that it is not whole, and up to which offset it is.
 * 4. Records are folded in slices, between which others have their turn; those of several
 *    partitions are read side by side.
 * 5. The catalog is asked how far the table is once a second at most, unless the tail is full: what
 *    has landed meanwhile is only kept for longer, and leases leave it out by their own snapshot.
 */
import * as Effect from 'effect/Effect'
import type { Watermarks } from '../../adapters/duckdb/tail-hold.ts'
import type { TailStore } from '../../adapters/duckdb/tail-store.ts'
import type { KeptColumns } from '../../adapters/duckdb/record-columns.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import type { EventLogReader } from '../../adapters/log/event-log.ts'
import { topicPartitionName } from '../../adapters/log/log-directory.ts'
import type { LandedRows, RecordedPositions } from '../lander/lander-ports.ts'
import type { LandingPartition } from '../lander/landing-partition.ts'
import { boundsOf, openPartitions, type PositionPorts } from '../lander/landing-positions.ts'
import type { TailFacts } from './tail.ts'

export interface TailReaderOptions {
  readonly topic: string
  readonly limits: Parameters<typeof openPartitions>[0]['limits']
  readonly logFaults: ReadonlyMap<number, string>
  /** Memory of its rows. */
  readonly bytesMax: number
}

export interface TailReaderPorts<A extends SequencedRecord> extends Omit<
  PositionPorts<A>,
  'onReleased'
> {
  readonly makeRows: () => LandedRows<A> & KeptColumns
  readonly store: TailStore
  readonly monotonicMs: () => number
}

/** Of one read: some milliseconds of folding (4). */
const sliceBytes = 256 * 1_024
/** So many records behind the table, reading on costs more than beginning anew (2). */
const behindMax = 10_000
const positionsMsMax = 1_000

export interface TailReader {
  readonly bring: Effect.Effect<TailFacts, { readonly message: string }>
  /** Begins from the table again. */
  readonly reset: () => void
}

export const makeTailReader = <A extends SequencedRecord>(
  options: TailReaderOptions,
  ports: TailReaderPorts<A>
): TailReader => {
  let session: Session<A> | undefined
  const positions = recentPositions(ports)
  return {
    reset: () => {
      session = undefined
    },
    bring: Effect.gen(function* () {
      const recorded = yield* positions(session?.isFull === true)
      if (session === undefined || isBehind(session, recorded)) {
        session = yield* openSession(options, ports)
      }
      const current = session
      yield* ports.store.trim(floorsOf(current, recorded))
      yield* readToEnds(current, options, ports)
      return factsOf(current)
    }).pipe(
      Effect.tapError(() => Effect.sync(() => (session = undefined)))
    )
  }
}

/** (5) */
const recentPositions = <A extends SequencedRecord>({
  table,
  monotonicMs
}: TailReaderPorts<A>) => {
  let known: { readonly recorded: RecordedPositions; readonly atMs: number } | undefined
  return (isUrgent: boolean): TailReaderPorts<A>['table']['positions'] =>
    Effect.suspend(() => {
      const atMs = monotonicMs()
      if (known !== undefined && !isUrgent && atMs - known.atMs < positionsMsMax)
        return Effect.succeed(known.recorded)
      return Effect.tap(table.positions, (recorded) =>
        Effect.sync(() => {
          known = { recorded, atMs }
        })
      )
    })
}

interface Session<A extends SequencedRecord> {
  readonly partitions: readonly LandingPartition<A>[]
  /** Deciding offsets of rows that waited for another record. */
  readonly released: Map<number, number>
  isFull: boolean
  ends: ReadonlyMap<number, number>
}

const openSession = <A extends SequencedRecord>(
  options: TailReaderOptions,
  ports: TailReaderPorts<A>
): Effect.Effect<Session<A>, { readonly message: string }> => {
  const released = new Map<number, number>()
  return Effect.map(
    openPartitions(options, {
      ...ports,
      onReleased: (row, decidedAt) => void released.set(row, decidedAt)
    }),
    (partitions) => ({
      partitions,
      released,
      isFull: false,
      ends: new Map()
    })
  )
}

/** (2) */
const isBehind = <A extends SequencedRecord>(
  { partitions, isFull }: Session<A>,
  { byPartition }: RecordedPositions
): boolean =>
  partitions.some(({ partition, position, fault }) => {
    const landed = byPartition.get(partition)?.offset ?? 0
    return fault !== undefined || position + (isFull ? 0 : behindMax) < landed
  })

const floorsOf = <A extends SequencedRecord>(
  { partitions }: Session<A>,
  { byPartition }: RecordedPositions
): Watermarks =>
  new Map(
    partitions.map(
      ({ label, partition }) => [label, byPartition.get(partition)?.offset ?? 0] as const
    )
  )

/** Up to what was durable when it began: what comes meanwhile is for the next time. */
const readToEnds = Effect.fnUntraced(function* <A extends SequencedRecord>(
  session: Session<A>,
  options: TailReaderOptions,
  ports: TailReaderPorts<A>
) {
  const sound = session.partitions.filter(({ fault }) => fault === undefined)
  const ends = yield* Effect.forEach(sound, ({ partition }) =>
    Effect.map(endOf(ports.log, options.topic, partition), (end) => [partition, end] as const)
  )
  session.ends = new Map(ends)
  for (const partition of session.partitions) append(session, partition, { store: ports.store })
  const isFull = () => (session.isFull = ports.store.bytes() >= options.bytesMax)
  const slice = (partition: LandingPartition<A>) =>
    Effect.tap(readSlice(session, partition, { options, ports, isFull }), Effect.yieldNow)
  for (let hasMore = true; hasMore && !isFull(); ) {
    const behind = sound.filter(
      ({ partition, position, fault }) =>
        fault === undefined && position < session.ends.get(partition)!
    )
    const read = yield* Effect.forEach(behind, slice, { concurrency: 'unbounded' })
    hasMore = read.some(Boolean)
  }
})

const endOf = (log: EventLogReader, topic: string, partition: number) => {
  const known = log.knownEnd?.(topic, partition)
  return known === undefined
    ? Effect.map(boundsOf(log, topic, partition), ({ durableEnd }) => durableEnd)
    : Effect.succeed(known)
}

interface SliceContext<A extends SequencedRecord> {
  readonly options: TailReaderOptions
  readonly ports: TailReaderPorts<A>
  readonly isFull: () => boolean
}

/** Whether anything was there to be read. */
const readSlice = Effect.fnUntraced(function* <A extends SequencedRecord>(
  session: Session<A>,
  partition: LandingPartition<A>,
  { options: { topic }, ports, isFull }: SliceContext<A>
) {
  const batches = yield* ports.log.read(topic, partition.partition, {
    fromOffset: partition.position,
    bytesMax: sliceBytes
  })
  // (3) Others have read meanwhile.
  if (isFull()) return false
  // Between this and the append nobody else has a turn.
  const rows = ports.store.open(ports.makeRows)
  for (const batch of batches) {
    // The lander keeps what it refuses; here nobody does.
    partition.fold(batch, rows, [])
    if (partition.fault !== undefined) break
  }
  append(session, partition, { store: ports.store, rows })
  return batches.length > 0
})

/** `rows`: with what was pushed of this partition since; absent: only how far it is. */
const append = <A extends SequencedRecord>(
  { released }: Session<A>,
  { label, position, heldOffsets }: LandingPartition<A>,
  { store, rows }: { readonly store: TailStore; readonly rows?: KeptColumns }
): void => {
  store.append({
    partition: label,
    rows,
    decidedAt: (row) => released.get(row) ?? rows!.offsetAt(row),
    watermark: position,
    undecided: heldOffsets
  })
  released.clear()
}

const factsOf = <A extends SequencedRecord>({
  partitions,
  isFull,
  ends
}: Session<A>): TailFacts => ({
  missing: [
    ...partitions.flatMap(({ label, fault }) =>
      fault === undefined ? [] : [`${nameOf(label)} is not read on: ${fault}`]
    ),
    ...(isFull
      ? partitions.flatMap(({ label, partition, position }) => {
          const end = ends.get(partition) ?? position
          return end > position
            ? [
                `${end - position} records of ${nameOf(label)} from offset ${position} on: the ` +
                  'table is that far behind, and the tail is full (K2_TAIL_BYTES)'
              ]
            : []
        })
      : [])
  ]
})

const nameOf = (label: string): string => {
  const [, topic = label, partition = ''] = label.split('/')
  return topicPartitionName(topic, Number(partition))
}
