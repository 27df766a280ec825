import { describe, expect, test } from 'vitest'
import { atLeast, atMost, type Bar, barText, type Verdict, verdictOf } from '../../bench/bars.ts'

describe('bars', () => {
  test.each<[Bar, number, Verdict]>([
    [atLeast(500_000, 150_000), 500_000, 'met'],
    [atLeast(500_000, 150_000), 499_999, 'floor met'],
    [atLeast(500_000, 150_000), 150_000, 'floor met'],
    [atLeast(500_000, 150_000), 149_999, 'missed'],
    [atMost(1.2), 1.2, 'met'],
    [atMost(1.2), 1.21, 'missed'],
    [atMost(3), -1, 'met']
  ])('%j at %d is %s', (bar, value, verdict) => {
    expect(verdictOf(bar, value)).toBe(verdict)
  })

  test('a bar reads as a person writes it', () => {
    expect(barText(atLeast(500_000, 150_000))).toBe('≥ 150,000, aim 500,000')
    expect(barText(atMost(1.2))).toBe('≤ 1.2')
  })
})
