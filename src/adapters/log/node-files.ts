/**
 * Files and clock of this machine. Directories are synced by opening them, as Linux and macOS do.
 */
import * as fs from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FileAbsent, FileExists, type LogClock, type LogFile, type LogFiles } from './log-files.ts'

const syncDirectory = async (path: string): Promise<void> => {
  const handle = await fs.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const nodeFiles: LogFiles = {
  async makeDirectory(path) {
    const made = await fs.mkdir(path, { recursive: true })
    const highest = dirname(resolve(made ?? path))
    // An existing directory's name may be as young as its maker, which may have died before its
    // sync.
    for (let above = dirname(resolve(path)); ; above = dirname(above)) {
      await syncDirectory(above)
      if (above === highest || above === dirname(above)) return
    }
  },
  syncDirectory,
  list: (path) => fs.readdir(path),
  async open(path, mode) {
    return makeFile(await named(fs.open(path, flags[mode])))
  },
  link: (path, newPath) => named(fs.link(path, newPath)),
  rename: (path, newPath) => named(fs.rename(path, newPath)),
  remove: (path) => named(fs.unlink(path))
}

export const systemClock: LogClock = {
  nowMs: Date.now,
  schedule(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  }
}

const flags = { read: 'r', write: 'r+', create: 'wx+' } as const

const named = async <A>(operation: Promise<A>): Promise<A> => {
  try {
    return await operation
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new FileAbsent(message)
    if (code === 'EEXIST') throw new FileExists(message)
    throw error
  }
}

const makeFile = (handle: fs.FileHandle): LogFile => ({
  size: async () => (await handle.stat()).size,
  read: (target, position) => readFully(handle, target, position),
  write: (buffers, position) => writeFully(handle, buffers, position),
  truncate: (size) => handle.truncate(size),
  // fdatasync: the size is made durable with the bytes, times of access are not.
  sync: () => handle.datasync(),
  close: () => handle.close()
})

const readFully = async (
  handle: fs.FileHandle,
  target: Uint8Array,
  position: number
): Promise<number> => {
  let filled = 0
  while (filled < target.length) {
    const length = target.length - filled
    const { bytesRead } = await handle.read(target, filled, length, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

/** The kernel may write less than asked for: the rest follows, each turn at least one byte. */
const writeFully = async (
  handle: fs.FileHandle,
  buffers: readonly Uint8Array[],
  position: number
): Promise<void> => {
  let rest = buffers.filter((buffer) => buffer.length > 0)
  let at = position
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at)
    if (bytesWritten === 0) throw new Error('the disk took no byte of a write')
    at += bytesWritten
    rest = behind(rest, bytesWritten)
  }
}

const behind = (buffers: readonly Uint8Array[], bytes: number): Uint8Array[] => {
  let skip = bytes
  let index = 0
  while (index < buffers.length && skip >= buffers[index]!.length) skip -= buffers[index++]!.length
  const rest = buffers.slice(index)
  if (skip > 0) rest[0] = rest[0]!.subarray(skip)
  return rest
}
