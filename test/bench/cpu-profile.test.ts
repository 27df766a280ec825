import { describe, expect, test } from 'vitest'
import { type CpuProfile, summariseProfile } from '../../bench/cpu-profile.ts'

const node = (id: number, functionName: string, url = '', lineNumber = 0) => ({
  id,
  callFrame: { functionName, url, lineNumber }
})

const profile: CpuProfile = {
  nodes: [
    node(1, '(root)'),
    node(2, '(idle)'),
    node(3, 'parse', 'file:///k2/dist/a.js', 9),
    node(4, '', 'file:///k2/dist/a.js', 19),
    node(5, 'send', 'file:///k2/node_modules/ws/lib/sender.js', 4),
    node(6, 'flush', 'file:///k2/node_modules/@duckdb/node-api/lib/x.js', 0),
    node(7, '(garbage collector)'),
    // The same function, called from elsewhere.
    node(8, 'parse', 'file:///k2/dist/a.js', 9)
  ],
  samples: [2, 3, 4, 5, 6, 7, 8, 2],
  timeDeltas: [1_000, 2_000, 500, 250, 250, 1_000, 1_000, 4_000]
}

describe('summary of a CPU profile', () => {
  const summary = summariseProfile(profile, '/k2')

  test('waiting is told apart, and shares are of the work', () => {
    expect(summary).toMatchObject({ totalMs: 10, idleMs: 5 })
    const total = summary.functions.reduce((sum, { share }) => sum + share, 0)
    expect(total).toBeCloseTo(1)
  })

  test('functions by name and place, whoever called them', () => {
    expect(summary.functions.slice(0, 3)).toEqual([
      { name: 'parse  dist/a.js:10', ms: 3, share: 0.6 },
      { name: '(garbage collector)', ms: 1, share: 0.2 },
      { name: '(anonymous)  dist/a.js:20', ms: 0.5, share: 0.1 }
    ])
  })

  test('files, packages as a whole', () => {
    expect(summary.files.map(({ name, ms }) => [name, ms])).toEqual([
      ['dist/a.js', 3.5],
      ['(garbage collector)', 1],
      ['ws', 0.25],
      ['@duckdb/node-api', 0.25]
    ])
  })

  test('an idle profile has no shares to divide', () => {
    const idle = { ...profile, samples: [2], timeDeltas: [7] }
    expect(summariseProfile(idle, '/k2')).toMatchObject({ functions: [], files: [] })
  })
})
