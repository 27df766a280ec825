/** Single faults against a K2 that runs, as a presenter would do them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { k2Fixture, type K2Settings } from '../support/k2-process.ts'

const k2s = k2Fixture()
const projectRoot = resolve(import.meta.dirname, '..', '..')
const testMsMax = 400_000

const simulate = async (...args: readonly string[]) => {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(projectRoot, 'demo', 'simulate.ts'), ...args],
    { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] }
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

const started = async (settings: K2Settings = {}): Promise<string> => {
  const k2 = k2s.start({
    K2_DATA_DIR: k2s.dataFolder(),
    K2_DATA_TYPES: 'trades',
    K2_REFERENCE_INTERVAL: 'off',
    K2_COMMIT_AGE: '500ms',
    K2_DEGRADATION_INTERVAL: '250ms',
    K2_DEGRADATION_COOLDOWN: '1s',
    ...settings
  })
  const url = await k2.ready()
  await k2.atLeast('k2_landed_records', 50)
  return url
}

test(
  'what was measured is shown before and after, and everything is undone',
  async () => {
    const url = await started()
    const status = await simulate('--status', '--url', url)
    expect(status).toMatchObject({ code: 0 })
    expect(status.output).toMatch(/level {5}normal/)

    const cut = await simulate('disconnect', '--url', url, '--seconds', '120')
    expect(cut, cut.output).toMatchObject({ code: 0 })
    expect(cut.output).toMatch(/before[^]*disconnect[^]*trades come in again[^]*after/)

    const pressed = await simulate('memory', '--level', 'soft', '--seconds', '60', '--url', url)
    expect(pressed, pressed.output).toMatchObject({ code: 0 })
    expect(pressed.output).toContain('normal → soft: injected is 70.0 %')

    const flooded = await simulate('lag', '--times', '20', '--seconds', '2', '--url', url)
    expect(flooded, flooded.output).toMatchObject({ code: 0 })
    expect(flooded.output).toContain('the exchange is 20 times as busy for 2 s')

    const well = await simulate('recover', '--status', '--seconds', '120', '--url', url)
    expect(well, well.output).toMatchObject({ code: 0 })
    expect(well.output).toMatch(/after[^]*level {5}normal[^]*now/)
  },
  testMsMax
)

test(
  'what cannot be done is told, with what helps',
  async () => {
    const url = await started()
    const lost = await simulate('broker-loss', '--url', url)
    expect(lost).toMatchObject({ code: 2 })
    expect(lost.output).toContain('this K2 uses the embedded log')
    const nobody = await simulate('lag', '--url', 'http://127.0.0.1:1')
    expect(nobody).toMatchObject({ code: 2 })
    expect(nobody.output).toContain('nobody answers at http://127.0.0.1:1')
    const gone = await simulate('disconnect', '--url', url, '--exchange', 'http://127.0.0.1:1')
    expect(gone).toMatchObject({ code: 2 })
    expect(gone.output).toContain('nobody answers at http://127.0.0.1:1/control/faults')
  },
  testMsMax
)
