/**
 * SIGKILL before and after each durable step of a commit: after the next start the table has what
 * the log has, exactly once, and nothing that was committed is gone. Log and catalog are embedded;
 * where they are services: `fault-points-services.test.ts`.
 *
 * Where `kill.test.ts` strikes at any moment, this strikes at every point of the protocol, in a
 * commit that a seed picks. `K2_KILL_SEED` repeats a run.
 */
import { describe, test } from 'vitest'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { Exactness } from '../support/exactness.ts'
import { embeddedSwap, pointsOf, seed, strike, trades, writing } from '../support/fault-points.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { withSource } from '../support/venue.ts'

const k2s = k2Fixture()

describe(`embedded log and catalog (K2_KILL_SEED=${seed})`, () => {
  test.each(pointsOf([...writing, ...embeddedSwap]))(
    'killed $when $step number $nth',
    async (point) => {
      const dataFolder = k2s.dataFolder()
      const exactness = new Exactness(dataFolder, trades)
      await withSource(
        makeGeneratorSource({ seed, rate: 5_000 }),
        async (venue) => {
          const place = { settings: { K2_DATA_DIR: dataFolder }, exactness }
          await strike({ k2s, venue, place }, point)
        },
        { speed: 1 }
      )
    }
  )
})
