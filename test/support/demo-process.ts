/** The demonstration as its users run it, in a process of its own that ends with its test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { until } from './until.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')
export const runMsMax = 400_000

interface Demo {
  readonly child: ChildProcess
  readonly output: () => string
  readonly report: () => string
  /** What it keeps for the page. */
  readonly episode: () => string
  readonly folder: () => string
  /** Exit code, or the signal that ended it. */
  readonly ended: (msMax?: number) => Promise<number | string>
}

export const startDemo = (...flags: readonly string[]): Demo => {
  const temporary = mkdtempSync(join(tmpdir(), 'k2-demo-test-'))
  const report = join(temporary, 'report.html')
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(projectRoot, 'demo', 'main.ts'), ...flags, '--report', report],
    { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env } }
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text))
  const end = () => child.exitCode ?? child.signalCode ?? undefined
  const folder = () => /, in (\S+)$/m.exec(output)?.[1] ?? ''
  onTestFinished(() => {
    child.kill('SIGKILL')
    for (const made of [temporary, folder()])
      if (made !== '') rmSync(made, { recursive: true, force: true, maxRetries: 5 })
  })
  return {
    child,
    output: () => output,
    report: () => readFileSync(report, 'utf8'),
    episode: () => readFileSync(join(temporary, 'report-episode.json'), 'utf8'),
    folder,
    ended: (msMax = runMsMax) =>
      until(end, { what: 'the end of the demonstration', msMax, seen: () => output })
  }
}
