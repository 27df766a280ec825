import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withInstallLock } from '../../deploy/local/install/install-lock.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'k2-lock-'))
})

afterEach(async () => rm(folder, { recursive: true }))

const lockModule = pathToFileURL(
  join(import.meta.dirname, '..', '..', 'deploy', 'local', 'install', 'install-lock.ts')
)

/** Another process that takes the lock, says so, and keeps it until it is killed. */
const holderOf = async (file: string) => {
  const program = `
    const { withInstallLock } = await import(${JSON.stringify(lockModule.href)})
    await withInstallLock(${JSON.stringify(file)}, async () => {
      console.log('holds')
      await new Promise((resolve) => setTimeout(resolve, 600_000))
    })`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await once(child.stdout, 'data')
  return child
}

test('work of several callers does not overlap', async () => {
  const file = join(folder, 'not', 'there', 'yet.lock')
  const steps: string[] = []
  const work = async (name: string) =>
    withInstallLock(file, async () => {
      steps.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      steps.push(`${name} ends`)
      return name
    })
  const names = ['one', 'two', 'three']
  expect(await Promise.all(names.map(work))).toEqual(names)
  for (let index = 0; index < steps.length; index += 2) {
    expect(steps[index + 1]).toBe(steps[index]!.replace('begins', 'ends'))
  }
  expect(steps).toHaveLength(6)
})

test('what the work throws is thrown, and the next one gets its turn', async () => {
  const file = join(folder, 'a.lock')
  const failing = withInstallLock(file, async () => Promise.reject(new Error('no network')))
  await expect(failing).rejects.toThrow('no network')
  expect(await withInstallLock(file, async () => 'done')).toBe('done')
})

test('another process is waited for, and one that is killed holds nothing', async () => {
  const file = join(folder, 'b.lock')
  const holder = await holderOf(file)
  const steps: string[] = []
  const mine = withInstallLock(file, async () => void steps.push('mine'))
  // Longer than the lock takes to get, so that a lock that did not hold would be seen.
  await withInstallLock(join(folder, 'other.lock'), async () => undefined)
  await withInstallLock(join(folder, 'other.lock'), async () => undefined)
  expect(steps).toEqual([])
  holder.kill('SIGKILL')
  await mine
  expect(steps).toEqual(['mine'])
})
