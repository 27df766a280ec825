/**
 * One assigned partition between the client that pushes and the lander that pulls: where reading
 * is, and what has been fetched from there on.
 *
 * 1. What is held is contiguous from the oldest batch to `nextOffset`: nothing else is accepted
 *    (R8).
 * 2. Nothing is wanted before somebody has asked to read, from where the table says, nor while more
 *    than `bytesMax` is held, nor while something is wrong: then the partition is paused.
 * 3. Reading again from the same offset gives the same: what was read is dropped by the next read.
 */
import type { LogBatch } from '../record-batch.ts'
import { emptyBatch } from './kafka-reader-batches.ts'

/** What keeps a partition from being read, until a read has looked into it. */
export type Trouble =
  /** The client is somewhere else than where it was sent, or brings nothing of what there is. */
  | { readonly kind: 'displaced' }
  /** Asked for `nextOffset`, the broker gave this offset as the first. */
  | { readonly kind: 'hole'; readonly foundOffset: number }
  /** What was fetched could not be read now, or not at all. */
  | { readonly kind: 'unread'; readonly error: unknown }

export class ReaderPartition {
  readonly partition: number
  trouble: Trouble | undefined
  /** First offset that nobody can read yet, as far as the client was told. */
  durableEnd = 0
  /** When there was news last, ms. */
  newsMs: number
  readonly #bytesMax: number
  #batches: LogBatch[] = []
  #bytes = 0
  #nextOffset: number | undefined

  constructor(partition: number, bytesMax: number, nowMs: number) {
    this.partition = partition
    this.#bytesMax = bytesMax
    this.newsMs = nowMs
  }

  /** What is to be fetched next; undefined before anybody has asked to read. */
  get nextOffset(): number | undefined {
    return this.#nextOffset
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether anything is to be fetched; if not, the partition is paused (2). */
  get isWanted(): boolean {
    return (
      this.#nextOffset !== undefined && this.trouble === undefined && this.#bytes < this.#bytesMax
    )
  }

  /** Whether there is more than what was fetched, though it is wanted. */
  get isBehind(): boolean {
    return this.isWanted && this.#nextOffset! < this.durableEnd
  }

  /** Whether reading from an offset goes on with what is held, or with what is fetched next. */
  holds(fromOffset: number): boolean {
    const oldest = this.#batches[0]?.baseOffset ?? this.#nextOffset
    return oldest !== undefined && fromOffset >= oldest && fromOffset <= this.#nextOffset!
  }

  /** Starts anew: what is held is dropped. */
  startAt(offset: number, nowMs: number): void {
    this.#batches = []
    this.#bytes = 0
    this.#nextOffset = offset
    this.trouble = undefined
    this.newsMs = nowMs
  }

  /**
   * Takes over batches behind what is held, up to a hole. `isCompacted`: records may be gone, and
   * the offsets without one are passed over.
   */
  accept(batches: readonly LogBatch[], { nowMs, isCompacted }: Acceptance): void {
    this.newsMs = nowMs
    for (const batch of batches) {
      const { baseOffset } = batch
      const nextOffset = this.#nextOffset!
      if (baseOffset > nextOffset && isCompacted) this.#hold(emptyBatch(nextOffset, baseOffset))
      if (baseOffset !== this.#nextOffset) {
        this.trouble = { kind: 'hole', foundOffset: baseOffset }
        return
      }
      this.#hold(batch)
    }
  }

  /** What is held from an offset on, up to `bytesMax`, but at least one batch. */
  read(fromOffset: number, bytesMax: number): readonly LogBatch[] {
    let read = 0
    while (read < this.#batches.length && this.#batches[read]!.endOffset <= fromOffset) read++
    for (const { bytes } of this.#batches.splice(0, read)) this.#bytes -= bytes.length
    let bytes = 0
    let end = 0
    for (; end < this.#batches.length; end++) {
      bytes += this.#batches[end]!.bytes.length
      if (end > 0 && bytes > bytesMax) break
    }
    return this.#batches.slice(0, end)
  }

  #hold(batch: LogBatch): void {
    this.#batches.push(batch)
    this.#bytes += batch.bytes.length
    this.#nextOffset = batch.endOffset
  }
}

interface Acceptance {
  readonly nowMs: number
  readonly isCompacted: boolean
}
