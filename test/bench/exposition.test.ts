import { expect, test } from 'vitest'
import { parseExposition, quantileMax, sumOf } from '../../bench/exposition.ts'

const text = `# HELP k2_feed_frames_total Frames received, by what they were.
# TYPE k2_feed_frames_total counter
k2_feed_frames_total{feed="feed:binance",kind="trade"} 120
k2_feed_frames_total{feed="feed:other",kind="trade"} 3
k2_feed_frames_total{feed="feed:binance",kind="control"} 1
k2_log_disk_bytes 1.5e+9
k2_odd{text="a \\"quoted\\", name=\\"b\\""} 7
`

test('samples are summed by name and labels', () => {
  const samples = parseExposition(text)
  expect(sumOf(samples, 'k2_feed_frames_total')).toBe(124)
  expect(sumOf(samples, 'k2_feed_frames_total', { kind: 'trade' })).toBe(123)
  expect(sumOf(samples, 'k2_feed_frames_total', { kind: 'trade', feed: 'feed:other' })).toBe(3)
  expect(sumOf(samples, 'k2_log_disk_bytes')).toBe(1.5e9)
  expect(sumOf(samples, 'k2_absent')).toBe(0)
})

test('quotes and commas inside a label stay inside', () => {
  const odd = parseExposition(text).find(({ name }) => name === 'k2_odd')!
  expect(Object.keys(odd.labels)).toEqual(['text'])
})

test('a quantile is of what was observed between the looks', () => {
  const look = (counts: readonly number[]) =>
    parseExposition(
      ['0.1', '0.5', '10', '+Inf']
        .map((le, index) => `k2_took_seconds_bucket{le="${le}",topic="t"} ${counts[index]}`)
        .join('\n')
    )
  const before = look([50, 50, 50, 50])
  expect(quantileMax('k2_took_seconds', [before, look([149, 150, 150, 150])], 0.99)).toBe(0.1)
  expect(quantileMax('k2_took_seconds', [before, look([148, 149, 150, 150])], 0.99)).toBe(0.5)
  expect(quantileMax('k2_took_seconds', [before, look([50, 50, 50, 150])], 0.99)).toBe(Infinity)
  expect(quantileMax('k2_took_seconds', [before, before], 0.99)).toBeNaN()
})
