/**
 * Runs of bytes that are the same in many frames and records: compared and copied four at a time,
 * which takes a third of the time that single bytes do.
 */
export interface ByteRun {
  readonly length: number
  /** Every four bytes, little-endian; the last word overlaps the one before it. */
  readonly words: Int32Array
  /** For runs shorter than a word. */
  readonly bytes: Uint8Array
}

export const byteRun = (bytes: Uint8Array): ByteRun => {
  const { length } = bytes
  const view = viewOf(bytes)
  const words = Int32Array.from({ length: Math.ceil(length / 4) }, (_, index) =>
    length < 4 ? 0 : view.getInt32(Math.min(index * 4, length - 4), true)
  )
  return { length, words, bytes }
}

/** Whether the run stands at `at`. `at + run.length` must be inside the view. */
export const isRunAt = (view: DataView, at: number, { length, words, bytes }: ByteRun): boolean => {
  if (length < 4) {
    for (let index = 0; index < length; index++) {
      if (view.getUint8(at + index) !== bytes[index]) return false
    }
    return true
  }
  const last = words.length - 1
  for (let index = 0; index < last; index++) {
    if (view.getInt32(at + index * 4, true) !== words[index]) return false
  }
  return view.getInt32(at + length - 4, true) === words[last]
}

/** Writes the run at `at` and returns its end. */
export const putRun = (view: DataView, at: number, { length, words, bytes }: ByteRun): number => {
  if (length < 4) {
    for (let index = 0; index < length; index++) view.setUint8(at + index, bytes[index]!)
    return at + length
  }
  const last = words.length - 1
  for (let index = 0; index < last; index++) view.setInt32(at + index * 4, words[index]!, true)
  view.setInt32(at + length - 4, words[last]!, true)
  return at + length
}

export const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, length)
