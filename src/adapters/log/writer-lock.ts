/**
 * One writer per log directory: a file that names the process that writes.
 *
 * 1. The file appears whole or not at all: it is written under another name and linked to its own.
 * 2. Of several processes that find a dead owner's file, one takes it away; the others see the next
 *    owner.
 * 3. A process is recognised by more than its id, which the system gives out again.
 */
import * as Schema from 'effect/Schema'
import { FileAbsent, FileExists, type LogFiles } from './log-files.ts'

/** What tells a process from every other one, earlier ones with its id included. */
export interface ProcessMark {
  readonly pid: number
  /** Differs between processes that had the same id. */
  readonly incarnation: string
}

export interface LogProcess {
  readonly self: ProcessMark
  readonly isAlive: (mark: ProcessMark) => Promise<boolean>
  /** A text that was never returned before, on any machine: a UUID. */
  readonly uniqueId: () => string
}

/** Another process writes to this log, or this one has it open already. */
export class LogInUse extends Schema.TaggedError<LogInUse>()('LogInUse', {
  file: Schema.String,
  pid: Schema.Number
}) {
  readonly isRefusal = true
  override get message() {
    const owner = `process ${this.pid} has the log open (${this.file})`
    return `${owner}: stop it, or set K2_DATA_DIR to another folder`
  }
}

export interface WriterLock {
  /** Set when the last owner had died without giving the log back. */
  readonly recoveredFrom: ProcessMark | undefined
  /** Whether the log is still this owner's. */
  readonly isHeld: () => Promise<boolean>
  readonly release: () => Promise<void>
}

/** Rejects with LogInUse, or the disk's own error. */
export const acquireWriterLock = async (
  files: LogFiles,
  process: LogProcess,
  directory: string
): Promise<WriterLock> => {
  const file = `${directory}/${lockName}`
  const token = process.uniqueId()
  const own = `${file}.${token}`
  await writeNew(files, own, { ...process.self, token })
  try {
    let recoveredFrom: ProcessMark | undefined
    for (let attempt = 1; ; attempt++) {
      if (await linkNew(files, own, file)) break
      const owner = await readOwner(files, file)
      if (owner === undefined) continue
      if (attempt === attemptsMax || (await process.isAlive(owner))) {
        throw new LogInUse({ file: lockName, pid: owner.pid })
      }
      await takeAway(files, file, { owner, token })
      recoveredFrom = { pid: owner.pid, incarnation: owner.incarnation }
    }
    const isHeld = async () => (await readOwner(files, file))?.token === token
    return {
      recoveredFrom,
      isHeld,
      release: async () => {
        if (await isHeld()) await files.remove(file)
      }
    }
  } finally {
    await files.remove(own)
  }
}

/** Who writes to a log now, as far as that process lives; nothing is taken. */
export const writerOf = async (
  files: LogFiles,
  process: LogProcess,
  directory: string
): Promise<ProcessMark | undefined> => {
  const owner = await readOwner(files, `${directory}/${lockName}`)
  return owner !== undefined && (await process.isAlive(owner)) ? owner : undefined
}

const lockName = 'writer.lock'
const attemptsMax = 5
const recordBytesMax = 1_024

interface Owner extends ProcessMark {
  readonly token: string
}

const writeNew = async (files: LogFiles, path: string, owner: Owner): Promise<void> => {
  const file = await files.open(path, 'create')
  try {
    await file.write([Buffer.from(JSON.stringify(owner))], 0)
    // Its content must not come after its name: an empty lock would name nobody.
    await file.sync()
  } finally {
    await file.close()
  }
}

const linkNew = async (files: LogFiles, path: string, newPath: string): Promise<boolean> => {
  try {
    await files.link(path, newPath)
    return true
  } catch (error) {
    if (error instanceof FileExists) return false
    throw error
  }
}

const decodeOwner = Schema.decodeUnknownSync(
  Schema.Struct({ pid: Schema.Number, incarnation: Schema.String, token: Schema.String })
)

/**
 * Undefined when there is no lock any more. A lock that cannot be read is an error: whose it is
 * must be known.
 */
const readOwner = async (files: LogFiles, path: string): Promise<Owner | undefined> => {
  try {
    const file = await files.open(path, 'read')
    try {
      const bytes = Buffer.alloc(recordBytesMax)
      const text = bytes.toString('utf8', 0, await file.read(bytes, 0))
      return decodeOwner(JSON.parse(text))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof FileAbsent) return undefined
    throw error
  }
}

/** Renames a dead owner's lock: of several who try, one succeeds (2). */
const takeAway = async (
  files: LogFiles,
  file: string,
  who: { readonly owner: Owner; readonly token: string }
): Promise<void> => {
  const taken = `${file}.${who.token}.stale`
  try {
    await files.rename(file, taken)
  } catch (error) {
    if (error instanceof FileAbsent) return
    throw error
  }
  // Between reading and renaming another may have become the owner: it gets its lock back.
  const found = await readOwner(files, taken)
  if (found !== undefined && found.token !== who.owner.token) await linkNew(files, taken, file)
  await files.remove(taken)
}
