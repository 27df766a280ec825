/** Which test files a commit's check runs. */
import * as fc from 'fast-check'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  core,
  type Durations,
  learned,
  longSeconds,
  planFor
} from '../../scripts/test-plan.mjs'

const names = Array.from({ length: 40 }, (_, index) => `test/${index}.test.ts`)
const files = [...core, ...names]
const commit = fc.stringMatching(/^[0-9a-f]{40}$/)
const durations = fc
  .array(fc.integer({ min: 1, max: 300 }), { minLength: names.length, maxLength: names.length })
  .map((all) => ({
    workers: 2,
    otherSeconds: 2,
    seconds: Object.fromEntries(names.map((name, index) => [name, all[index]!]))
  }))

test('property: none of the core, none that is short, and within the budget', () => {
  fc.assert(
    fc.property(commit, durations, fc.integer({ min: 300, max: 3_000 }), (hash, known, budget) => {
      const { left, expectedSeconds } = planFor({
        commit: hash, files, durations: known, budgetSeconds: budget
      })
      const secondsOf = (file: string) => known.seconds[file] ?? known.otherSeconds
      const isAlways = (file: string) => core.includes(file) || secondsOf(file) < longSeconds
      expect(left.filter(isAlways)).toEqual([])
      expect(expectedSeconds).toBeLessThanOrEqual(budget)
      // What was left out would not have fitted.
      for (const file of left)
        expect(expectedSeconds + secondsOf(file) / 2).toBeGreaterThan(budget - 1)
    })
  )
})

test('each long one has its turn, the same at the same commit', () => {
  const known = {
    workers: 2,
    otherSeconds: 1,
    seconds: Object.fromEntries(names.map((name) => [name, 30]))
  }
  const ran = new Set<string>()
  for (let turn = 0; turn < 60; turn++) {
    const options = { commit: `commit ${turn}`, files, durations: known, budgetSeconds: 150 }
    const { left } = planFor(options)
    expect(planFor(options).left).toEqual(left)
    for (const file of names) if (!left.includes(file)) ran.add(file)
  }
  expect(ran.size).toBe(names.length)
})

test('durations are learned: long ones by name, with what no file accounts for', () => {
  const at = (name: string, startTime: number, endTime: number) => ({
    name: `/k2/${name}`, startTime, endTime
  })
  const report = {
    startTime: 0,
    testResults: [
      at('test/long.test.ts', 1_000, 31_000),
      at('test/short.test.ts', 1_000, 2_000),
      at('test/faster.test.ts', 32_000, 33_000)
    ]
  }
  const before = {
    workers: 2,
    otherSeconds: 9,
    seconds: { 'test/faster.test.ts': 50, 'test/other.test.ts': 70 }
  }
  // 33 s of one worker, 32 of them in tests: a third of a second around each.
  expect(learned({ report, before, workers: 1 })).toEqual({
    workers: 1,
    otherSeconds: 1.3,
    seconds: { 'test/long.test.ts': 30, 'test/other.test.ts': 70 }
  })
})

test('what is named is there', () => {
  const { seconds } = JSON.parse(readFileSync('.ci/durations.json', 'utf8')) as Durations
  const gone = [...core, ...Object.keys(seconds)].filter((file) => !existsSync(file))
  expect(gone).toEqual([])
})
