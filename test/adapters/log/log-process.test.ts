import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../chaos/simulation/simulated-files.ts'
import { openLog, readAll, temporaryDirectory } from './log-support.ts'

const script = fileURLToPath(new URL('./log-writer-process.ts', import.meta.url))
const rounds = 4
const acksMax = 300

interface Writer {
  readonly child: ChildProcess
  /** Reads the child's lines until one fulfils the condition; the number of those read. */
  readonly readLines: (enough: (line: string) => boolean) => Promise<void>
  readonly end: () => Promise<void>
}

const startWriter = (directory: string, seed: number, onLine: (line: string) => void): Writer => {
  const child = spawn(process.execPath, ['--import', 'tsx', script, directory, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const closed = once(lines, 'close')
  const waiting = new Set<(line: string) => void>()
  lines.on('line', (line) => {
    onLine(line)
    for (const check of waiting) check(line)
  })
  return {
    child,
    readLines: (enough) =>
      new Promise((resolve, reject) => {
        const check = (line: string) => {
          if (!enough(line)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        void exited.then(() => reject(new Error('the writer ended by itself')))
      }),
    async end() {
      child.kill('SIGKILL')
      await exited
      await closed
    }
  }
}

const timeout = 120_000

describe('embedded log and its process', () => {
  it('has every acknowledged record after SIGKILL at any moment', { timeout }, async () => {
    const seed = Number(process.env['K2_TEST_SEED'] ?? Date.now() % 1_000_000)
    const random = seededRandom(seed)
    const directory = await temporaryDirectory()
    const acknowledged = new Map<number, string>()
    for (let round = 0; round < rounds; round++) {
      const writer = startWriter(directory, seed + 100 * round, (line) => {
        const [, offset, records, text] = /^(\d+) (\d+) (.+);$/.exec(line) ?? []
        for (let index = 0; index < Number(records ?? 0); index++) {
          acknowledged.set(Number(offset) + index, text!)
        }
      })
      let acks = 1 + Math.floor(random() * acksMax)
      await writer.readLines(() => acks-- === 0)
      await writer.end()
      const opened = await openLog(directory)
      expect(opened.events.map(({ type }) => type)).toContain('lock.recovered')
      const found = await readAll(opened.log)
      expect(found.map(([offset]) => offset)).toEqual(found.map((_, index) => index))
      const lost = [...acknowledged].filter(([offset, text]) => found[offset]?.[1] !== text)
      expect(lost, `seed ${seed}, round ${round}: set K2_TEST_SEED to repeat it`).toEqual([])
      await opened.close()
    }
    expect(acknowledged.size).toBeGreaterThan(rounds)
  })

  it('refuses a second live writer, in another process and in this one', async () => {
    const directory = await temporaryDirectory()
    const writer = startWriter(directory, 1, () => undefined)
    await writer.readLines((line) => line === 'ready')
    await expect(openLog(directory)).rejects.toMatchObject({
      _tag: 'LogInUse',
      pid: writer.child.pid
    })
    await writer.end()
    const opened = await openLog(directory)
    await expect(openLog(directory)).rejects.toMatchObject({ _tag: 'LogInUse', pid: process.pid })
    await opened.close()
    await (await openLog(directory)).close()
  })
})
