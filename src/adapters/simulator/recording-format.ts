/**
 * Lines of recorded sessions, told apart by what they contain:
 *
 * - `wire`: `{"stream":…,"data":…}` as it went over the wire; paced by the frame's event time `E`.
 * - `received`: `<receive time> <frame>`, the time in ns (19 digits), µs (16) or ms (13).
 * - `cryptofeed`: `<seconds>: <frame>`; lines that begin with an address tell of connections.
 *
 * 1. A frame keeps its bytes: only its place in the file is noted here.
 * 2. A line that cannot be read costs itself only and is reported with its number.
 */

type RecordingFormat = 'wire' | 'received' | 'cryptofeed'

/** One frame of a file; offsets are of the whole file. */
export interface RecordedFrame {
  readonly start: number
  readonly end: number
  /** Stream name; undefined for a frame that is not wrapped, such as a REST snapshot. */
  readonly stream: string | undefined
  /** Symbol as the venue writes it, where the frame says so. */
  readonly symbol: string | undefined
  /** Native id where the frame is a trade of a `@trade` stream. */
  readonly tradeId: number | undefined
  /** Receive time, or event time in a `wire` file, µs; undefined where neither is known. */
  readonly timeUs: number | undefined
}

export interface MalformedLine {
  readonly line: number
  readonly reason: string
}

export interface ParsedRecording {
  readonly format: RecordingFormat
  readonly frames: ReadonlyArray<RecordedFrame>
  /** The first `malformedKeptMax` of them. */
  readonly malformed: ReadonlyArray<MalformedLine>
  readonly malformedCount: number
}

const malformedKeptMax = 100

const newline = 0x0a
const carriageReturn = 0x0d
const receivedPrefix = /^(\d{19}|\d{16}|\d{13}) /
const cryptofeedPrefix = /^(\d{9,11}\.\d+): /
const addressPrefix = /^wss?:\/\//
/** Longer than any prefix; the format is decided by the beginning of a line. */
const prefixBytesMax = 64

/** Frames of a decompressed file; undefined when no line has a known form. */
export const parseRecording = (file: Buffer): ParsedRecording | undefined => {
  let format: RecordingFormat | undefined
  const frames: Array<RecordedFrame> = []
  const malformed: Array<MalformedLine> = []
  let malformedCount = 0
  const report = (line: number, reason: string): void => {
    malformedCount += 1
    if (malformed.length < malformedKeptMax) malformed.push({ line, reason })
  }
  let line = 0
  for (let start = 0; start < file.length;) {
    const found = file.indexOf(newline, start)
    const next = found === -1 ? file.length : found + 1
    let end = found === -1 ? file.length : found
    if (end > start && file[end - 1] === carriageReturn) end -= 1
    line += 1
    const prefix = readPrefix(file.toString('latin1', start, Math.min(end, start + prefixBytesMax)))
    if (prefix === undefined) {
      if (end > start) report(line, 'no known form of a recorded line')
    } else if (prefix.format !== (format ??= prefix.format)) {
      report(line, `a ${prefix.format} line in a ${format} recording`)
    } else if (!prefix.isNote) {
      const frame = readFrame(file, start + prefix.length, end, prefix.timeUs)
      if (typeof frame === 'string') report(line, frame)
      else frames.push(frame)
    }
    start = next
  }
  return format === undefined ? undefined : { format, frames, malformed, malformedCount }
}

interface LinePrefix {
  readonly format: RecordingFormat
  readonly length: number
  readonly timeUs?: number
  /** The line tells of the session and holds no frame. */
  readonly isNote?: boolean
}

const readPrefix = (text: string): LinePrefix | undefined => {
  if (text.startsWith('{"stream":')) return { format: 'wire', length: 0 }
  const received = receivedPrefix.exec(text)
  if (received !== null) {
    const digits = received[1]!
    return {
      format: 'received',
      length: digits.length + 1,
      timeUs: Number(digits) * 10 ** (16 - digits.length)
    }
  }
  const cryptofeed = cryptofeedPrefix.exec(text)
  if (cryptofeed !== null) {
    return {
      format: 'cryptofeed',
      length: cryptofeed[0].length,
      timeUs: Number(cryptofeed[1]) * 1_000_000
    }
  }
  return addressPrefix.test(text) ? { format: 'cryptofeed', length: 0, isNote: true } : undefined
}

interface FrameText {
  readonly stream?: unknown
  readonly data?: {
    readonly e?: unknown
    readonly E?: unknown
    readonly s?: unknown
    readonly t?: unknown
  }
}

/** The frame, or why it is none. */
const readFrame = (
  file: Buffer,
  start: number,
  end: number,
  timeUs: number | undefined
): RecordedFrame | string => {
  let parsed: FrameText
  try {
    parsed = JSON.parse(file.toString('utf8', start, end)) as FrameText
  } catch {
    return 'the frame is not JSON'
  }
  if (parsed === null || typeof parsed !== 'object') return 'the frame is not a JSON object'
  const { stream, data } = parsed
  if (typeof stream !== 'string') {
    return { start, end, stream: undefined, symbol: undefined, tradeId: undefined, timeUs }
  }
  if (data === null || typeof data !== 'object') return 'the frame of a stream has no data'
  const isTrade = data.e === 'trade' && stream.endsWith('@trade')
  if (isTrade && !(Number.isSafeInteger(data.t) && typeof data.s === 'string'))
    return 'the trade has no id or symbol'
  return {
    start,
    end,
    stream,
    symbol: typeof data.s === 'string' ? data.s : undefined,
    tradeId: isTrade ? (data.t as number) : undefined,
    timeUs: timeUs ?? (typeof data.E === 'number' ? data.E * 1_000 : undefined)
  }
}
