/** Who started what by npm, and how it ends. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

test('a shell of npm that is killed takes what it runs with it, as SIGTERM would', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-entry-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const entry = join(folder, 'entry.mjs')
  writeFileSync(
    entry,
    `process.on('SIGTERM', () => { console.log('drained'); process.exit(0) })
     setInterval(() => undefined, 1_000)
     console.log('pid ' + process.pid)`
  )
  const script = `
    import { startEntry } from ${JSON.stringify(join(projectRoot, 'scripts', 'start-entry.mjs'))}
    startEntry(${JSON.stringify(entry)}, [])`
  const starter = join(folder, 'starter.mjs')
  writeFileSync(starter, script)
  // Two commands: no shell becomes the first of them.
  const shell = spawn('sh', ['-c', `"${process.execPath}" "${starter}"; true`], {
    env: { ...process.env, npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const lines: string[] = []
  for await (const line of createInterface({ input: shell.stdout })) {
    lines.push(line.replace(/\d+/, 'N'))
    if (line.startsWith('pid')) {
      const pid = Number(line.slice(4))
      onTestFinished(() => {
        if (lines.length === 1) process.kill(pid)
      })
      shell.kill('SIGKILL')
    }
  }
  expect(lines).toEqual(['pid N', 'drained'])
}, 60_000)
