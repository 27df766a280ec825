import { describe, expect, test } from 'vitest'
import { type Figure, figureJson, Measures, tableLines } from '../../bench/report.ts'

const figure = (overrides: Partial<Figure> = {}): Figure => ({
  id: 'stages',
  title: 'Stages',
  startedAt: '2026-11-23T06:00:00.000Z',
  outsideLoad: { loadAverage: [0.1, 0.2, 0.3], busyShare: 0.02, waitedSeconds: 2, isQuiet: true },
  measures: [{ name: 'parse', unit: 'records/s', values: [1_234_567.8, 1_000_000, 2_000_000] }],
  failures: [],
  ...overrides
})

describe('report', () => {
  test('values are collected by measure, in the order in which measures first came', () => {
    const measures = new Measures()
    measures.add('parse', 'records/s', 1)
    measures.add('append', 'MB/s', 5)
    measures.add('parse', 'records/s', 3)
    expect(measures.outcome).toEqual({
      measures: [
        { name: 'parse', unit: 'records/s', values: [1, 3] },
        { name: 'append', unit: 'MB/s', values: [5] }
      ],
      failures: []
    })
  })

  test('the table shows median, spread and count with the unit', () => {
    expect(tableLines([figure()])).toEqual([
      'figure  measure     median        min        max  n  unit',
      '------  -------  ---------  ---------  ---------  -  ---------',
      'stages  parse    1,234,568  1,000,000  2,000,000  3  records/s'
    ])
  })

  test('a failed figure shows why it failed, and none of its numbers', () => {
    const lines = tableLines([figure({ failures: ['run 2: 3 dead letters'] })])
    expect(lines.at(-1)).toBe('stages  FAILED: run 2: 3 dead letters')
    expect(lines.join('\n')).not.toContain('1,234,568')
  })

  test('the JSON says whether a figure failed, and how loaded the machine was', () => {
    expect(figureJson(figure())).toMatchObject({
      status: 'ok',
      outsideLoad: { isQuiet: true },
      measures: [
        { name: 'parse', median: 1_234_568, min: 1_000_000, max: 2_000_000, n: 3 }
      ]
    })
    expect(figureJson(figure({ failures: ['3 dead letters'] }))).toMatchObject({
      status: 'failed',
      failures: ['3 dead letters']
    })
  })

  test('small values keep four digits', () => {
    const { measures } = figureJson(
      figure({ measures: [{ name: 'p50', unit: 'ms', values: [0.123456] }] })
    )
    expect(measures[0]!.median).toBe(0.1235)
  })
})
