/**
 * What the logs need of a disk and a clock (R32). A page cache lies behind it: what was written,
 * made, renamed or removed may be lost, in any order and in parts, until `sync` or `syncDirectory`
 * has ended.
 */

export interface LogFile {
  /** Bytes that the file has. */
  readonly size: () => Promise<number>
  /** Reads at a position until the target is full or the file ends; the number of bytes read. */
  readonly read: (target: Uint8Array, position: number) => Promise<number>
  /** Writes all buffers, one behind the other, from a position on. */
  readonly write: (buffers: readonly Uint8Array[], position: number) => Promise<void>
  readonly truncate: (size: number) => Promise<void>
  /** Makes the file's bytes and size durable, not its name. */
  readonly sync: () => Promise<void>
  readonly close: () => Promise<void>
}

export interface LogFiles {
  /** Makes a directory and those above it, where absent, and makes their names durable. */
  readonly makeDirectory: (path: string) => Promise<void>
  /** Makes the names in a directory durable. */
  readonly syncDirectory: (path: string) => Promise<void>
  readonly list: (path: string) => Promise<readonly string[]>
  /** `create` makes a new file and rejects with `FileExists`, the others with `FileAbsent`. */
  readonly open: (path: string, mode: 'read' | 'write' | 'create') => Promise<LogFile>
  /** Gives a file a second name, which must be new: rejects with `FileExists`. */
  readonly link: (path: string, newPath: string) => Promise<void>
  /** Replaces what has the new name. Rejects with `FileAbsent`. */
  readonly rename: (path: string, newPath: string) => Promise<void>
  /** Rejects with `FileAbsent`. */
  readonly remove: (path: string) => Promise<void>
}

export interface LogClock {
  /** Unix milliseconds. */
  readonly nowMs: () => number
  /** Runs a function once after a delay; returns how to cancel it. */
  readonly schedule: (delayMs: number, run: () => void) => () => void
}

export class FileAbsent extends Error {
  readonly _tag = 'FileAbsent'
}

export class FileExists extends Error {
  readonly _tag = 'FileExists'
}
