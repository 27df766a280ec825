/** A machine as a graph, and which arrows transitions took. */
import { expect, test } from 'vitest'
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

const edge = (source: string, event: string, target: string | null) => ({ source, event, target })

test('a transition lights its arrow, and those that led on at once', () => {
  const taken = [
    edge('ended', 'recover', 'check'),
    edge('check', '', 'off'),
    edge('', 'noise', null)
  ]
  expect([...edgesTaken({ taken })]).toEqual(['ended → check', 'check → off'])
  const ids = chart.edges.map(({ id }) => id)
  expect(ids).toEqual(expect.arrayContaining([...edgesTaken({ taken })]))
})

test('an arrow counts all of its ways, and what stays none', () => {
  const of = { path: 'root', of: 'kept' as const }
  const counts = edgeCounts([
    { ...of, ...edge('off', 'press', 'on'), count: 3 },
    { ...of, ...edge('off', 'turn', 'on'), count: 2 },
    { ...of, ...edge('on', 'press', 'off'), count: 1 },
    { ...of, ...edge('off', 'noise', null), count: 9 }
  ])
  expect([...counts]).toEqual([
    ['off → on', 5],
    ['on → off', 1]
  ])
})

test.each([
  ['on', 'on.low', true],
  ['on.low', 'on', false],
  ['o', 'on.low', false],
  ['b', 'a.x & b.y', true]
])('%s holds %s: %s', (state, at, wanted) => expect(isWithin(state, at)).toBe(wanted))
