/**
 * The rows of a statement with one column of texts, as bytes: texts joined, some at a time.
 *
 * 1. Texts of a chunk mostly lie one behind the other in memory, and are copied from there as they
 *    lie: no text is touched by itself, nor ever a string.
 * 2. What was copied from, and between, is free when a part is there, not at some collection: texts
 *    are so many that collections would be most of the work.
 * 3. No row is NULL; an empty text is nothing.
 */
import type { DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'

export interface TextPart {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Rows; at least one. */
  readonly count: number
}

/** A part has so many, or one chunk more at most, unless it is the last. */
const partBytesMin = 2 ** 19

export class TextParts {
  readonly #result: DuckDBResult
  /** What comes next; undefined behind the last chunk. */
  #chunk: DuckDBDataChunk | undefined

  private constructor(result: DuckDBResult) {
    this.#result = result
  }

  /** When the first rows are there; they are still in DuckDB's memory alone. */
  static async of(result: DuckDBResult): Promise<TextParts> {
    const parts = new TextParts(result)
    await parts.#fetch()
    return parts
  }

  /** Whether the statement has come to its end: its connection is free. */
  get isEnded(): boolean {
    return this.#chunk === undefined
  }

  /** Undefined behind the last part; one asks at a time. */
  async next(): Promise<TextPart | undefined> {
    const pieces: Uint8Array[] = []
    let [bytes, count] = [0, 0]
    for (let chunk = this.#chunk; chunk !== undefined; chunk = this.#chunk) {
      count += chunk.rowCount
      for (const piece of piecesOf(chunk)) {
        pieces.push(piece)
        bytes += piece.length
      }
      duckdb.data_chunk_reset(chunk.chunk) // (2)
      await this.#fetch()
      if (bytes >= partBytesMin) break
    }
    if (count === 0) return undefined
    const part = { bytes: joined(pieces, bytes), count }
    free(pieces) // (2)
    return part
  }

  async #fetch(): Promise<void> {
    const chunk = await this.#result.fetchChunk()
    this.#chunk = chunk === null || chunk.rowCount === 0 ? undefined : chunk
  }
}

/** A text in a vector: its length and, as far as it is no longer than that, itself; else where. */
const [textBytes, inlineAt, inlineBytesMax, addressAt] = [16, 4, 12, 8]

/** Copies of texts that lie behind one another. (1) */
const piecesOf = (chunk: DuckDBDataChunk): readonly Uint8Array[] => {
  const { rowCount } = chunk
  const vector = duckdb.data_chunk_get_vector(chunk.chunk, 0)
  const data = duckdb.vector_get_data(vector, rowCount * textBytes)
  const buffer = data.buffer as ArrayBuffer
  const view = new DataView(buffer, data.byteOffset, data.byteLength)
  const pieces: Uint8Array[] = []
  let [first, address, length] = [0, 0, 0]
  const take = () => {
    if (length === 0) return
    const at = data.byteOffset + first * textBytes + addressAt
    pieces.push(duckdb.get_data_from_pointer(buffer, at, length))
    length = 0
  }
  for (let row = 0, at = 0; row < rowCount; row++, at += textBytes) {
    const ownLength = view.getUint32(at, true)
    if (ownLength <= inlineBytesMax) {
      take()
      pieces.push(Uint8Array.from(data.subarray(at + inlineAt, at + inlineAt + ownLength)))
      continue
    }
    const own = addressIn(view, at + addressAt)
    if (own !== address + length) take()
    if (length === 0) [first, address] = [row, own]
    length += ownLength
  }
  take()
  return pieces
}

let nowhere: InstanceType<typeof MessagePort> | undefined

/** What is moved to a port that is closed is gone at once, and not at some collection. */
const free = (pieces: readonly Uint8Array[]): void => {
  if (nowhere === undefined) {
    nowhere = new MessageChannel().port1
    nowhere.close()
  }
  nowhere.postMessage(
    undefined,
    pieces.map(({ buffer }) => buffer as ArrayBuffer)
  )
}

/** A number is exact: addresses have fewer bits. */
const addressIn = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)

const joined = (pieces: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> => {
  const whole = Buffer.allocUnsafeSlow(bytes) as Uint8Array<ArrayBuffer>
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
