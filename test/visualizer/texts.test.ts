/** What the page reads and writes as text. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cellsOf } from '../../src/visualizer/csv.ts'
import { eventsOf } from '../../src/visualizer/event-stream.ts'
import { bytes, duration, eventText, inUnit, short } from '../../src/visualizer/format.ts'
import { positionOf } from '../../src/visualizer/gauge-scale.ts'

const seed = Number(process.env['K2_SEED'] ?? Date.now() % 2 ** 31)

describe('CSV', () => {
  const quoted = (cell: string): string =>
    /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell

  test(`cells come back as they were written (K2_SEED=${seed})`, () => {
    const unit = fc.constantFrom('a', '1', '"', ',', '\n', '\r', ' ')
    const cell = fc.string({ unit, maxLength: 6 })
    const table = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(table, (rows) => {
        const text = rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('')
        expect(cellsOf(text)).toEqual(rows)
      }),
      { seed }
    )
  })
})

describe('the stream of events', () => {
  const read = async (pieces: readonly string[]) => {
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(encoder.encode(piece))
        controller.close()
      }
    })
    const events = []
    for await (const event of eventsOf(body)) events.push(event)
    return events
  }

  test(`is the same however it is cut (K2_SEED=${seed})`, async () => {
    const text =
      ': hello\n\nevent: frame\nid: 7\ndata: {"a":"ü"}\n\nevent: reset\ndata: {}\n\ndata: torn'
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length)), async (cuts) => {
        const at = [0, ...cuts.sort((one, other) => one - other), text.length]
        const pieces = at.slice(1).map((to, index) => text.slice(at[index], to))
        expect(await read(pieces)).toEqual([
          { event: 'frame', id: '7', data: '{"a":"ü"}' },
          { event: 'reset', id: null, data: '{}' }
        ])
      }),
      { seed }
    )
  })
})

test.each([
  [short(0), '0'],
  [short(999), '999'],
  [short(12_345), '12.3 k'],
  [short(-2_500_000), '-2.50 M'],
  [bytes(1_536), '1.5 KiB'],
  [inUnit(0.725, 'share'), '72.5 %'],
  [inUnit(0.0042, 'seconds'), '4.2 ms'],
  [inUnit(3, 'seconds'), '3 s'],
  [inUnit(null, 'bytes'), 'unknown'],
  [duration(61_000), '1 min 1 s'],
  [duration(7_260_000), '2 h 1 min'],
  [eventText('xstate.after.5000.feed.running'), 'after 5000 ms'],
  [eventText('xstate.done.actor.socket'), 'done: socket'],
  [eventText('pressure.sampled'), 'pressure.sampled']
])('%s', (text, wanted) => expect(text).toBe(wanted))

describe('the scale of a gauge', () => {
  const marks = [100_000, 500_000, 1_000_000, 5_000_000]

  test.each([
    [0, 0],
    [50_000, 0.1],
    [100_000, 0.2],
    [500_000, 0.4],
    [1_000_000, 0.6],
    [5_000_000, 0.8],
    [50_000_000, 1]
  ])('%s stands at %s', (value, wanted) => expect(positionOf(value, marks)).toBeCloseTo(wanted))

  test('a level that is off is left out', () => {
    expect(positionOf(10, [null, 10, null, 20])).toBeCloseTo(0.4)
    expect(positionOf(5, [null, null, null, null])).toBe(0)
  })

  test(`more is never shown as less (K2_SEED=${seed})`, () => {
    fc.assert(
      fc.property(fc.nat(9_000_000), fc.nat(9_000_000), (one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)]
        expect(positionOf(less, marks)).toBeLessThanOrEqual(positionOf(more, marks))
      }),
      { seed }
    )
  })
})
