/** Programs on stage that are ended while they still open it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { withoutSettings } from '../../chaos/without-settings.ts'
import { nodeFlags } from '../../scripts/node-flags.mjs'
import { until } from '../support/until.ts'

const msMax = 120_000

test.each([
  ['present', ['--port', '0'], 0],
  ['rehearse', ['--fast'], 1]
] as const)('%s ends at once, and leaves nothing', async (name, flags, code) => {
  const temporary = mkdtempSync(join(tmpdir(), 'k2-early-test-'))
  const program = join(process.cwd(), 'demo', name, 'main.ts')
  const child = spawn(process.execPath, [...nodeFlags, '--import', 'tsx', program, ...flags], {
    env: { ...withoutSettings(process.env), TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5 })
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (some: string) => (text += some))
  const seen = () => text
  const isOpening = () => (text.includes('starting the exchange') ? true : undefined)
  await until(isOpening, { what: 'the stage to be opened', msMax, seen })
  child.kill('SIGINT')
  const end = () => child.exitCode ?? child.signalCode ?? undefined
  expect(await until(end, { what: 'its end', msMax, seen }), text).toBe(code)
  expect(readdirSync(temporary).filter((it) => it.startsWith('k2-'))).toEqual([])
})
