import { expect, test } from 'vitest'
import { memoryBytesMax } from '../../../src/adapters/telemetry/memory-limit.ts'

const GiB = 1_024 ** 3

test.each([
  ['what is configured', 8 * GiB, 1 * GiB, 8 * GiB],
  ['a smaller control group', undefined, 1 * GiB, 1 * GiB],
  ['a larger control group', undefined, 8 * GiB, 2 * GiB],
  ['no control group', undefined, 0, 2 * GiB],
  ['an unlimited control group', undefined, 2 ** 63, 2 * GiB]
])('%s', (_what, configured, constrained, expected) => {
  expect(memoryBytesMax(configured, constrained)).toBe(expected)
})

test('without either it is at most 2 GiB', () => {
  expect(memoryBytesMax(undefined)).toBeLessThanOrEqual(2 * GiB)
  expect(memoryBytesMax(undefined)).toBeGreaterThan(0)
})
