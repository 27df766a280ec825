import { describe, expect, test } from 'vitest'
import { atLeast, atMost } from '../../bench/bars.ts'
import { type Figure, figureJson, Measures, noteLines, tableLines } from '../../bench/report.ts'

const figure = (overrides: Partial<Figure> = {}): Figure => ({
  id: 'stages',
  title: 'Stages',
  startedAt: '2026-11-23T06:00:00.000Z',
  outsideLoad: { loadAverage: [0.1, 0.2, 0.3], busyShare: 0.02, waitedSeconds: 2, isQuiet: true },
  busyShares: [0.02],
  measures: [{ name: 'parse', unit: 'records/s', values: [1_234_567.8, 1_000_000, 2_000_000] }],
  failures: [],
  notes: [],
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
      failures: [],
      notes: []
    })
  })

  test('notes of several runs stand once; the newest value can be read', () => {
    const measures = new Measures()
    measures.add('parse', 'records/s', 1)
    measures.add('parse', 'records/s', 3)
    measures.note('checked')
    measures.note('checked')
    expect(measures.outcome.notes).toEqual(['checked'])
    expect(noteLines([figure({ notes: ['checked'] })])).toEqual(['stages: checked'])
    expect(measures.last('parse')).toBe(3)
    expect(() => measures.last('encode')).toThrow(RangeError)
  })

  test('the table shows median, spread and count with the unit', () => {
    expect(tableLines([figure()])).toEqual([
      'figure  measure     median        min        max  n  unit       bar',
      '------  -------  ---------  ---------  ---------  -  ---------  ---',
      'stages  parse    1,234,568  1,000,000  2,000,000  3  records/s'
    ])
  })

  test('a bar and whether the median meets it stand beside the figure, and in the JSON', () => {
    const measures = new Measures()
    for (const value of [90, 160, 600]) measures.add('rate', '1/s', value, atLeast(500, 150))
    measures.add('delay', 'ms', 12, atMost(10))
    measures.add('rows', 'rows', 7)
    const judged = figure(measures.outcome)
    expect(tableLines([judged])).toEqual([
      'figure  measure  median  min  max  n  unit  bar',
      '------  -------  ------  ---  ---  -  ----  --------------  ---------',
      'stages  rate        160   90  600  3  1/s   ≥ 150, aim 500  floor met',
      'stages  delay        12   12   12  1  ms    ≤ 10            missed',
      'stages  rows          7    7    7  1  rows'
    ])
    expect(figureJson(judged).measures.map(({ bar }) => bar)).toEqual([
      { better: 'more', floor: 150, aim: 500, verdict: 'floor met' },
      { better: 'less', floor: 10, aim: 10, verdict: 'missed' },
      undefined
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
      busyShares: [0.02],
      measures: [
        { name: 'parse', median: 1_234_568, min: 1_000_000, max: 2_000_000, n: 3 }
      ]
    })
    expect(figureJson(figure({ failures: ['3 dead letters'] }))).toMatchObject({
      status: 'failed',
      failures: ['3 dead letters']
    })
  })

  test('histograms of several runs are one in the JSON, beside how many requests it is of', () => {
    const measures = new Measures()
    expect(figureJson(figure(measures.outcome))).not.toHaveProperty('histograms')
    measures.sampling = { requests: 2, warmUpRequests: 1 }
    for (const max of [1, 1.1]) {
      const bucket = { unit: 'ms', count: 2, max, end: 1.1892 } as const
      measures.histogram('read', { ...bucket, buckets: [[1, 2]] })
    }
    expect(figureJson(figure(measures.outcome))).toMatchObject({
      sampling: { requests: 2, warmUpRequests: 1 },
      histograms: { read: { count: 4, max: 1.1, buckets: [[1, 4]] } }
    })
  })

  test('small values keep four digits', () => {
    const { measures } = figureJson(
      figure({ measures: [{ name: 'p50', unit: 'ms', values: [0.123456] }] })
    )
    expect(measures[0]!.median).toBe(0.1235)
  })
})
