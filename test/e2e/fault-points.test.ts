/**
 * SIGKILL before and after each durable step of a commit: after the next start the table has what
 * the log has, exactly once, and nothing that was committed is gone.
 *
 * Where `kill.test.ts` strikes at any moment, this strikes at every point of the protocol, in a
 * commit that a seed picks. `K2_KILL_SEED` repeats a run.
 */
import { randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { checkedData, Exactness } from '../support/exactness.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { settingsOf, withSource } from '../support/venue.ts'

const k2s = k2Fixture()

const seed = Number(process.env['K2_KILL_SEED'] ?? randomInt(2 ** 31))
const [trades] = checkedData('binance')
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const commitsMax = 5

/** In the order in which an embedded catalog needs them; some are under way at the same time. */
const steps = [
  'data-file',
  'state',
  'manifest',
  'manifest-list',
  'metadata',
  'staged-swap',
  'swap'
] as const

const points = steps.flatMap((step, index) =>
  (['before', 'after'] as const).map((when, side) => ({
    step,
    when,
    // The first metadata and swap make the table.
    nth: 2 + ((seed + 2 * index + side) % commitsMax)
  }))
)

describe(`embedded log and catalog (K2_KILL_SEED=${seed})`, () => {
  test.each(points)('killed $when $step number $nth', async ({ step, when, nth }) => {
    const dataFolder = k2s.dataFolder()
    const exactness = new Exactness(dataFolder, trades)
    await withSource(
      makeGeneratorSource({ seed, rate: 5_000 }),
      async (venue) => {
        const settings = {
          ...settingsOf(venue, symbols),
          K2_DATA_DIR: dataFolder,
          K2_DATA_TYPES: 'trades',
          K2_COMMIT_AGE: '100ms'
        }
        const struck = k2s.start(settings, {
          preload: {
            module: new URL('../support/fault-point.mjs', import.meta.url),
            env: { FAULT_POINT: `trades/${step}/${when}/${nth}` }
          }
        })
        expect(await struck.exit(), struck.describe()).toEqual({ code: null, signal: 'SIGKILL' })
        const before = await exactness.check(0)
        expect(before.logged).toBeGreaterThan(0)

        const next = k2s.start(settings)
        await next.atLeast('k2_landed_records', before.logged + 1, { topic: trades.topic })
        next.kill('SIGINT')
        expect(await next.exit(), next.describe()).toEqual({ code: 0, signal: null })
        const after = await exactness.check(before.logged + 1)
        expect(after.landed).toBe(after.logged)
      },
      { speed: 1 }
    )
  })
})
