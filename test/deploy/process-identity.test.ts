import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import {
  conditionOf,
  identityOf,
  parseStat,
  signalGroup
} from '../../deploy/local/process-identity.ts'
import { until } from '../support/until.ts'

const started = new Set<ChildProcess>()

afterEach(() => {
  for (const child of started) child.kill('SIGKILL')
  started.clear()
})

const startSleeper = async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  started.add(child)
  await once(child, 'spawn')
  return { child, identity: identityOf(child.pid!)! }
}

const msMax = 10_000

describe('the identity of a process', () => {
  test('is read from behind its name, whatever that contains', () => {
    const rest = Array.from({ length: 40 }, (_, index) => index + 4).join(' ')
    expect(parseStat(`17 (a) S) Z (b) T ${rest}\n`)).toEqual({ state: 'T', startTicks: '22' })
  })

  test('no process has the id: ended', async () => {
    const { child, identity } = await startSleeper()
    expect(conditionOf(identity)).toBe('running')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(conditionOf(identity)).toBe('ended')
    expect(signalGroup(identity, 'SIGKILL')).toBe(false)
  })

  test.each(['startTicks', 'bootId'] as const)(
    'another process has the id now (%s differs): ended, and it is not signalled',
    async (field) => {
      const { child, identity } = await startSleeper()
      const earlier = { ...identity, [field]: 'another' }
      expect(conditionOf(earlier)).toBe('ended')
      expect(signalGroup(earlier, 'SIGKILL')).toBe(false)
      expect(conditionOf(identity)).toBe('running')
      expect(child.signalCode).toBeNull()
    }
  )

  test('a stopped process is paused until it goes on', async () => {
    const { identity } = await startSleeper()
    const become = async (wanted: string) =>
      until(() => (conditionOf(identity) === wanted ? true : undefined), { what: wanted, msMax })
    expect(signalGroup(identity, 'SIGSTOP')).toBe(true)
    await become('paused')
    expect(signalGroup(identity, 'SIGCONT')).toBe(true)
    await become('running')
  })
})
