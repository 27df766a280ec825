/**
 * Plays recordings: several files merge by time into one timeline that starts at the first
 * subscription covering one of its symbols (R48).
 *
 * 1. Frames are sent byte for byte as recorded; a raw stream gets the bytes of `data`.
 * 2. Within a file the order is the file's; a time that goes back is played without waiting.
 * 3. Lines of no stream are skipped and counted, unless asked for.
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { parseRecording } from './recording-format.ts'
import type { MalformedLine, ParsedRecording, RecordedFrame } from './recording-format.ts'
import type { FrameBytes, Playback, TradeSource, VenueTrade } from './trade-source.ts'
import { listingOf } from './venue-listing.ts'
import type { ListedSymbol } from './venue-listing.ts'

/** A recording that cannot be served. */
export class RecordingUnreadable extends Schema.TaggedError<RecordingUnreadable>()(
  'RecordingUnreadable',
  {
    file: Schema.String,
    reason: Schema.String
  }
) {
  override get message() {
    return `recording ${this.file}: ${this.reason}`
  }
}

export interface RecordingReport {
  readonly file: string
  readonly format: string
  readonly frameCount: number
  readonly tradeCount: number
  /** Frames of no stream that will not be sent. */
  readonly unwrappedSkipped: number
  readonly malformedCount: number
  /** The first hundred. */
  readonly malformed: ReadonlyArray<MalformedLine>
}

interface LoadedRecording {
  readonly source: TradeSource
  readonly reports: ReadonlyArray<RecordingReport>
}

export interface RecordingOptions {
  /** Send frames of no stream (REST snapshots) to every connection; otherwise they are skipped. */
  readonly sendUnwrapped?: boolean
}

const fileBytesMax = 2 ** 30

/** Reads and indexes recordings, plain or gzipped. */
export const loadRecordings = Effect.fnUntraced(function* (
  paths: ReadonlyArray<string>,
  options: RecordingOptions = {}
) {
  const loaded: Array<LoadedFile> = []
  for (const path of paths) loaded.push(yield* loadFile(path))
  const sendUnwrapped = options.sendUnwrapped ?? false
  const merged = mergeByTime(loaded, sendUnwrapped)
  const unlisted = [...merged.symbols].find((symbol) => listingOf(symbol) === undefined)
  if (unlisted !== undefined) {
    const reason = `${unlisted} ends with no known quote asset: add it to the venue's listing`
    return yield* new RecordingUnreadable({ file: paths.join(', '), reason })
  }
  const loadedRecording: LoadedRecording = {
    source: {
      name: paths.map((path) => basename(path)).join(', '),
      listing: [...merged.symbols].map((symbol) =>
        listingOf(symbol)!
      ) satisfies Array<ListedSymbol>,
      streams: merged.streams,
      starts: 'at_first_subscription',
      play: () => playRecording(merged)
    },
    reports: loaded.map((file) => reportOf(file, sendUnwrapped))
  }
  return loadedRecording
})

interface LoadedFile {
  readonly path: string
  readonly bytes: Buffer
  readonly parsed: ParsedRecording
}

const loadFile = Effect.fnUntraced(function* (path: string) {
  const unreadable = (cause: unknown) =>
    new RecordingUnreadable({
      file: path,
      reason: cause instanceof Error ? cause.message : String(cause)
    })
  const stored = yield* Effect.tryPromise({ try: () => readFile(path), catch: unreadable })
  const isGzip = stored[0] === 0x1f && stored[1] === 0x8b
  const bytes = yield* Effect.try({
    try: () => (isGzip ? gunzipSync(stored, { maxOutputLength: fileBytesMax }) : stored),
    catch: unreadable
  })
  const parsed = parseRecording(bytes)
  if (parsed === undefined || parsed.frames.length === 0) {
    const reason =
      'no line has a known form (wire frames, receive time and frame, or cryptofeed text)'
    return yield* new RecordingUnreadable({ file: path, reason })
  }
  return { path, bytes, parsed } satisfies LoadedFile
})

const reportOf = ({ path, parsed }: LoadedFile, sendUnwrapped: boolean): RecordingReport => {
  const unwrapped = parsed.frames.filter(({ stream }) => stream === undefined).length
  return {
    file: basename(path),
    format: parsed.format,
    frameCount: parsed.frames.length,
    tradeCount: parsed.frames.filter(({ tradeId }) => tradeId !== undefined).length,
    unwrappedSkipped: sendUnwrapped ? 0 : unwrapped,
    malformedCount: parsed.malformedCount,
    malformed: parsed.malformed
  }
}

interface TimedFrame {
  readonly frame: RecordedFrame
  readonly file: Buffer
  readonly dueUs: number
}

interface MergedRecording {
  readonly frames: ReadonlyArray<TimedFrame>
  readonly streams: ReadonlyArray<string>
  readonly symbols: ReadonlySet<string>
}

const mergeByTime = (files: ReadonlyArray<LoadedFile>, sendUnwrapped: boolean): MergedRecording => {
  const frames: Array<TimedFrame> = []
  const streams = new Set<string>()
  const symbols = new Set<string>()
  for (const { bytes, parsed } of files) {
    let dueUs = parsed.frames.find(({ timeUs }) => timeUs !== undefined)?.timeUs ?? 0
    for (const frame of parsed.frames) {
      dueUs = Math.max(dueUs, frame.timeUs ?? dueUs) // (2)
      if (frame.stream === undefined && !sendUnwrapped) continue // (3)
      if (frame.stream !== undefined) streams.add(frame.stream)
      if (frame.symbol !== undefined) symbols.add(frame.symbol)
      frames.push({ frame, file: bytes, dueUs })
    }
  }
  // Array.sort is stable: frames of one file that share a time keep their order.
  frames.sort((left, right) => left.dueUs - right.dueUs)
  return { frames, streams: [...streams], symbols }
}

/** Positions of a symbol's trades in the timeline, in id order. */
type TradeIndex = Array<{ readonly id: number; readonly position: number }>

const playRecording = ({ frames, streams }: MergedRecording): Playback => {
  const streamIndex = new Map(streams.map((name, index) => [name, index]))
  const streamOf = frames.map(({ frame }) =>
    frame.stream === undefined ? -1 : streamIndex.get(frame.stream)!
  )
  const index = indexTrades(frames)
  const originMs = (frames[0]?.dueUs ?? 0) / 1_000
  let position = -1
  const cache = new Map<string, { readonly position: number; readonly played: TradeIndex }>()
  const playedTrades = (symbol: string): TradeIndex => {
    const cached = cache.get(symbol)
    if (cached?.position === position) return cached.played
    const played = (index.get(symbol) ?? []).filter((entry) => entry.position <= position)
    cache.set(symbol, { position, played })
    return played
  }
  return {
    originMs,
    advance: (untilMs) => {
      const next = frames[position + 1]
      if (next === undefined || next.dueUs > untilMs * 1_000) return false
      position += 1
      return true
    },
    stream: () => streamOf[position] ?? -1,
    tradeId: () => frames[position]?.frame.tradeId ?? -1,
    dueMs: () => (frames[position]?.dueUs ?? originMs * 1_000) / 1_000,
    frame: () => bytesOf(frames[position]!),
    ended: () => position >= frames.length - 1,
    trades: (symbol, fromId, limit) => {
      const played = playedTrades(symbol)
      const first =
        fromId === undefined ? played.length - limit : played.findIndex(({ id }) => id >= fromId)
      if (fromId !== undefined && first === -1) return []
      const from = Math.max(0, first)
      return played.slice(from, from + limit).map((entry) => tradeOf(frames[entry.position]!))
    },
    newestId: (symbol) => playedTrades(symbol).at(-1)?.id ?? -1,
    firstIdSince: (symbol, sinceMs) =>
      playedTrades(symbol).find((entry) => tradeOf(frames[entry.position]!).timeMs >= sinceMs)
        ?.id ?? -1
  }
}

const indexTrades = (frames: ReadonlyArray<TimedFrame>): Map<string, TradeIndex> => {
  const index = new Map<string, TradeIndex>()
  frames.forEach(({ frame }, position) => {
    if (frame.tradeId === undefined || frame.symbol === undefined) return
    const entries = index.get(frame.symbol) ?? []
    if (entries.length === 0) index.set(frame.symbol, entries)
    entries.push({ id: frame.tradeId, position })
  })
  for (const entries of index.values()) entries.sort((left, right) => left.id - right.id)
  return index
}

const dataMarker = Buffer.from(',"data":')

const bytesOf = ({ frame, file }: TimedFrame): FrameBytes => {
  const bytes = file.subarray(frame.start, frame.end)
  const marker = frame.stream === undefined ? -1 : bytes.indexOf(dataMarker)
  return marker === -1
    ? { bytes, dataStart: 0, dataEnd: bytes.length }
    : { bytes, dataStart: marker + dataMarker.length, dataEnd: bytes.lastIndexOf('}') }
}

interface TradeText {
  readonly t: number
  readonly T: number
  readonly p: string
  readonly q: string
  readonly m: boolean
  readonly M: boolean
}

const tradeOf = ({ frame, file }: TimedFrame): VenueTrade => {
  const { data } = JSON.parse(file.toString('utf8', frame.start, frame.end)) as {
    readonly data: TradeText
  }
  return {
    id: data.t,
    timeMs: data.T,
    price: data.p,
    quantity: data.q,
    buyerIsMaker: data.m,
    bestMatch: data.M
  }
}
