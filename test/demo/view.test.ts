import { describe, expect, test } from 'vitest'
import { newRecord } from '../../demo/record.ts'
import { openScreen } from '../../demo/screen.ts'
import { sparkline } from '../../demo/sparkline.ts'
import { ratesOf, screenOf, statusLine } from '../../demo/view.ts'
import { goodRecord, sampleAt, startMs } from './support/record.ts'

describe('a sparkline', () => {
  test.each([
    [[0, 1, 2, 3, 4, 5, 6, 7], 8, undefined, '▁▂▃▄▅▆▇█'],
    [[7], 4, undefined, '   █'],
    [[0, 0], 2, undefined, '▁▁'],
    [[], 3, undefined, '   '],
    [[1, null, 1], 3, undefined, '█ █'],
    [[1, 2, 3], 2, undefined, '▆█'],
    [[5, 10, 20], 3, 10, '▅██'],
    [[-1, 1], 2, undefined, '▁█']
  ])('of %j, %i wide, up to %s', (values, width, max, expected) => {
    expect(sparkline(values, width, max)).toBe(expected)
  })
})

describe('rates', () => {
  const at = (seconds: number, landed: number | null) =>
    sampleAt(seconds, landed === null ? { k2: null } : { k2: { landed } })
  test.each([
    [[at(0, 0), at(2, 500)], [250]],
    [[at(0, 0), at(1, null), at(2, 10)], [null, null]],
    [[at(0, 900), at(1, 5)], [null]],
    [[at(0, 1)], []],
    [[], []]
  ])('of %#', (samples, expected) => {
    expect(ratesOf(samples, ({ k2 }) => k2?.landed ?? null)).toEqual(expected)
  })
})

describe('the screen', () => {
  const options = { nowMs: startMs + 66_000, columns: 100, hasColor: false }

  test('shows act, level, signals and ledger', () => {
    const record = goodRecord()
    record.samples.push(sampleAt(103, { level: 'graceful', k2: { shed: 12_345 } }))
    const lines = screenOf(record, options)
    expect(lines[0]).toContain('■■■■■■■■■■  10/10  the verdict  1:06')
    expect(lines.find((it) => it.startsWith('level'))).toContain('[graceful]')
    expect(lines.find((it) => it.startsWith('ledger'))).toContain('12,345 shed')
    for (const label of ['lag', 'memory', 'in flight', 'issued', 'landed', 'healed'])
      expect(lines.some((it) => it.startsWith(label))).toBe(true)
    expect(lines.at(-1)).toContain('▼ soft → normal')
  })

  test('says where nobody answers', () => {
    const record = newRecord({ variant: 'kafka', seed: 1, isFast: false, startedMs: startMs })
    expect(screenOf(record, options).join('\n')).toContain('no answer')
    record.samples.push(sampleAt(1, { level: null, k2: null, signals: [], issued: null }))
    expect(screenOf(record, options).join('\n')).toContain('no answer')
    expect(statusLine(record)).toContain('level unknown')
  })

  test.each([20, 40, 100, 400])('is never wider than %i columns', (columns) => {
    for (const line of screenOf(goodRecord(), { ...options, columns }))
      expect(line.length).toBeLessThanOrEqual(columns)
  })

  test('is written in place on a terminal, and line by line elsewhere', () => {
    const written = (isTTY: boolean) => {
      const texts: string[] = []
      const record = goodRecord()
      const screen = openScreen(record, { isTTY, columns: 80, write: (it) => texts.push(it) })
      for (const mark of record.marks) screen.mark(mark)
      for (const change of record.transitions) screen.transition(change)
      screen.refresh()
      screen.close()
      return texts.join('')
    }
    expect(written(true)).toContain('\u001B[')
    const plain = written(false)
    expect(plain).not.toContain('\u001B')
    expect(plain).toContain('0:32  ✗ kill -9 of Kafka')
    expect(plain.trimEnd().split('\n')).toHaveLength(10)
  })
})
