/** Candles as JSON text: decimals digit by digit, times as ISO 8601 with microseconds. */
import type { Candle, VolumeProfile } from '../../market/candle.ts'
import { formatDecimal } from '../../market/decimal.ts'
import { isoOfUs } from './time-parameter.ts'

export type DecimalForm = 'number' | 'string'

/** What of a candle is asked for; where and when it is, and its state, are always told. */
export const candleParts = [
  'ohlcv',
  'vwap',
  'twap',
  'trade_count',
  'quote_volume',
  'sides',
  'volume_profile'
] as const

export type CandlePart = (typeof candleParts)[number]

const decimals = 8
/** Of a price by a quantity. */
const productDecimals = 16

/** Of candles that are the same object each time they are asked for. */
const known = new WeakMap<Candle, KnownText>()

interface KnownText {
  readonly parts: ReadonlySet<CandlePart>
  readonly form: DecimalForm
  readonly json: string
}

export const candleJson = (
  candle: Candle,
  parts: ReadonlySet<CandlePart>,
  form: DecimalForm
): string => {
  const text = known.get(candle)
  if (text?.parts === parts && text.form === form) return text.json
  const json = objectJson([...placeOf(candle), ...valuesOf(candle, parts, form), stateOf(candle)])
  known.set(candle, { parts, form, json })
  return json
}

/** The same of a day, which is named by its date. */
export const summaryJson = (
  candle: Candle,
  day: { readonly date: string; readonly timeZone: string },
  form: DecimalForm
): string =>
  objectJson([
    ['symbol', JSON.stringify(candle.symbol)],
    ['exchange', JSON.stringify(candle.exchange)],
    ['date', JSON.stringify(day.date)],
    ['time_zone', JSON.stringify(day.timeZone)],
    ...placeOf(candle).slice(2),
    ...valuesOf(candle, summaryParts, form),
    stateOf(candle)
  ])

const summaryParts: ReadonlySet<CandlePart> = new Set(
  candleParts.filter((part) => part !== 'volume_profile')
)

type Member = readonly [name: string, json: string]

const objectJson = (members: readonly Member[]): string =>
  `{${members.map(([name, json]) => `"${name}":${json}`).join(',')}}`

const placeOf = ({ exchange, symbol, startUs, endUs }: Candle): readonly Member[] => [
  ['exchange', JSON.stringify(exchange)],
  ['symbol', JSON.stringify(symbol)],
  ['interval_start', `"${isoOfUs(startUs)}"`],
  ['interval_end', `"${isoOfUs(endUs)}"`]
]

const stateOf = ({ state }: Candle): Member => ['state', `"${state}"`]

const valuesOf = (
  candle: Candle,
  parts: ReadonlySet<CandlePart>,
  form: DecimalForm
): readonly Member[] => {
  const decimal = (name: string, value: bigint | null, scale = decimals): Member => [
    name,
    value === null ? 'null' : decimalJson(value, scale, form)
  ]
  const { open, high, low, close, volume, profile } = candle
  const members: Readonly<Record<CandlePart, readonly Member[]>> = {
    ohlcv: [
      decimal('open_price', open),
      decimal('high_price', high),
      decimal('low_price', low),
      decimal('close_price', close),
      decimal('volume', volume)
    ],
    vwap: [decimal('vwap', candle.vwap)],
    twap: [decimal('twap', candle.twap)],
    trade_count: [['trade_count', String(candle.tradeCount)]],
    quote_volume: [decimal('quote_volume', candle.quoteVolume, productDecimals)],
    sides: [
      decimal('buy_volume', candle.buyVolume),
      decimal('sell_volume', candle.sellVolume)
    ],
    volume_profile:
      profile === undefined ? [] : [['volume_profile', profileJson(profile, form)]]
  }
  return candleParts.flatMap((part) => (parts.has(part) ? members[part] : []))
}

const profileJson = ({ step, levels }: VolumeProfile, form: DecimalForm): string => {
  const of = (value: bigint) => decimalJson(value, decimals, form)
  const texts = levels.map((level) =>
    objectJson([
      ['from_price', of(level.from)],
      ['to_price', of(level.from + step)],
      ['volume', of(level.volume)],
      ['buy_volume', of(level.buyVolume)],
      ['sell_volume', of(level.sellVolume)],
      ['trade_count', String(level.tradeCount)]
    ])
  )
  return objectJson([
    ['step', of(step)],
    ['levels', `[${texts.join(',')}]`]
  ])
}

const decimalJson = (scaled: bigint, scale: number, form: DecimalForm): string => {
  const text = formatDecimal(scaled, scale)
  return form === 'string' ? `"${text}"` : text
}
