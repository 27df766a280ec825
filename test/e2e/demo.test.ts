/**
 * The demonstration as its users run it, without Kafka: to its end, killed half way, and judged by
 * an oracle that looks for one trade more than there is.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { judgeTable } from '../../demo/judge.ts'
import { parseEpisode } from '../../src/visualizer/parse-episode.ts'
import { runMsMax, startDemo } from '../support/demo-process.ts'
import { until } from '../support/until.ts'

const testMsMax = 600_000

/** Processes that a process has started. */
const childrenOf = (pid: number): readonly number[] =>
  execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .split('\n')
    .map(Number)
    .filter((child) => child > 0 && isAlive(child))

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Metadata of the table that a run has kept. */
const metadataOf = (folder: string): string => {
  const pointers = join(folder, 'data', 'warehouse', '_catalog', 'market', 'trades')
  const newest = readdirSync(pointers).filter((name) => name.endsWith('.json')).sort().at(-1)!
  const { 'metadata-location': location } = JSON.parse(
    readFileSync(join(pointers, newest), 'utf8')
  ) as { readonly 'metadata-location': string }
  return location.replace('s3://', `${join(folder, 'objects')}/`)
}

test(
  'every promise holds, the report says so, and one trade more would have been found',
  async () => {
    const demo = startDemo('--embedded', '--fast', '--keep', '--seed', '5')
    expect(await demo.ended(), demo.output()).toBe(0)
    const page = demo.report()
    expect(page).toContain('Every promise held')
    expect(page).toContain('kill -9 of K2')
    expect(page.match(/<b>aggressive<\/b>/g)?.length).toBeGreaterThanOrEqual(1)
    expect(page).not.toContain('class="badge broken"')
    expect(page).not.toContain('class="badge not-tried"')
    expect(page).toContain('href="report-episode.json"')
    const episode = parseEpisode(demo.episode())
    expect(episode.changes().length).toBeGreaterThan(0)
    expect(episode.now.actors.size).toBeGreaterThan(30)

    const folder = demo.folder()
    const judged = {
      issued: join(folder, 'issued'),
      metadataFile: metadataOf(folder),
      objects: join(folder, 'objects')
    }
    expect(await judgeTable(judged)).toMatchObject({ lost: 0, duplicate: 0, wrong: 0 })
    const trades = join(folder, 'issued', 'trades.csv')
    const [symbol, id] = readFileSync(trades, 'utf8').trimEnd().split('\n').at(-1)!.split(',')
    appendFileSync(trades, `${symbol},${Number(id) + 1},1,1,1800000000000,1800000000000,1\n`)
    expect(await judgeTable(judged)).toMatchObject({ lost: 1, duplicate: 0, wrong: 0 })
  },
  testMsMax
)

test(
  'ended half way it says so, exits with another code, and leaves no process',
  async () => {
    const demo = startDemo('--embedded', '--fast')
    await until(() => (demo.output().includes('— flood') ? true : undefined), {
      what: 'the flood', msMax: runMsMax, seen: demo.output
    })
    const children = childrenOf(demo.child.pid!)
    expect(children.length).toBeGreaterThanOrEqual(2)
    // As with Ctrl-C: from the terminal, and from who started it.
    for (const _ of [1, 2]) demo.child.kill('SIGTERM')
    expect(await demo.ended(), demo.output()).toBe(143)
    expect(demo.report()).toContain('The run was broken off: it was ended (SIGTERM)')
    expect(demo.report()).not.toContain('Every promise held')
    expect(children.filter(isAlive)).toEqual([])
  },
  testMsMax
)

test(
  'killed itself, what it started ends as well',
  async () => {
    const demo = startDemo('--embedded', '--fast')
    await until(() => (demo.output().includes('— measuring') ? true : undefined), {
      what: 'a K2 that runs', msMax: runMsMax, seen: demo.output
    })
    const children = childrenOf(demo.child.pid!)
    expect(children.length).toBeGreaterThanOrEqual(2)
    demo.child.kill('SIGKILL')
    await until(() => (children.some(isAlive) ? undefined : true), {
      what: 'the end of what it started', msMax: 120_000, seen: () => children.join()
    })
  },
  testMsMax
)

test(
  'a K2 that dies breaks it off',
  async () => {
    const demo = startDemo('--embedded', '--fast')
    await until(() => (demo.output().includes('— measuring') ? true : undefined), {
      what: 'a K2 that runs', msMax: runMsMax, seen: demo.output
    })
    for (const child of childrenOf(demo.child.pid!)) process.kill(child, 'SIGKILL')
    expect(await demo.ended(), demo.output()).toBe(1)
    expect(demo.report()).toMatch(/The run was broken off: (?:K2|the exchange) ended by itself/)
  },
  testMsMax
)

test('wrong flags end it with 2', async () => {
  const demo = startDemo('--fats')
  expect(await demo.ended()).toBe(2)
  expect(demo.output()).toContain('"--fats" is no flag')
})
