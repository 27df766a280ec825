/** `k2 load` in a process of its own, which is killed at a durable step (`fault-point.mjs`). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { nodeFlags } from '../../scripts/node-flags.mjs'

export const killLoad = async (args: readonly string[], faultPoint: string): Promise<void> => {
  const faults = new URL('./fault-point.mjs', import.meta.url).href
  const program = ['--import', faults, join(import.meta.dirname, '../../dist/cli/k2.js')]
  const killed = spawn(process.execPath, [...nodeFlags, ...program, ...args], {
    stdio: 'ignore',
    // Not those of the tests: K2 takes no variable of its name for nothing.
    env: { PATH: process.env['PATH'], FAULT_POINT: faultPoint }
  })
  onTestFinished(() => void killed.kill('SIGKILL'))
  expect(await once(killed, 'exit')).toEqual([null, 'SIGKILL'])
}
