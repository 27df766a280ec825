/** The simulation itself: a run is its seed, its promises hold, and its command line. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Broken } from '../../../chaos/simulation/broken.ts'
import type { Component } from '../../../chaos/simulation/component.ts'
import { readFlags } from '../../../chaos/simulation/flags.ts'
import { sharesOf } from '../../../chaos/simulation/seeds.ts'
import { World } from '../../../chaos/simulation/world.ts'
import { worker } from '../../../src/actors/supervisor-actor.ts'
import { simulate } from './support/planted-sources.ts'

const logOf = async (seed: number): Promise<readonly string[]> => {
  const lines: string[] = []
  await new World(seed, { write: (line) => lines.push(line) }).run()
  return lines
}

describe('a run', () => {
  test.each([1, 4, 9])('of seed %i has the same log each time', async (seed) => {
    const first = await logOf(seed)
    // What ran in between must leave no trace.
    await logOf(seed + 1)
    expect(await logOf(seed)).toEqual(first)
    expect(first.length).toBeGreaterThan(500)
  })

  test('has the same log in another process, byte for byte', async () => {
    const [one, other] = await Promise.all([simulate(['--seed', '3']), simulate(['--seed', '3'])])
    expect(one).toEqual(other)
    expect(one.code).toBe(0)
    expect(one.output).toBe(`${(await logOf(3)).join('\n')}\n`)
  })

  test('goes on as it does without a log', async () => {
    const traced = await new World(5, { write: () => undefined }).run()
    expect(await new World(5, {}).run()).toEqual(traced)
  })

  test('differs from that of another seed', async () => {
    expect(await logOf(1)).not.toEqual(await logOf(2))
  })
})

describe('some runs', () => {
  test('keep every promise', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      expect(await new World(seed, {}).run()).toMatchObject({ seed, broken: undefined })
    }
  })
})

describe('a component', () => {
  test('runs in the tree of each process, and is asked after every event', async () => {
    const running = new Set<string>()
    const probe: Component = {
      name: 'probe',
      children: ({ fromEffect, process, shared }) => ({
        components: [
          worker(
            { id: 'probe', ready: 'started' },
            fromEffect(({ path }) =>
              Effect.flatMap(shared.trades.publisher.get, () => {
                running.add(`${process.name} ${path}`)
                return Effect.never
              })
            )
          )
        ]
      }),
      check: ({ environment }) => {
        if (environment.scheduler.nowMs > 2_000) throw new Broken('the probe has seen enough')
      }
    }
    const report = await new World(2, { components: [probe] }).run()
    expect(report.broken).toBe('the probe has seen enough')
    expect(report.simulatedMs).toBeLessThan(2_200)
    expect([...running]).toEqual([expect.stringMatching(/^k2#\d+ root\/components\/probe$/)])
  })
})

describe('many seeds', () => {
  test('fail where what must be reached is not, and name it', async () => {
    const { code, output } = await simulate(['--seeds', '1'])
    expect(code).toBe(1)
    const lines = output.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^1 runs in .+, 0 broken$/)
    expect(lines.slice(1).every((line) => line.startsWith('never reached: '))).toBe(true)
  })

  test('come to the same, however many processes share them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-simulation-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const totals = async (jobs: number) => {
      const file = join(folder, `${jobs}.json`)
      await simulate(['--seeds', '5', '--from', '11', '--jobs', `${jobs}`, '--out', file])
      const read = JSON.parse(readFileSync(file, 'utf8')) as { readonly at: string }
      const { at: _at, ...counted } = read
      return counted
    }
    const alone = await totals(1)
    expect(alone).toMatchObject({ runs: 5, from: 11, broken: 0 })
    expect(await totals(2)).toEqual(alone)
  })

  test('property: shares are all of the seeds, in their order', () => {
    const upTo = (max: number) => fc.integer({ min: 1, max })
    const numbers = { seeds: upTo(500), jobs: upTo(9) }
    fc.assert(
      fc.property(fc.record(numbers), ({ seeds, jobs }) => {
        const shares = sharesOf({ seeds, from: 7, untilBroken: false }, jobs)
        const all = shares.flatMap((it) => Array.from({ length: it.seeds }, (_, i) => it.from + i))
        expect(all).toEqual(Array.from({ length: seeds }, (_, index) => 7 + index))
        expect(shares.every((it) => it.seeds > 0)).toBe(true)
        expect(sharesOf({ seeds, from: 7, untilBroken: true }, jobs)).toHaveLength(1)
      })
    )
  })
})

describe('the command line', () => {
  test('has a thousand runs by default', () => {
    expect(readFlags([])).toMatchObject({
      seed: undefined,
      seeds: 1_000,
      from: 1,
      untilBroken: false,
      out: undefined,
      isShare: false
    })
  })

  test('replays one seed', () => {
    expect(readFlags(['--seed', '7'])).toMatchObject({ seed: 7 })
  })

  test.each([
    [['--seed', 'x'], /--seed is "x"/],
    [['--seeds', '0'], /--seeds is "0"/],
    [['--seed', '1', '--seeds', '2'], /give one of them/],
    [['--sed', '1'], /--sed/]
  ])('refuses %j', (args, problem) => {
    const flags = readFlags(args)
    expect(flags).toMatchObject({ problems: [expect.stringMatching(problem)] })
  })
})
