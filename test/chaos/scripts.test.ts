import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { scenarios } from '../../chaos/scenarios.ts'
import { chosenFor, scenarioNames, seedOf } from '../../scripts/chaos-scenarios.mjs'

const commits = fc.stringMatching(/^[0-9a-f]{40}$/)

describe('chaos of a commit', () => {
  test('the scripts know every scenario', () => {
    expect(scenarioNames.toSorted()).toEqual(Object.keys(scenarios).toSorted())
  })

  test('is broker-kill and two others, always the same for the same commit', () => {
    fc.assert(
      fc.property(commits, (commit) => {
        const chosen = chosenFor(commit, scenarioNames)
        expect(chosen[0]).toBe('broker-kill')
        expect(new Set(chosen).size).toBe(3)
        expect(chosenFor(commit, scenarioNames)).toEqual(chosen)
        for (const name of chosen) {
          expect(seedOf(commit, name)).toBeGreaterThanOrEqual(1)
          expect(seedOf(commit, name)).toBeLessThanOrEqual(2 ** 31)
        }
      })
    )
  })

  test('over many commits, every scenario has its turn', () => {
    const seen = new Set<string>()
    for (let count = 0; count < 200; count += 1) {
      for (const name of chosenFor(String(count), scenarioNames)) seen.add(name)
    }
    expect([...seen].toSorted()).toEqual(scenarioNames.toSorted())
  })
})
