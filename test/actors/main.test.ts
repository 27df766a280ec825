import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const folder = mkdtempSync(join(tmpdir(), 'k2-main-'))
const ended: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ended) await end()
  rmSync(folder, { recursive: true, force: true })
})

test('a terminal that goes away drains: neither its signal nor its pipes kill', async () => {
  const child = spawn(
    process.execPath,
    [join(projectRoot, 'dist', 'main.js')],
    {
      cwd: projectRoot,
      env: { K2_HTTP_PORT: '0', K2_DATA_DIR: folder, K2_LOG_LEVEL: 'debug' },
      stdio: ['ignore', 'pipe', 'pipe']
    }
  )
  const exited = new Promise<unknown>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  ended.push(() => (child.kill('SIGKILL'), exited))
  child.stderr.resume()
  const running = new Promise<string>((resolve) => {
    child.stdout.on('data', (bytes: Buffer) => {
      if (bytes.includes('Ctrl-C')) resolve('running')
    })
  })
  expect(await Promise.race([running, exited])).toBe('running')
  child.stdout.destroy()
  child.stderr.destroy()
  child.kill('SIGHUP')
  expect(await exited).toEqual({ code: 0, signal: null })
})
