/** A small disk for K2's data folders: a tmpfs, filled by a file of nothing and freed again. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const chunk = Buffer.alloc(1_024 * 1_024)

export class LabDisk {
  readonly #folder: string
  readonly #bytes: number | undefined
  #isMounted = false
  /** At the end of this process nobody waits, and those that write there end as well. */
  readonly #unmountAtExit = () => execFileSync('umount', ['--lazy', this.#folder])

  /** @param bytes undefined: no disk of its own */
  constructor(folder: string, bytes: number | undefined) {
    this.#folder = folder
    this.#bytes = bytes
  }

  /** @throws Error that says what it takes, where this user may not mount */
  async mount(): Promise<void> {
    if (this.#bytes === undefined) return
    await mkdir(this.#folder, { recursive: true })
    const size = `size=${this.#bytes}`
    try {
      await run('mount', ['-t', 'tmpfs', '-o', size, 'k2-chaos', this.#folder])
    } catch (error) {
      const remedy = 'a small disk is a tmpfs, which takes root to mount: run this as root'
      throw new Error(`${remedy} (${(error as Error).message})`, { cause: error })
    }
    this.#isMounted = true
    process.once('exit', this.#unmountAtExit)
  }

  /** Until nothing is left; what filled it before stays. */
  async fill(): Promise<void> {
    if (!this.#isMounted) throw new Error('only a disk of its own may be filled')
    const { bavail, bsize } = await statfs(this.#folder)
    const ballast = await open(this.#ballast, 'a')
    try {
      for (let left = bavail * bsize; left > 0; left -= chunk.length) {
        await ballast.write(chunk.subarray(0, Math.min(left, chunk.length)))
      }
    } catch (error) {
      // Full already: others write here as well.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      await ballast.close()
    }
  }

  async free(): Promise<void> {
    await rm(this.#ballast, { force: true })
  }

  async unmount(): Promise<void> {
    if (!this.#isMounted) return
    await run('umount', [this.#folder])
    this.#isMounted = false
    process.removeListener('exit', this.#unmountAtExit)
  }

  get #ballast(): string {
    return join(this.#folder, 'ballast')
  }
}
