import { describe, expect, test } from 'vitest'
import { rounded, short } from '../../demo/charts.ts'
import { newRecord } from '../../demo/record.ts'
import { reportOf } from '../../demo/report.ts'
import { goodRecord, sampleAt, startMs } from './support/record.ts'

describe('the report', () => {
  const page = reportOf(goodRecord())

  test('needs nothing beside it', () => {
    expect(page).not.toMatch(/\b(?:src|href)=/)
    expect(page).not.toMatch(/https?:|@import|url\(|<script/)
  })

  test('is readable in light and dark, and on a phone', () => {
    expect(page).toContain('prefers-color-scheme: dark')
    expect(page).toContain('width=device-width')
  })

  test('tells verdict, figures, every transition with its reason, and where faults struck', () => {
    expect(page).toContain('Every promise held')
    expect(page).toContain('lag:trades took it from graceful to aggressive')
    expect(page).toContain('0 lost of 400000')
    expect(page.match(/<svg/g)).toHaveLength(7)
    expect(page.match(/class="fault" x1/g)).toHaveLength(7)
    expect(page).toContain('kill -9 of Kafka')
    expect(page).toContain('npm run demo -- --seed 7')
  })

  test('of a run that was broken off says so, and nothing of what did not happen', () => {
    const record = newRecord({ variant: 'kafka', seed: 7, isFast: true, startedMs: startMs })
    record.ending = { type: 'broken_off', why: 'it was interrupted (SIGINT)' }
    const early = reportOf(record)
    expect(early).toContain('The run was broken off: it was interrupted (SIGINT)')
    expect(early).toContain('It came to: setting up')
    expect(early).toContain('Nothing was seen')
    expect(early).toContain('The level did not change')
    expect(early).not.toContain('Every promise held')
    expect(early).not.toContain('class="badge held"')
    expect(early).not.toContain('Kafka was killed')
  })

  test('of a broken promise says so', () => {
    const found = { ...goodRecord().found!, lost: 2, examples: ['BTCUSDT 7, issued <b>'] }
    const broken = reportOf(goodRecord({ found }))
    expect(broken).toContain('A promise was broken')
    expect(broken).toContain('BTCUSDT 7, issued &lt;b&gt;')
  })

  test('shows a silence as a gap in the line', () => {
    const samples = [
      sampleAt(1), sampleAt(2), sampleAt(3, { level: null, k2: null, signals: [] }), sampleAt(4),
      sampleAt(5)
    ]
    const [level] = /<path class="line a" d="([^"]*)"/.exec(reportOf(goodRecord({ samples }))) ?? []
    expect(level?.match(/M/g)).toHaveLength(2)
  })
})

test.each([
  [0.3, 0.4],
  [1, 1],
  [7, 8],
  [23, 40],
  [99, 100],
  [70_000, 80_000]
])('%d goes up to %d', (value, expected) => {
  expect(rounded(value)).toBeCloseTo(expected)
})

test.each([
  [0, '0'],
  [950, '950'],
  [1_500, '1.5 k'],
  [2_000_000, '2 M']
])('%d is %s', (value, expected) => {
  expect(short(value)).toBe(expected)
})
