/** A dashboard as a picture: what Prometheus answered is drawn, whatever it was. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Board, dashboardSvg } from '../../demo/pictures/dashboard-svg.ts'

const board: Board = {
  title: 'K2: test',
  panels: [
    ['timeseries', 'Lag <of> "topics" & more', 'short'],
    ['stat', 'Level', 'none'],
    ['state-timeline', 'Level over time', 'none']
  ].map(([type = '', title = '', unit = ''], at) => ({
    id: at + 1,
    type,
    title,
    gridPos: { x: 0, y: at * 8, w: 24, h: 8 },
    fieldConfig: {
      defaults: {
        unit,
        thresholds: {
          steps: [
            { value: null, color: 'green' },
            { value: 2, color: 'red' }
          ]
        },
        mappings: [{ options: { '0': { text: 'normal' }, '3': { text: 'aggressive' } } }]
      }
    },
    targets: [{ expr: 'x', legendFormat: 'of {{topic}}' }]
  }))
}

const drawn = (values: readonly (readonly [number, string])[], topic = 'trades'): string => {
  const series = [{ metric: { topic }, values }]
  return dashboardSvg(board, new Map([1, 2, 3].map((id) => [id, [series]])), [0, 10])
}

test('lines, the newest number by its name and color, and states by theirs', () => {
  const svg = drawn([
    [0, '0'],
    [4, '0'],
    [5, '3'],
    [10, '3']
  ])
  expect(svg).toContain('Lag &lt;of> &quot;topics&quot; &amp; more')
  expect(svg).toMatch(/<polyline points="[\d., ]+" class="line"/)
  expect(svg).toMatch(/class="number" style="fill:#e15759">aggressive</)
  expect(svg.match(/<title>(\w+)<\/title>/g)).toEqual([
    '<title>normal</title>',
    '<title>aggressive</title>'
  ])
  expect(svg).toContain('of trades')
})

test('whatever the values and names are, every tag closes and every number is one', () => {
  const value = fc.oneof(
    fc.double({ min: -1e15, max: 1e15 }).map(String),
    fc.constantFrom('NaN', '+Inf', '-Inf', '0', '1e300')
  )
  const points = fc.array(value, { maxLength: 11 })
  fc.assert(
    fc.property(points, fc.string(), (values, topic) => {
      const svg = drawn(values.map((text, at) => [at, text] as const), topic)
      expect(svg).not.toMatch(/(?:x|y|width|height|points|x1|y2)="[^"]*(?:NaN|Infinity)/)
      const open = svg.match(/<(?:svg|text|style|rect|title)\b[^>]*(?<!\/)>/g)?.length
      expect(svg.match(/<\/(?:svg|text|style|rect|title)>/g)?.length).toBe(open)
    })
  )
})
