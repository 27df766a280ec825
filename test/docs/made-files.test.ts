import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { Latencies } from '../../bench/latencies.ts'
import { latencySvg } from '../../scripts/docs/latency-svg.ts'
import { madePaths, makeFile } from '../../scripts/docs/made-files.ts'

const root = resolve(import.meta.dirname, '..', '..')

test.each(madePaths)('%s is what the results say (npm run docs)', (path) => {
  expect(readFileSync(join(root, path), 'utf8')).toBe(makeFile(root, path))
})

const row = (values: readonly number[]) => {
  const latencies = new Latencies()
  for (const value of values) latencies.record(value)
  return {
    title: 'some_query',
    detail: 'of <all> & more',
    histogram: latencies.json,
    marks: { p50: 2, p95: 4, p99: 8 }
  }
}

const numbers = (svg: string, pattern: RegExp) =>
  [...svg.matchAll(pattern)].map(([, number]) => Number(number))

test('each bucket is a bar, the fullest is the highest, and texts are escaped', () => {
  const [ones, tens] = [Array.from({ length: 90 }, () => 1), Array.from({ length: 10 }, () => 10)]
  const svg = latencySvg('Heading', 'source', [row([...ones, ...tens])])
  const heights = numbers(svg, /class="bar".*height="([\d.]+)"/g)
  expect(heights.filter((height) => height > 0)).toEqual([62, 20.7]) // a third: root of a ninth
  expect(svg).toContain('of &lt;all&gt; &amp; more')
  expect(svg).toContain('prefers-color-scheme: dark')
})

test('the axis is one for all rows: what took twice as long is as far to the right in each', () => {
  const svg = latencySvg('Heading', 'source', [row([1, 1, 50]), row([1, 400])])
  const [p50, p95, p99] = numbers(svg, /class="p\d\d" x1="([\d.]+)"/g) as [number, number, number]
  expect(p95 - p50).toBeCloseTo(p99 - p95, 0)
  const places = numbers(svg, /class="p50" x1="([\d.]+)"/g)
  expect(places[0]).toBe(places[1])
})
