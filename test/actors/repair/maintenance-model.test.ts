/**
 * Landing, compaction, retention, expiry and orphan removal on one table at the same time, killed
 * at durable steps and lied to by the disk (R1, R9, R10, R19, R28, R32): whatever happens, the
 * table holds what has landed, once, and never forgets how far that was.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ageMsMin,
  type Faults,
  loadModules,
  MaintainedTable,
  type Modules,
  randomOf
} from './support/maintained-table.ts'

const sources = fileURLToPath(new URL('../../../src', import.meta.url))

interface Plan extends Faults {
  readonly seed: number
  readonly phases: number
}

const planOf: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  phases: fc.constant(10),
  killEvery: fc.constantFrom(15, 60, 1_000_000),
  loseEvery: fc.constantFrom(6, 20, 1_000_000)
})

/** In a phase all work at the same time; between phases time passes, and files are deleted. */
const play = async (modules: Modules, plan: Plan): Promise<MaintainedTable> => {
  const table = new MaintainedTable(modules, plan.seed)
  const random = randomOf(plan.seed ^ 0x5eed)
  table.heal()
  await Effect.runPromise(table.open())
  for (let phase = 0; phase < plan.phases; phase += 1) {
    table.break(plan)
    const landing = async () => {
      for (let commit = 0; commit < 8; commit += 1) await table.process(table.land)
    }
    await Promise.all([
      landing(),
      landing(),
      table.process(table.compact),
      ...(random(2) === 0 ? [table.process(table.compact)] : []),
      ...(random(3) === 0 ? [table.process(table.retain)] : []),
      ...(random(2) === 0 ? [table.process(table.removeOrphans)] : [])
    ])
    table.heal()
    await table.check()
    table.deleteRemoved()
    await table.check()
    table.clock.ms += random(3) * ageMsMin
  }
  return table
}

const numRuns = 6

describe('maintenance beside landing', () => {
  let modules: Modules
  beforeAll(async () => {
    modules = await loadModules(sources)
  })

  it('keeps what has landed, and in the end nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(planOf, async (plan) => {
        const table = await play(modules, plan)
        for (let round = 0; round < 20; round += 1) await table.process(table.compact)
        const done = table.compactions
        await table.process(table.compact)
        expect(table.compactions, 'a table that is laid out is left alone').toBe(done)
        expect(done).toBeGreaterThan(0)
        await table.check()
        // What clean-ups that were cut off have left is found once it is old enough.
        table.deleteRemoved()
        table.clock.ms += 2 * ageMsMin
        await table.process(table.removeOrphans)
        table.deleteRemoved()
        await table.check()
        table.deletedOrphans = 0
        await table.process(table.removeOrphans)
        expect(table.deletedOrphans).toBe(0)
      }),
      { numRuns, endOnFailure: true }
    )
  }, 170_000)

  it('gives up a group whose files are gone, and meets other commits', async () => {
    let abandoned = 0
    for (let seed = 0; seed < 3; seed += 1) {
      const plan = { seed, phases: 10, killEvery: 1_000_000, loseEvery: 1_000_000 }
      abandoned += (await play(modules, plan)).abandoned
    }
    expect(abandoned).toBeGreaterThan(0)
  }, 170_000)
})

/** A bug, as a change of a file below `src`. */
const bugs: readonly (readonly [what: string, file: string, from: string, to: string])[] = [
  [
    'a compaction that writes the offsets which it read while planning (R9)',
    'adapters/iceberg/replace-files.ts',
    'summary: state.carried',
    'summary: (planned ??= state.carried)'
  ],
  [
    'a compaction that does not look whether its inputs are still live',
    'adapters/iceberg/replace-files.ts',
    'if (gone.length > 0) {',
    'if (gone.length === request.replaced.length + 1) {'
  ],
  [
    'an orphan removal without age guard',
    'adapters/iceberg/orphans.ts',
    'modifiedMs < newestMs',
    'modifiedMs < Infinity'
  ],
  [
    'an orphan removal that does not know of states (R10)',
    'adapters/iceberg/orphans.ts',
    'for (const path of statePathsOf(snapshot)) named.push(stateLocation(table, path))',
    ''
  ],
  [
    'an orphan removal that looks at the current snapshot only',
    'adapters/iceberg/orphans.ts',
    'of metadata.snapshots)',
    'of metadata.snapshots.slice(-1))'
  ],
  [
    'a compaction that takes an unclear answer for a no (R19)',
    'actors/repair/compaction.ts',
    '(unknown) => resolve(table, request, unknown, unknownCount)',
    "() => Effect.succeed<Outcome>({ kind: 'inputs_gone', locations: [] })"
  ],
  [
    'a compaction that has replaced files deleted while snapshots name them (R28)',
    'actors/repair/compaction.ts',
    'ports.onRemoved(result.committed.removed.map(({ location }) => location))',
    'ports.onRemoved(request.replaced)'
  ]
]

describe('bugs that are planted are found', () => {
  const copy = mkdtempSync(join(sources, '..', '.planted-'))
  afterAll(() => rmSync(copy, { recursive: true }))

  it.each(bugs)('%s', async (what, file, from, to) => {
    const root = join(copy, String(bugs.findIndex(([known]) => known === what)))
    cpSync(sources, root, { recursive: true })
    const path = join(root, file)
    const text = readFileSync(path, 'utf8')
    expect(text).toContain(from)
    const state = to.includes('planned ??=') ? '\nlet planned: any\n' : ''
    writeFileSync(path, text.replace(from, to) + state)
    const modules = await loadModules(root)
    const found = await fc.check(
      fc.asyncProperty(planOf, async (plan) => {
        await play(modules, plan)
      }),
      { numRuns: 20, endOnFailure: true }
    )
    expect(found.failed).toBe(true)
  }, 170_000)
})
