/**
 * The frames of the last hour, as the text that is sent, and a base of what was before them.
 *
 * 1. At most `samplesMax` frames with a sample, `framesMax` frames and `bytesMax` bytes of text:
 *    what falls out is added to the base, so that base and frames are what is known, always.
 * 2. A reader has a place in it and nothing else: what readers cost does not depend on how far
 *    behind they are.
 */
import type { WatchFrame } from '../../adapters/http/watch-schemas.ts'
import { Folded, type FrameFacts, joined } from './watch-fold.ts'

export interface JournalLimits {
  readonly samplesMax: number
  readonly framesMax: number
  readonly bytesMax: number
}

/** An hour. In bytes: some 6 KiB a second, with what a busy system says beside its samples. */
const journalLimits: JournalLimits = {
  samplesMax: 3_600,
  framesMax: 20_000,
  bytesMax: 24 * 1_024 ** 2
}

export interface KeptFrame {
  readonly seq: number
  /** JSON. */
  readonly text: string
  readonly hasSample: boolean
}

export class Journal {
  readonly #limits: JournalLimits
  readonly #base: Folded
  /** Those before `#start` have fallen out. */
  #frames: KeptFrame[] = []
  #start = 0
  #samples = 0
  #bytes = 0

  constructor(startedMs: number, limits: JournalLimits = journalLimits) {
    this.#limits = limits
    this.#base = new Folded(startedMs)
  }

  /** Of the newest frame; 0 before the first. */
  get seq(): number {
    return this.#frames.at(-1)?.seq ?? this.#base.seq
  }

  /** Of the newest frame that has fallen out. */
  get baseSeq(): number {
    return this.#base.seq
  }

  get bytes(): number {
    return this.#bytes
  }

  get frames(): readonly KeptFrame[] {
    return this.#frames.slice(this.#start)
  }

  base(): WatchFrame {
    return this.#base.frame()
  }

  push(facts: FrameFacts): void {
    const seq = this.seq + 1
    const text = JSON.stringify({ seq, ...facts } satisfies WatchFrame)
    const hasSample = facts.sample !== undefined
    this.#frames.push({ seq, text, hasSample })
    this.#bytes += text.length
    if (hasSample) this.#samples += 1
    while (this.#isOver) this.#fold()
    this.#compact()
  }

  /** Frames behind that one, oldest first, up to so many bytes; one at least, if there is one. */
  after(seq: number, bytesMax: number): readonly KeptFrame[] {
    const found: KeptFrame[] = []
    let bytes = 0
    for (let index = this.#indexOf(seq + 1); index < this.#frames.length; index++) {
      const frame = this.#frames[index]!
      bytes += frame.text.length
      if (found.length > 0 && bytes > bytesMax) break
      found.push(frame)
    }
    return found
  }

  /** Frames behind that one as one; there must be some. */
  joinedAfter(seq: number, transitionsMax: number): KeptFrame {
    const frames = this.#frames.slice(this.#indexOf(seq + 1)).map(parsed)
    const frame = joined(frames, transitionsMax)
    const hasSample = frame.sample !== undefined
    return { seq: frame.seq, text: JSON.stringify(frame), hasSample }
  }

  /** Numbers have no holes here. */
  #indexOf(seq: number): number {
    return Math.max(this.#start, this.#start + seq - (this.#base.seq + 1))
  }

  get #isOver(): boolean {
    const { samplesMax, framesMax, bytesMax } = this.#limits
    const count = this.#frames.length - this.#start
    if (count <= 1) return false
    return this.#samples > samplesMax || count > framesMax || this.#bytes > bytesMax
  }

  #fold(): void {
    const oldest = this.#frames[this.#start]!
    this.#start += 1
    this.#bytes -= oldest.text.length
    if (oldest.hasSample) this.#samples -= 1
    this.#base.add(parsed(oldest))
  }

  /** Amortized: each frame is moved at most once. */
  #compact(): void {
    if (this.#start < 64 || this.#start * 2 < this.#frames.length) return
    this.#frames = this.#frames.slice(this.#start)
    this.#start = 0
  }
}

const parsed = ({ text }: KeptFrame): WatchFrame => JSON.parse(text) as WatchFrame
