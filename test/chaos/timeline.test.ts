import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Timeline } from '../../chaos/timeline.ts'

test('each event is a line of the file at once, and one for a person', () => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-timeline-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'timeline.ndjson')
  const printed: string[] = []
  const timeline = new Timeline(file, (line) => printed.push(line))
  timeline.note('strike broker-kill', { holdMs: 12 })
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2)
  timeline.note('healed')
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { atMs: expect.any(Number), what: 'strike broker-kill', holdMs: 12 },
    { atMs: expect.any(Number), what: 'healed' }
  ])
  expect(printed[0]).toMatch(/^ +\d+\.\d s {2}strike broker-kill holdMs=12$/)
  expect(printed[1]).toMatch(/^ +\d+\.\d s {2}healed$/)
})
