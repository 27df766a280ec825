/**
 * The commit protocol under crashes, lost answers and other writers, with the embedded catalog (R1,
 * R9, R19, R30, R32).
 */
import * as fc from 'fast-check'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import { describe, expect, it } from 'vitest'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import { checkLanding, embeddedSite, planOf } from './landing-model.ts'
import {
  batch,
  Killed,
  landedRanges,
  makeWorld,
  openTable,
  recordedOffset
} from './support.ts'

const run = Effect.runPromise
const durable = new Set(['writeNew', 'publish', 'remove'])

describe('a crash at each durable step of a commit', () => {
  const steps = Array.from({ length: 6 }, (_, step) => step).flatMap(
    (step) =>
      [
        [step, 'before'],
        [step, 'after']
      ] as const
  )

  it.each(steps)('step %i, %s it takes effect', async (step, when) => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    await run(commitAppend(table, batch('c2', [1, null, 70])))
    let count = 0
    world.files[when] = (operation) => {
      if (!durable.has(operation)) return null
      count += 1
      if (count > step) throw new Killed()
      return null
    }
    const exit = await Effect.runPromiseExit(commitAppend(table, batch('c3', [0, 100, 200])))
    world.files[when] = () => null
    // A new process: nothing but the files is left.
    const again = await run(openTable(makeWorld('again', world.files)))
    const recorded = await run(recordedOffset(again, 0))
    if (Exit.isSuccess(exit)) expect(recorded).toBe(200)
    if (recorded === 100) await run(commitAppend(again, batch('c4', [0, 100, 200])))
    expect(await run(landedRanges(again))).toEqual(['0:0-100', '0:100-200', '1:0-70'])
    expect(await run(recordedOffset(again, 1))).toBe(70)
  })
})

describe('two landers and retention, interleaved, killed and lied to', () => {
  it('land every offset once and never go back', async () => {
    await fc.assert(
      fc.asyncProperty(planOf, (plan) => checkLanding(plan, embeddedSite())),
      { numRuns: 15 }
    )
  }, 120_000)
})
