/** A machine as a graph, and which arrow a change of state took. */
import { describe, expect, test } from 'vitest'
import { chartOf, edgeCounts, edgesTaken, isWithin } from '../../src/visualizer/chart-model.ts'
import { switchMachine } from './support/episodes.ts'

const chart = chartOf(switchMachine)

test('ways between the same states are one arrow, what stays has none', () => {
  const texts = chart.edges.map(({ id, ways }) => [id, ways.map(({ lines }) => lines.join(' '))])
  expect(texts).toEqual([
    [' → ended', ['end']],
    ['off → on', ['press [hasPower]', 'turn']],
    ['on → off', ['press']],
    ['on.low → on.high', ['more']],
    ['ended → check', ['recover']],
    ['check → off', ['always [isSafe]']],
    ['check → ended', ['always']]
  ])
  expect(chart.root.children[0]!.notes).toEqual(['stays: noise'])
})

describe('the arrow of a change', () => {
  test.each([
    ['off', 'press', 'on.low', ['off → on']],
    ['on.high', 'press', 'off', ['on → off']],
    ['on.low', 'more', 'on.high', ['on.low → on.high']],
    ['on.low', 'end', 'ended', [' → ended']],
    // Its end was left at once.
    ['ended', 'recover', 'off', ['ended → check', 'check → off']],
    ['off', 'noise', 'off', []]
  ])('%s, %s, %s: %s', (from, event, to, wanted) => {
    expect(edgesTaken(chart.edges, { from, event, to }).map(({ id }) => id)).toEqual(wanted)
  })

  test('they are counted', () => {
    const of = { path: 'root', of: 'kept' as const, event: 'press' }
    const counts = edgeCounts(chart, [
      { ...of, from: 'off', to: 'on.low', count: 3 },
      { ...of, event: 'turn', from: 'off', to: 'on.low', count: 2 },
      { ...of, from: 'on.low', to: 'off', count: 1 }
    ])
    expect([...counts]).toEqual([
      ['off → on', 5],
      ['on → off', 1]
    ])
  })
})

test.each([
  ['on', 'on.low', true],
  ['on.low', 'on', false],
  ['o', 'on.low', false],
  ['b', 'a.x & b.y', true]
])('%s holds %s: %s', (state, at, wanted) => expect(isWithin(state, at)).toBe(wanted))
