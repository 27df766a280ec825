/** Candles of a symbol, with the times shaded for which trades are missing. */
import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit-html'

export interface Candle {
  readonly interval_start: string
  readonly interval_end: string
  readonly open_price: string
  readonly high_price: string
  readonly low_price: string
  readonly close_price: string
  readonly volume: string
  readonly trade_count: number
  readonly state: 'complete' | 'provisional' | 'gap'
}

export interface Gap {
  readonly state: 'open' | 'closed'
  readonly reason: string
  readonly after_time: string | null
  readonly before_time: string | null
  readonly count: number
}

const width = 860
const height = 260
const left = 74
const bottom = 22
/** A few candles are no wider than many. */
const stepsMin = 40

interface Scale {
  readonly x: (ms: number) => number
  readonly y: (price: number) => number
  readonly candleWidth: number
}

/** Prices are drawn as doubles; what is read of them is their text. */
export const candlesChart = (
  candles: readonly Candle[],
  gaps: readonly Gap[]
): TemplateResult => {
  if (candles.length === 0) return html`<p class="empty">No candles of this symbol yet.</p>`
  const toMs = Date.parse(candles.at(-1)!.interval_end)
  const stepMs = toMs - Date.parse(candles.at(-1)!.interval_start)
  const fromMs = Math.min(Date.parse(candles[0]!.interval_start), toMs - stepsMin * stepMs)
  const low = Math.min(...candles.map((it) => Number(it.low_price)))
  const high = Math.max(...candles.map((it) => Number(it.high_price)))
  const span = high - low || 1
  const scale: Scale = {
    x: (ms) => left + ((ms - fromMs) / (toMs - fromMs)) * (width - left),
    y: (price) => 8 + (1 - (price - low) / span) * (height - bottom - 16),
    candleWidth: Math.max(1.5, ((width - left) * stepMs) / (toMs - fromMs) - 2)
  }
  const newest = candles.at(-1)!
  return html`
    <svg
      class="candles"
      viewBox=${`0 0 ${width} ${height}`}
      role="img"
      aria-label=${`${candles.length} candles; the newest closes at ${newest.close_price}`}
    >
      ${gaps.map((gap) => gapView(gap, scale, { fromMs, toMs }))}
      ${[low, low + span / 2, high].map((price) => gridView(price, scale))}
      ${candles.map((candle) => candleView(candle, scale))}
      ${[fromMs, toMs].map(
        (ms, index) => svg`<text
          class="axis"
          x=${scale.x(ms)}
          y=${height - 5}
          text-anchor=${index === 0 ? 'start' : 'end'}
        >${new Date(ms).toISOString().slice(0, 16)}</text>`
      )}
    </svg>
  `
}

const gridView = (price: number, { y }: Scale): SVGTemplateResult => svg`
  <line class="grid" x1=${left} x2=${width} y1=${y(price)} y2=${y(price)}></line>
  <text class="axis" x=${left - 6} y=${y(price) + 4} text-anchor="end">
    ${price.toPrecision(7)}
  </text>
`

const candleView = (candle: Candle, { x, y, candleWidth }: Scale): SVGTemplateResult => {
  const start = x(Date.parse(candle.interval_start)) + 1
  const [open, close] = [y(Number(candle.open_price)), y(Number(candle.close_price))]
  const isUp = close <= open
  const middle = start + candleWidth / 2
  const [high, low] = [y(Number(candle.high_price)), y(Number(candle.low_price))]
  return svg`
    <g class=${`candle ${isUp ? 'up' : 'down'} ${candle.state}`}>
      <title>${textOf(candle)}</title>
      <line x1=${middle} x2=${middle} y1=${high} y2=${low}></line>
      <rect
        x=${start}
        y=${Math.min(open, close)}
        width=${candleWidth}
        height=${Math.max(1, Math.abs(open - close))}
      ></rect>
    </g>
  `
}

const textOf = (candle: Candle): string =>
  [
    candle.interval_start,
    `open ${candle.open_price}, high ${candle.high_price}`,
    `low ${candle.low_price}, close ${candle.close_price}`,
    `volume ${candle.volume}, ${candle.trade_count} trades, ${candle.state}`
  ].join('\n')

const gapView = (
  { state, reason, count, after_time: after, before_time: before }: Gap,
  { x }: Scale,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }
): SVGTemplateResult | string => {
  const startMs = after === null ? fromMs : Date.parse(after)
  const endMs = before === null ? toMs : Date.parse(before)
  if (endMs < fromMs || startMs > toMs) return ''
  const start = x(Math.max(startMs, fromMs))
  const end = x(Math.min(endMs, toMs))
  return svg`<rect
    class=${`gap ${state}`}
    x=${start}
    y="0"
    width=${Math.max(2, end - start)}
    height=${height - bottom}
  >
    <title>${`${state} gap of ${count} trades: ${reason}`}</title>
  </rect>`
}
