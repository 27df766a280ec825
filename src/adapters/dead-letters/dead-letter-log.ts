/**
 * The dead-letter log: what could not become a row, one JSON line each, with its reason and bytes.
 *
 * 1. `write` ends after fsync, so a commit that passes a letter's offset can wait for it (R29).
 * 2. The log is bounded: files of `fileBytesMax`, the oldest deleted beyond `bytesMax`. What a file
 *    holds is a sample for people; exact counts are kept by who writes the letters.
 * 3. Letters of log records are keyed by topic, partition and offset: after a crash the same letter
 *    may stand here twice and is still one.
 * One writer per `name` and folder.
 */
import { mkdir, open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Effect, Schema, type Scope } from 'effect'

export class DeadLetterLogFailed extends Schema.TaggedError<DeadLetterLogFailed>()(
  'DeadLetterLogFailed',
  {
    detail: Schema.String
  }
) {
  override get message() {
    return `the dead-letter log cannot be written: ${this.detail}`
  }
}

export interface DeadLetterEntry {
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly reason: string
  readonly detail: string
  readonly symbol: string | null
  readonly nativeId: number | null
  /** Where the record stands in the event log; null for a frame that never got there. */
  readonly position: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
  } | null
  readonly raw: Uint8Array
}

export interface DeadLetterLogOptions {
  readonly folder: string
  /** First part of the file names: who writes, for example `feed`. */
  readonly name: string
  readonly fileBytesMax: number
  readonly bytesMax: number
}

export interface DeadLetterLog {
  readonly write: (entries: readonly DeadLetterEntry[]) => Effect.Effect<void, DeadLetterLogFailed>
}

/** Bytes of a letter's raw record that are kept. */
const rawBytesMax = 64 * 1_024

/** Opens the log; a new file each time, so that a line torn by a crash spoils nothing. */
export const openDeadLetterLog = (
  options: DeadLetterLogOptions
): Effect.Effect<DeadLetterLog, DeadLetterLogFailed, Scope.Scope> =>
  Effect.gen(function* () {
    yield* attempt(() => mkdir(options.folder, { recursive: true }))
    const writer = new RollingWriter(options)
    yield* Effect.addFinalizer(() => Effect.promise(() => writer.close()))
    return {
      write: (entries) =>
        entries.length === 0
          ? Effect.void
          : attempt(() => writer.append(entries.map(lineOf).join('')))
    }
  })

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, DeadLetterLogFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => new DeadLetterLogFailed({ detail: String(error) })
  })

const lineOf = (entry: DeadLetterEntry): string => {
  const { atMs, raw, ...facts } = entry
  const kept = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.length, rawBytesMax))
  return `${JSON.stringify({
    at: new Date(atMs).toISOString(),
    ...facts,
    raw_bytes: raw.length,
    raw: kept.toString('base64')
  })}\n`
}

class RollingWriter {
  readonly #options: DeadLetterLogOptions
  #file: FileHandle | undefined
  #fileBytes = 0

  constructor(options: DeadLetterLogOptions) {
    this.#options = options
  }

  async append(text: string): Promise<void> {
    this.#file ??= await this.#openNext()
    const { bytesWritten } = await this.#file.write(text)
    await this.#file.datasync()
    this.#fileBytes += bytesWritten
    if (this.#fileBytes >= this.#options.fileBytesMax) await this.close()
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #openNext(): Promise<FileHandle> {
    const { folder, name, bytesMax, fileBytesMax } = this.#options
    const names = (await readdir(folder))
      .filter((candidate) => candidate.startsWith(`${name}-`) && candidate.endsWith('.ndjson'))
      .sort()
    const sizes = await Promise.all(names.map(async (old) => (await stat(join(folder, old))).size))
    let total = sizes.reduce((sum, size) => sum + size, 0)
    for (const [index, old] of names.entries()) {
      if (total + fileBytesMax <= bytesMax) break
      await unlink(join(folder, old))
      total -= sizes[index]!
    }
    const next = 1 + Number(/-(\d+)\.ndjson$/.exec(names.at(-1) ?? '')?.[1] ?? 0)
    this.#fileBytes = 0
    return open(join(folder, `${name}-${String(next).padStart(8, '0')}.ndjson`), 'ax')
  }
}
