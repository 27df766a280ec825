/**
 * What waits for one partition: whole batches, oldest first, and one that is being filled. Records
 * leave in the order in which they came. The publisher bounds the bytes of all lanes together.
 */
import * as Latch from 'effect/Latch'
import { type PackedRecords, PackedRecordsBuilder } from '../../adapters/log/record-batch.ts'
import type { SymbolLedger, SymbolShare } from './publish-ledger.ts'
import type { RecordPacker } from './record-packer.ts'

export interface PendingBatch {
  readonly packed: PackedRecords
  readonly shares: readonly SymbolShare[]
  /** When its first record came. */
  readonly sinceMs: number
}

export interface LaneOptions<In> {
  readonly partition: number
  readonly packer: RecordPacker<In>
  /** A batch is whole at this size. */
  readonly batchBytesMax: number
  readonly nowMs: () => number
}

export class PublisherLane<In> {
  readonly partition: number
  /** Open while anything waits, and for good once the lane is closing. */
  readonly filled = Latch.makeUnsafe(false)
  /** Open while a whole batch waits, and for good once the lane is closing. */
  readonly full = Latch.makeUnsafe(false)
  readonly #options: LaneOptions<In>
  readonly #builder = new PackedRecordsBuilder()
  readonly #whole: PendingBatch[] = []
  /** Whose records come here. */
  readonly #symbols: SymbolLedger[] = []
  #sinceMs = 0
  #closing = false
  /** May change at any time; holds for the batch that is being filled. */
  batchBytesMax: number

  constructor(options: LaneOptions<In>) {
    this.partition = options.partition
    this.batchBytesMax = options.batchBytesMax
    this.#options = options
  }

  /** Whole batches that wait. */
  get whole(): readonly PendingBatch[] {
    return this.#whole
  }

  /** Records of the batch that is being filled. */
  get filling(): number {
    return this.#builder.count
  }

  /** When the oldest record came that waits here; undefined where none does. */
  get pendingSinceMs(): number | undefined {
    return this.#whole[0]?.sinceMs ?? (this.#builder.count > 0 ? this.#sinceMs : undefined)
  }

  /** Records of the symbol come here from now on. */
  admit(symbol: SymbolLedger): void {
    this.#symbols.push(symbol)
  }

  /** Adds a record that is counted as taken, and returns by how many bytes the lane has grown. */
  add(record: In): number {
    const builder = this.#builder
    const bytesBefore = builder.count === 0 ? 0 : builder.byteLength
    if (bytesBefore === 0) {
      this.#sinceMs = this.#options.nowMs()
      this.filled.openUnsafe()
    }
    this.#options.packer.pack(builder, record)
    const bytes = builder.byteLength
    if (bytes >= this.batchBytesMax) this.#seal()
    return bytes - bytesBefore
  }

  /** The oldest batch, or undefined when nothing waits. */
  take(): PendingBatch | undefined {
    if (this.#whole.length === 0 && this.#builder.count > 0) this.#seal()
    const batch = this.#whole.shift()
    if (!this.#closing) {
      if (this.#whole.length === 0) this.full.closeUnsafe()
      if (this.#whole.length === 0 && this.#builder.count === 0) this.filled.closeUnsafe()
    }
    return batch
  }

  /** Takes the buffer of a batch back into use that nobody writes or reads any more. */
  recycle(packed: PackedRecords): void {
    this.#builder.recycle(packed)
  }

  /** From now on nothing waits for company, and an empty lane is at its end. */
  close(): void {
    this.#closing = true
    this.full.openUnsafe()
    this.filled.openUnsafe()
  }

  #seal(): void {
    const packed = this.#builder.take(this.#options.packer.schemaFingerprint)
    this.#whole.push({ packed, shares: this.#takeShares(), sinceMs: this.#sinceMs })
    this.full.openUnsafe()
  }

  #takeShares(): readonly SymbolShare[] {
    const shares: SymbolShare[] = []
    for (const symbol of this.#symbols) {
      const records = symbol.taken - symbol.sealed
      if (records === 0) continue
      symbol.sealed = symbol.taken
      shares.push({ symbol, records })
    }
    return shares
  }
}
