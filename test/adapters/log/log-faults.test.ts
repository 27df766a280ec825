import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { describe, expect, it } from 'vitest'
import { nodeFiles } from '../../../src/adapters/log/node-files.ts'
import type { LogFiles } from '../../../src/adapters/log/log-files.ts'
import { acquireWriterLock, type LogProcess } from '../../../src/adapters/log/writer-lock.ts'
import { openLog, packed, readAll, temporaryDirectory, topic } from './log-support.ts'

const { runPromise, flip } = Effect

/** Files whose next sync of a file does what the test says, once. */
const withSync = (sync: () => Promise<void>) => {
  const faults: (() => Promise<void>)[] = []
  const files: LogFiles = {
    ...nodeFiles,
    async open(path, mode) {
      const file = await nodeFiles.open(path, mode)
      return { ...file, sync: () => (faults.shift() ?? file.sync)() }
    }
  }
  return { files, arm: () => faults.push(sync) }
}

describe('a failed fsync', () => {
  it('fails its group and what waits behind it, until the log is opened again', async () => {
    const directory = await temporaryDirectory()
    const disk = withSync(() => Promise.reject(new Error('EIO')))
    const opened = await openLog(directory, { files: disk.files, limits: { flushDelayMs: 0 } })
    const append = (value: string) => opened.log.append(topic, 0, packed(value))
    await runPromise(append('before'))
    disk.arm()
    const failures = await Promise.all([
      runPromise(flip(append('in the group'))),
      runPromise(flip(append('behind it')))
    ])
    expect(failures.map(({ _tag }) => _tag)).toEqual(['LogUnavailable', 'LogUnavailable'])
    expect((await runPromise(flip(append('later')))).message).toContain('open the log again: EIO')
    expect(opened.events.at(-1)).toMatchObject({ type: 'append.failed', batches: 2, topic })
    expect(await runPromise(opened.log.bounds(topic, 0))).toEqual({ startOffset: 0, durableEnd: 1 })
    expect(await readAll(opened.log)).toEqual([[0, 'before']])
    expect(opened.log.usage().pendingBytes).toBe(0)
    await opened.close()
    const again = await openLog(directory)
    const end = (await readAll(again.log)).length
    const after = await runPromise(again.log.append(topic, 0, packed('after')))
    expect(after).toEqual({ baseOffset: end })
    await again.close()
  })
})

describe('an interrupted append', () => {
  it('gives its place up while it waits, and is not written', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const disk = withSync(() => held)
    const limits = { flushDelayMs: 0, pendingBytesMax: 200 }
    const opened = await openLog(await temporaryDirectory(), { files: disk.files, limits })
    const append = (value: string) => opened.log.append(topic, 0, packed(value.padEnd(120, '.')))
    disk.arm()
    const first = Effect.runFork(append('first'))
    const second = Effect.runFork(append('second'))
    const third = Effect.runFork(append('third'))
    await runPromise(Fiber.interrupt(second))
    release()
    expect(await runPromise(Fiber.join(first))).toEqual({ baseOffset: 0 })
    expect(await runPromise(Fiber.join(third))).toEqual({ baseOffset: 1 })
    const values = (await readAll(opened.log)).map(([, value]) => value.replaceAll('.', ''))
    expect(values).toEqual(['first', 'third'])
    await opened.close()
  })
})

describe('writer lock', () => {
  const processes = (alive: readonly number[]) => {
    let ids = 0
    return (pid: number): LogProcess => ({
      self: { pid, incarnation: `start-${pid}` },
      isAlive: (mark) => Promise.resolve(alive.includes(mark.pid)),
      uniqueId: () => `${pid}-${ids++}`
    })
  }

  it('goes to one of several processes that find a dead owner', async () => {
    const directory = await temporaryDirectory()
    const contenders = [2, 3, 4, 5]
    const make = processes(contenders)
    await acquireWriterLock(nodeFiles, make(1), directory)
    const outcomes = await Promise.allSettled(
      contenders.map((pid) => acquireWriterLock(nodeFiles, make(pid), directory))
    )
    const winners = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : []
    )
    const holding = await Promise.all(winners.map((lock) => lock.isHeld()))
    expect(holding.filter(Boolean)).toHaveLength(1)
    await winners[holding.indexOf(true)]!.release()
    expect(await nodeFiles.list(directory)).toEqual([])
  })

  it('does not take a process for its predecessor with the same id', async () => {
    const directory = await temporaryDirectory()
    const old: LogProcess = { ...processes([])(7), self: { pid: 7, incarnation: 'before' } }
    await acquireWriterLock(nodeFiles, old, directory)
    const { nodeProcess } = await import('../../../src/adapters/log/node-process.ts')
    const self = await nodeProcess()
    expect(await self.isAlive(self.self)).toBe(true)
    expect(await self.isAlive({ pid: self.self.pid, incarnation: 'before' })).toBe(false)
    const lock = await acquireWriterLock(nodeFiles, self, directory)
    expect(lock.recoveredFrom).toEqual({ pid: 7, incarnation: 'before' })
    await lock.release()
  })
})
