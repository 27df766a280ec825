/**
 * A machine with a page cache, for tests of what survives: implements the log's file port.
 *
 * 1. An operation takes effect when the test steps the machine, in any order between callers.
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

const sectorBytes = 64

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly size: number }

/** Names that change together: a rename changes two. */
type Naming = ReadonlyMap<string, Inode | undefined>

class Inode {
  durable: Buffer = Buffer.alloc(0)
  current: Buffer = Buffer.alloc(0)
  unsynced: Change[] = []

  change(change: Change): void {
    this.current = applied(this.current, change)
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
  readonly #directories = new Map<string, Directory>()
  #queue: (() => void)[] = []
  #process = 0

  constructor(random: () => number) {
    this.#random = random
  }

  get process(): number {
    return this.#process
  }

  /** Lets one waiting operation take effect. */
  step(): void {
    const [operation] = this.#queue.splice(Math.floor(this.#random() * this.#queue.length), 1)
    operation?.()
  }

  /**
   * Ends the running process; the cache stays. Its operations under way took effect, or did not.
   */
  kill(): void {
    while (this.#queue.length > 0) {
      if (this.#random() < 0.5) this.step()
      else this.#queue.splice(Math.floor(this.#random() * this.#queue.length), 1)
    }
    this.#process += 1
  }

  /** Ends the running process and loses what is not durable, wholly or in part (2). */
  powerCut(): void {
    this.kill()
    for (const directory of this.#directories.values()) {
      const names = new Map(directory.durable)
      for (const naming of directory.unsynced) if (this.#random() < 0.5) rename(names, naming)
      directory.current = names
      directory.durable = new Map(names)
      directory.unsynced = []
      for (const inode of new Set(names.values())) {
        this.#persistSome(inode)
        inode.current = Buffer.from(inode.durable)
      }
    }
  }

  /** The files as the running process sees them. */
  files(): LogFiles {
    const process = this.#process
    const run = <A>(operation: () => A) => this.#run(process, operation)
    return {
      makeDirectory: (path) =>
        run(() => {
          const made = { durable: new Map(), current: new Map(), unsynced: [] }
          if (!this.#directories.has(path)) this.#directories.set(path, made)
        }),
      syncDirectory: (path) =>
        run(() => {
          if (this.#fails('sync')) throw new Error('simulated: sync failed')
          const directory = this.#directory(path)
          directory.durable = new Map(directory.current)
          directory.unsynced = []
        }),
      list: (path) => run(() => [...this.#directory(path).current.keys()]),
      open: (path, mode) =>
        run(() => {
          if (mode !== 'create') return this.#file(process, this.#inode(path))
          if (this.#find(path) !== undefined) throw new FileExists(path)
          const inode = new Inode()
          this.#name(new Map([[path, inode]]))
          return this.#file(process, inode)
        }),
      link: (path, newPath) =>
        run(() => {
          if (this.#find(newPath) !== undefined) throw new FileExists(newPath)
          this.#name(new Map([[newPath, this.#inode(path)]]))
        }),
      rename: (path, newPath) =>
        run(() => {
          const inode = this.#inode(path)
          this.#name(new Map([[path, undefined], [newPath, inode]]))
        }),
      remove: (path) =>
        run(() => {
          this.#inode(path)
          this.#name(new Map([[path, undefined]]))
        })
    }
  }

  #file(process: number, inode: Inode): LogFile {
    const run = <A>(operation: () => A) => this.#run(process, operation)
    return {
      size: () => run(() => inode.current.length),
      read: (target, position) =>
        run(() => inode.current.copy(target, 0, Math.min(position, inode.current.length))),
      write: (buffers, position) =>
        run(() => {
          const bytes = Buffer.concat(buffers)
          const fails = this.#fails('write')
          const kept = fails ? bytes.subarray(0, Math.floor(this.#random() * bytes.length)) : bytes
          inode.change({ kind: 'write', position, bytes: kept })
          if (fails) throw new Error('simulated: no space left')
        }),
      truncate: (size) => run(() => inode.change({ kind: 'truncate', size })),
      sync: () =>
        run(() => {
          if (this.#fails('sync')) {
            this.#persistSome(inode)
            throw new Error('simulated: sync failed')
          }
          for (const change of inode.unsynced.splice(0)) {
            inode.durable = applied(inode.durable, change)
          }
        }),
      close: () => run(() => undefined)
    }
  }

  #run<A>(process: number, operation: () => A): Promise<A> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(operation())
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      if (process === this.#process) this.#queue.push(run)
    })
  }

  #fails(kind: 'sync' | 'write'): boolean {
    const at = this.failures.indexOf(kind)
    if (at >= 0) this.failures.splice(at, 1)
    return at >= 0
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
      if (luck < 0.6 || change.kind === 'truncate') inode.durable = applied(inode.durable, change)
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
        const torn = { kind: 'write', position: position + start, bytes: written } as const
        inode.durable = applied(inode.durable, torn)
      }
    }
  }
}

const applied = (content: Buffer, change: Change): Buffer => {
  const size =
    change.kind === 'truncate'
      ? change.size
      : Math.max(content.length, change.position + change.bytes.length)
  const next = Buffer.alloc(size)
  content.copy(next)
  if (change.kind === 'write') change.bytes.copy(next, change.position)
  return next
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
