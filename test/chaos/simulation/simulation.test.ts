/** The simulation itself: a run is its seed, its promises hold, and its command line. */
import { describe, expect, test } from 'vitest'
import { readFlags } from '../../../chaos/simulation/flags.ts'
import { World } from '../../../chaos/simulation/world.ts'
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

describe('the command line', () => {
  test('has a thousand runs by default', () => {
    expect(readFlags([])).toEqual({ seed: undefined, seeds: 1_000, from: 1, untilBroken: false })
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
