/**
 * `node scripts/run.mjs scripts/record-terminal.ts FILE`: a session at a terminal as its user would
 * have it, with a real K2 on embedded defaults, as an asciicast (version 2,
 * https://docs.asciinema.org/manual/asciicast/v2/). Waits are shortened, nothing else.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ensureBuilt } from './build.mjs'

const projectRoot = resolve(import.meta.dirname, '..')
const [file] = process.argv.slice(2)
const port = 18_765
const url = `http://127.0.0.1:${port}`
const size = { width: 110, height: 32 }
/** A keystroke, a pause to read, and the longest that nothing happens. */
const [keySeconds, readSeconds, idleSecondsMax] = [0.03, 1.5, 1.2]
const readyMsMax = 120_000

interface Step {
  readonly shown: string
  /** What is run, where that is not what is shown. */
  readonly run?: string
}

const sql = 'SELECT symbol, count(*) AS trades, max(price) AS high FROM trades GROUP BY symbol'
const inject = '--level aggressive --expires 8 --reason "a look at shedding"'

const steps: readonly Step[] = [
  { shown: `curl -s '${url}/v1/trades?symbol=BTCUSDT&limit=2&format=csv'` },
  { shown: `npx k2 query candles --symbol BTCUSDT --limit 3 --url ${url}` },
  { shown: `npx k2 sql '${sql}' --url ${url}` },
  { shown: `npx k2 level inject ${inject} --url ${url}` },
  { shown: `npx k2 level --url ${url}`, run: `sleep 2; npx k2 level --url ${url}` },
  { shown: `npx k2 conservation --url ${url} | tail -n 1` }
]

const events: (readonly [number, 'o', string])[] = []
let seconds = 0
let lastMs = 0

const shown = (text: string): void => {
  events.push([Number(seconds.toFixed(3)), 'o', text.replaceAll(/\r?\n/g, '\r\n')])
}

/** What a program writes, when it writes it; a long silence is cut short. */
const heard = (text: string): void => {
  const nowMs = performance.now()
  seconds += Math.min((nowMs - lastMs) / 1_000, idleSecondsMax)
  lastMs = nowMs
  shown(text)
}

const typed = (command: string): void => {
  shown('\u001B[1;32m$\u001B[0m ')
  seconds += readSeconds / 2
  for (const key of command) {
    seconds += keySeconds
    shown(key)
  }
  shown('\n')
  lastMs = performance.now()
}

const environment = { ...process.env, FORCE_COLOR: '1', COLUMNS: String(size.width) }

const run = async ({ shown: command, run: program = command }: Step): Promise<void> => {
  typed(command)
  const child = spawn('bash', ['-c', program], { cwd: projectRoot, env: environment })
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', heard)
  const code = await new Promise((done) => child.once('close', done))
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}`)
  seconds += readSeconds
}

const ready = async (): Promise<void> => {
  const untilMs = performance.now() + readyMsMax
  while (performance.now() < untilMs) {
    const answer = await fetch(`${url}/v1/candles?symbol=BTCUSDT`).catch(() => undefined)
    const { data = [] } = ((await answer?.json()) ?? {}) as { readonly data?: readonly unknown[] }
    if (data.length > 1) return
    await pause(500)
  }
  throw new Error('K2 had no candles in time')
}

if (file === undefined) {
  console.error('record-terminal: name the file that the recording goes to')
  process.exit(2)
}
ensureBuilt()
const folder = mkdtempSync(join(tmpdir(), 'k2-recording-'))
const settings = { K2_HTTP_PORT: String(port), K2_SIMULATOR_RATE: '2000' }
typed(`${Object.entries(settings).map((it) => it.join('=')).join(' ')} npm start`)
const k2 = spawn(process.execPath, [join(projectRoot, 'dist', 'main.js')], {
  cwd: projectRoot,
  env: { ...process.env, ...settings, K2_DATA_DIR: folder }
})
k2.stdout.setEncoding('utf8').on('data', heard)
try {
  await ready()
  seconds += readSeconds
  shown('\n\u001B[2m# in another terminal\u001B[0m\n')
  for (const step of steps) await run(step)
} finally {
  k2.kill('SIGINT')
  await new Promise((done) => k2.once('close', done))
  rmSync(folder, { recursive: true, force: true })
}
const head = { version: 2, ...size, title: 'K2', env: { TERM: 'xterm-256color' } }
writeFileSync(file, [head, ...events].map((it) => `${JSON.stringify(it)}\n`).join(''))
console.log(`record-terminal: ${file}, ${seconds.toFixed(0)} s`)
