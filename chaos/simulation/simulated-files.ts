/**
 * A machine with a page cache, for tests of what survives: implements the log's file port.
 *
 * 1. An operation takes effect when the machine is stepped, in any order between callers, or when
 *    whoever was told of it takes it.
 * 2. After a power cut, of what was not synced any part may be there: whole writes or some sectors
 *    of them, a longer file of zeros, a name or none.
 * 3. After a failed sync the cache shows the bytes and calls them clean: a later sync keeps them
 *    out.
 * 4. A killed process sees none of its operations end; what it had written stays in the cache.
 */
import {
  FileAbsent,
  FileExists,
  type LogFile,
  type LogFiles
} from '../../src/adapters/log/log-files.ts'
import { type Change, Content } from './file-content.ts'

/** An operation that has been asked for and has not taken effect. */
export interface PendingOperation {
  readonly process: number
  readonly kind: FileOperation
  readonly path: string
  /** It takes effect now; nothing if it has, or if its process ended without it. */
  readonly take: () => void
}

type FileOperation = keyof LogFiles | keyof LogFile

/** How an operation on a path comes about. */
type Run = <A>(kind: FileOperation, path: string, operation: () => A) => Promise<A>

export interface MachineOptions {
  /** Told of each operation; without it the machine is stepped. */
  readonly schedule?: (operation: PendingOperation) => void
  /** Whether a write or sync fails now. */
  readonly fails?: (kind: 'sync' | 'write', path: string) => boolean
}

const sectorBytes = 64

/** Names that change together: a rename changes two. */
type Naming = ReadonlyMap<string, Inode | undefined>

class Inode {
  durable = new Content()
  current = new Content()
  unsynced: Change[] = []

  change(change: Change): void {
    this.current.apply(change)
    this.unsynced.push(change)
  }
}

interface Directory {
  durable: Map<string, Inode>
  current: Map<string, Inode>
  unsynced: Naming[]
}

/** Uniform in [0, 1), from a seed (mulberry32). */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 0x100000000
  }
}

export class SimulatedMachine {
  /** Operations that fail, by kind; each entry fails one. */
  readonly failures: ('sync' | 'write')[] = []
  readonly #random: () => number
  readonly #options: MachineOptions
  readonly #directories = new Map<string, Directory>()
  #queue: PendingOperation[] = []
  #process = 0
  readonly #running = new Set([0])

  constructor(random: () => number, options: MachineOptions = {}) {
    this.#random = random
    this.#options = options
  }

  /** The process that was started last. */
  get process(): number {
    return this.#process
  }

  isRunning(process: number): boolean {
    return this.#running.has(process)
  }

  /** Operations under way. */
  get pending(): readonly PendingOperation[] {
    return this.#queue
  }

  /** Starts another process beside those that run. */
  start(): number {
    this.#process += 1
    this.#running.add(this.#process)
    return this.#process
  }

  /** Lets one waiting operation take effect. */
  step(): void {
    this.#queue[Math.floor(this.#random() * this.#queue.length)]?.take()
  }

  /**
   * Ends the running process, another takes its place; the cache stays. Its operations under way
   * took effect, or did not.
   */
  kill(): void {
    this.end(this.#process)
    this.start()
  }

  /** Ends one process as `kill` does; none takes its place. */
  end(process: number): void {
    this.#running.delete(process)
    for (;;) {
      const own = this.#queue.filter((operation) => operation.process === process)
      if (own.length === 0) break
      const operation = own[Math.floor(this.#random() * own.length)]!
      if (this.#random() < 0.5) operation.take()
      else this.#queue.splice(this.#queue.indexOf(operation), 1)
    }
  }

  /** Ends the running process and loses what is not durable, wholly or in part (2). */
  powerCut(): void {
    this.kill()
    this.losePower()
  }

  /** Loses what is not durable, wholly or in part (2); all processes have ended. */
  losePower(): void {
    for (const directory of this.#directories.values()) {
      const names = new Map(directory.durable)
      for (const naming of directory.unsynced) if (this.#random() < 0.5) rename(names, naming)
      directory.current = names
      directory.durable = new Map(names)
      directory.unsynced = []
      for (const inode of new Set(names.values())) {
        this.#persistSome(inode)
        inode.current = inode.durable.copy()
      }
    }
  }

  /** Bytes of all files, as they are now. */
  get usedBytes(): number {
    let bytes = 0
    for (const { current } of this.#directories.values()) {
      for (const inode of current.values()) bytes += inode.current.length
    }
    return bytes
  }

  /** The files as a process sees them, by default the one that was started last. */
  files(process = this.#process): LogFiles {
    return this.#view((kind, path, operation) => this.#run({ process, kind, path }, operation))
  }

  /** The files as they are now, for who only looks: nothing takes time, and no process is asked. */
  peek(): LogFiles {
    return this.#view(async (_kind, _path, operation) => operation())
  }

  #view(run: Run): LogFiles {
    return {
      makeDirectory: (path) =>
        run('makeDirectory', path, () => {
          const made = { durable: new Map(), current: new Map(), unsynced: [] }
          if (!this.#directories.has(path)) this.#directories.set(path, made)
        }),
      syncDirectory: (path) =>
        run('syncDirectory', path, () => {
          if (this.#fails('sync', path)) throw new Error('simulated: sync failed')
          const directory = this.#directory(path)
          directory.durable = new Map(directory.current)
          directory.unsynced = []
        }),
      list: (path) => run('list', path, () => [...this.#directory(path).current.keys()]),
      open: (path, mode) =>
        run('open', path, () => {
          if (mode !== 'create') return this.#file(path, this.#inode(path), run)
          if (this.#find(path) !== undefined) throw new FileExists(path)
          const inode = new Inode()
          this.#name(new Map([[path, inode]]))
          return this.#file(path, inode, run)
        }),
      link: (path, newPath) =>
        run('link', newPath, () => {
          if (this.#find(newPath) !== undefined) throw new FileExists(newPath)
          this.#name(new Map([[newPath, this.#inode(path)]]))
        }),
      rename: (path, newPath) =>
        run('rename', newPath, () => {
          const inode = this.#inode(path)
          this.#name(new Map([[path, undefined], [newPath, inode]]))
        }),
      remove: (path) =>
        run('remove', path, () => {
          this.#inode(path)
          this.#name(new Map([[path, undefined]]))
        })
    }
  }

  #file(path: string, inode: Inode, runAt: Run): LogFile {
    const run = <A>(kind: FileOperation, operation: () => A) => runAt(kind, path, operation)
    const file: LogFile = {
      size: () => run('size', () => inode.current.length),
      read: (target, position) =>
        run('read', () => {
          const { bytes } = inode.current
          return bytes.copy(target, 0, Math.min(position, bytes.length))
        }),
      write: (buffers, position) =>
        run('write', () => {
          const bytes = Buffer.concat(buffers)
          const fails = this.#fails('write', path)
          const kept = fails ? bytes.subarray(0, Math.floor(this.#random() * bytes.length)) : bytes
          inode.change({ kind: 'write', position, bytes: kept })
          if (fails) throw new Error('simulated: no space left')
        }),
      truncate: (size) => run('truncate', () => inode.change({ kind: 'truncate', size })),
      sync: () =>
        run('sync', () => {
          if (this.#fails('sync', path)) {
            this.#persistSome(inode)
            throw new Error('simulated: sync failed')
          }
          for (const change of inode.unsynced.splice(0)) inode.durable.apply(change)
        }),
      close: () => run('close', () => undefined)
    }
    return file
  }

  #run<A>(of: Omit<PendingOperation, 'take'>, operation: () => A): Promise<A> {
    return new Promise((resolve, reject) => {
      if (!this.#running.has(of.process)) return
      const pending: PendingOperation = {
        ...of,
        take: () => {
          const at = this.#queue.indexOf(pending)
          if (at < 0) return
          this.#queue.splice(at, 1)
          try {
            const result = operation()
            if (this.#running.has(of.process)) resolve(result) // (4)
          } catch (error) {
            const failure = error instanceof Error ? error : new Error(String(error))
            if (this.#running.has(of.process)) reject(failure)
          }
        }
      }
      this.#queue.push(pending)
      this.#options.schedule?.(pending)
    })
  }

  #fails(kind: 'sync' | 'write', path: string): boolean {
    const at = this.failures.indexOf(kind)
    if (at >= 0) this.failures.splice(at, 1)
    return at >= 0 || this.#options.fails?.(kind, path) === true
  }

  #directory(path: string): Directory {
    const directory = this.#directories.get(path)
    if (directory === undefined) throw new FileAbsent(path)
    return directory
  }

  #find(path: string): Inode | undefined {
    const [directory, name] = split(path)
    return this.#directory(directory).current.get(name)
  }

  #inode(path: string): Inode {
    const inode = this.#find(path)
    if (inode === undefined) throw new FileAbsent(path)
    return inode
  }

  #name(changes: ReadonlyMap<string, Inode | undefined>): void {
    const naming = new Map<string, Inode | undefined>()
    let parent = ''
    for (const [path, inode] of changes) {
      const [directory, name] = split(path)
      parent = directory
      naming.set(name, inode)
    }
    const directory = this.#directory(parent)
    rename(directory.current, naming)
    directory.unsynced.push(naming)
  }

  /** Of an inode's unsynced changes some, or parts of them, reach the disk; the rest never will. */
  #persistSome(inode: Inode): void {
    for (const change of inode.unsynced.splice(0)) {
      const luck = this.#random()
      if (luck < 0.3) continue
      if (luck < 0.6 || change.kind === 'truncate') inode.durable.apply(change)
      else this.#tear(inode, change)
    }
  }

  #tear(inode: Inode, { position, bytes }: Change & { kind: 'write' }): void {
    for (let start = 0; start < bytes.length; start += sectorBytes) {
      const sector = bytes.subarray(start, start + sectorBytes)
      const luck = this.#random()
      const written = luck < 0.45 ? sector : Buffer.alloc(sector.length)
      // A sector that overwrites old bytes keeps them when it is lost; behind the end zeros may
      // appear.
      const overwrites = position + start < inode.durable.length
      if (luck < 0.45 || (luck < 0.7 && !overwrites)) {
        inode.durable.apply({ kind: 'write', position: position + start, bytes: written })
      }
    }
  }
}

const rename = (names: Map<string, Inode>, naming: Naming): void => {
  for (const [name, inode] of naming) {
    if (inode === undefined) names.delete(name)
    else names.set(name, inode)
  }
}

const split = (path: string): [string, string] => {
  const at = path.lastIndexOf('/')
  return [path.slice(0, at), path.slice(at + 1)]
}
