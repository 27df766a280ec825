/**
 * One partition while it is landed: the table's position, the position read so
 * far, and the draft of its sequence state between the two. Dropping the object
 * undoes everything since the last commit.
 */
import type { DeadLetterEntry } from '../../adapters/dead-letters/dead-letter-log.ts'
import { forEachRecord, type LogBatch, type RecordRange } from '../../adapters/log/record-batch.ts'
import type { RecordCodec } from '../../adapters/schema/record-codec.ts'
import { viewOf } from '../../market/byte-run.ts'
import { ByteTable } from '../../market/byte-table.ts'
import type { SymbolSequence } from '../../market/sequence.ts'
import {
  emptyPartitionState,
  type FoldContext,
  type FoldSink,
  foldNextRecord,
  foldRecord,
  type PartitionState,
  type SequencedRecord
} from '../../machines/partition-fold.ts'
import type { CompactKey, LearnCompact } from './compact-records.ts'
import type { LandedRows, PartitionPosition } from './lander-ports.ts'
import { decodedRecord, RecordDecoders } from './record-decoders.ts'

export interface LandingPartitionOptions<A extends SequencedRecord> {
  readonly topic: string
  readonly partition: number
  /** Names log, topic and partition in the rows (R15). */
  readonly label: string
  readonly codec: RecordCodec<A>
  readonly fold: FoldContext<A>
  /** Absent where the data type has no compact form. */
  readonly learnCompact?: LearnCompact<A> | undefined
  /** A row that the next `push` adds was held back until the record at `decidedAt` came. */
  readonly onReleased?: ((row: number, decidedAt: number) => void) | undefined
  /** Whether the next batch vanishes: absent but in tests (see `Faults`). */
  readonly losesBatch?: (() => boolean) | undefined
  readonly nowMs: () => number
}

/** A partition at the moment at which a commit was cut off from what is read on. */
export interface PartitionCut {
  readonly partition: number
  /** Null where the partition has never landed. */
  readonly fromOffset: number | null
  readonly nextOffset: number
  /** The sequence state at `nextOffset`. */
  readonly state: Uint8Array
}

export class LandingPartition<A extends SequencedRecord> {
  readonly partition: number
  /** What the table records, null before the first landing. */
  committedOffset: number | null
  /** Next offset to read. */
  position: number
  /** Set when the partition must not be landed any more. */
  fault: string | undefined
  readonly #options: LandingPartitionOptions<A>
  readonly #state: PartitionState
  /** By the record's key: what is known of its compact form. */
  readonly #known = new ByteTable<KnownKey<A>>()
  readonly #learnt = new Set<string>()
  readonly #decoders: RecordDecoders<A>
  #cutOffset: number

  constructor(
    options: LandingPartitionOptions<A>,
    recorded:
      { readonly offset: number; readonly state: PartitionState } | { readonly startOffset: number }
  ) {
    this.partition = options.partition
    this.#options = options
    this.#decoders = new RecordDecoders(options.codec)
    const known = 'state' in recorded
    this.committedOffset = known ? recorded.offset : null
    this.position = known ? recorded.offset : recorded.startOffset
    this.#cutOffset = this.position
    this.#state = known ? recorded.state : emptyPartitionState()
    const { counters, compactedAway = 0 } = this.#state
    this.#state.origin ??= this.position - counters.consumed - compactedAway
  }

  /** Whether records have been read that are not part of a cut yet (R30). */
  get isAhead(): boolean {
    return this.position > this.#cutOffset
  }

  /** As the rows name it. */
  get label(): string {
    return this.#options.label
  }

  /** What a commit moves: from where the table is to what has been read. Later records are not. */
  cut(): PartitionCut {
    this.#cutOffset = this.position
    return {
      partition: this.partition,
      fromOffset: this.committedOffset,
      nextOffset: this.position,
      state: Buffer.from(JSON.stringify(this.#state))
    }
  }

  /** The table now records the cut. */
  settle({ nextOffset }: Pick<PartitionCut, 'nextOffset'>): void {
    this.committedOffset = nextOffset
  }

  /** Offsets of records that have been read, and neither landed nor refused yet (R7). */
  get heldOffsets(): readonly number[] {
    return heldOffsetsOf(this.#state)
  }

  get counters(): PartitionPosition {
    return {
      partition: this.partition,
      offset: this.position,
      origin: this.#state.origin,
      compactedAway: this.#state.compactedAway ?? 0,
      counters: { ...this.#state.counters }
    }
  }

  /**
   * Folds a batch into the draft; records before the position were folded already.
   * The batch must hold the position: what was skipped would never land (R8). Of a compacted topic
   * it may begin later: what the log has dropped there, a newer record has replaced.
   */
  fold(batch: LogBatch, rows: LandedRows<A>, letters: DeadLetterEntry[]): void {
    const isSkipping =
      batch.baseOffset > this.position && this.#options.fold.rules.isCompacted !== true
    if (isSkipping || batch.endOffset <= this.position) {
      const given = `offsets ${batch.baseOffset} to ${batch.endOffset}`
      this.fault = `the log gave ${given} where ${this.position} is next`
      return
    }
    const { label, losesBatch } = this.#options
    if (losesBatch?.() === true) {
      this.position = batch.endOffset
      return
    }
    const consumedBefore = this.#state.counters.consumed
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length)
    const decode = this.#decoders.of(batch)
    const isOurSchema = decode === this.#options.codec.decode
    let value: readonly [start: number, end: number] = [0, 0]
    let current = 0
    const sink: FoldSink<A> = {
      land: (record, offset) => {
        if (offset !== current) this.#options.onReleased?.(rows.length, current)
        rows.push(record, label, offset)
        this.#learn(record)
      },
      deadLetter: ({ heldRecord, ...letter }) =>
        letters.push({
          atMs: this.#options.nowMs(),
          reason: letter.reason,
          detail: letter.detail,
          symbol: letter.symbol,
          nativeId: letter.nativeId,
          position: {
            topic: this.#options.topic,
            partition: this.partition,
            offset: letter.offset
          },
          raw:
            heldRecord === undefined
              ? Buffer.from(bytes.subarray(...value))
              : Buffer.from(heldRecord)
        })
    }
    const source = { bytes, view: viewOf(bytes), rows }
    forEachRecord(batch, (range) => {
      if (range.offset < this.position) return
      if (isOurSchema && this.#landCompact(range, source)) return
      value = [range.valueStart, range.valueEnd]
      current = range.offset
      const record = decodedRecord(decode, bytes, value)
      const key = bytes.toString('utf8', range.keyStart, range.keyEnd)
      foldRecord(this.#state, { offset: range.offset, key, record }, this.#options.fold, sink)
    })
    if (this.#options.fold.rules.isCompacted === true) {
      const records = this.#state.counters.consumed - consumedBefore
      const away = batch.endOffset - this.position - records
      if (away > 0) this.#state.compactedAway = (this.#state.compactedAway ?? 0) + away
    }
    this.position = batch.endOffset
  }

  /** Lands a compact record that is next in its sequence; anything else is left as it is. */
  #landCompact(
    range: RecordRange,
    { bytes, view, rows }: { bytes: Uint8Array; view: DataView; rows: LandedRows<A> }
  ): boolean {
    const known = this.#known.find(bytes, range.keyStart, range.keyEnd)
    if (known === undefined) return false
    const { key, sequence } = known
    if (!key.read(view, range.valueStart, range.valueEnd)) return false
    if (!foldNextRecord(this.#state, sequence, key.nativeId(), key.timestampUs())) return false
    key.land(rows, this.#options.label, range.offset)
    return true
  }

  /** A record that landed shows what others of its key look like. */
  #learn(record: A): void {
    const { learnCompact } = this.#options
    const { symbol, exchange } = record
    if (learnCompact === undefined || this.#learnt.has(symbol)) return
    this.#learnt.add(symbol)
    const sequence = this.#state.sequences[`${exchange}:${symbol}`]
    const key = sequence === undefined ? undefined : learnCompact(record)
    if (key !== undefined) this.#known.add(Buffer.from(symbol), { key, sequence: sequence! })
  }
}

interface KnownKey<A> {
  readonly key: CompactKey<A>
  readonly sequence: SymbolSequence
}

/** Offsets of records that are held back in a state (R7). */
export const heldOffsetsOf = ({ counters, sequences }: PartitionState): readonly number[] =>
  counters.held === 0
    ? []
    : Object.values(sequences).flatMap(({ held }) =>
        held.map(({ payload }) => (JSON.parse(payload) as { readonly offset: number }).offset)
      )

/** @throws Error if the bytes are not a state that this version wrote. */
export const parsePartitionState = (bytes: Uint8Array): PartitionState => {
  const state = JSON.parse(Buffer.from(bytes).toString('utf8')) as PartitionState
  if (state.version !== 1)
    throw new Error(`sequence state has version ${String(state.version)}, not 1`)
  return state
}
