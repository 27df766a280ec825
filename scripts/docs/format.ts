/** How measured values are written in documents. Pure. */
import { type Bar } from '../../bench/bars.ts'
import type { Measure, Provenance } from './results.ts'

/** Three digits, or whole: a reader compares magnitudes, the JSON keeps the rest. */
export const numberText = (value: number): string => {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 })
}

const withUnit = (text: string, unit: string): string =>
  unit === '' ? text : `${text} ${unit}`

const spreadText = ({ min, max }: Measure): string =>
  min === max ? '' : `${numberText(min)} – ${numberText(max)}`

const bound = ({ better, floor, aim }: Bar): string =>
  `${better === 'more' ? '≥' : '≤'} ${floor.toLocaleString('en-US')}` +
  (floor === aim ? '' : `, aim ${aim.toLocaleString('en-US')}`)

const barText = ({ bar, unit }: Measure): string =>
  bar === undefined
    ? ''
    : withUnit(bound(bar), unit) + (bar.verdict === 'missed' ? ', missed' : '')

const views: Readonly<Record<string, (measure: Measure) => string>> = {
  median: (measure) => withUnit(numberText(measure.median), measure.unit),
  number: ({ median }) => numberText(median),
  min: ({ min, unit }) => withUnit(numberText(min), unit),
  max: ({ max, unit }) => withUnit(numberText(max), unit),
  n: ({ n }) => String(n),
  spread: spreadText,
  bar: barText
}

/** @throws Error for a view that there is none of */
export const viewOf = (measure: Measure, view: string): string => {
  const shown = views[view]
  if (shown === undefined)
    throw new Error(`"@${view}" is no view of a measure: ${Object.keys(views).join(', ')}`)
  return shown(measure)
}

/** Units of plain values by the end of their key, as names have them here: units last. */
const units: readonly (readonly [RegExp, string, number])[] = [
  [/Ms$|^ms$/, 'ms', 1],
  [/Us$/, 'µs', 1],
  [/[sS]econds$/, 's', 1],
  [/[mM]inutes$/, 'min', 1],
  [/[bB]ytes$/, 'MiB', 1 / 1_024 ** 2],
  [/[sS]hare$/, '%', 100]
]

/** @param view `plain` leaves the unit out */
export const plainText = (key: string, value: number | string, view: string): string => {
  if (typeof value === 'string') return value
  const [, unit, factor] = units.find(([pattern]) => pattern.test(key)) ?? [undefined, '', 1]
  if (view !== 'plain' && view !== 'median')
    throw new Error(`"@${view}" is no view of a plain value: plain`)
  return withUnit(numberText(value * factor), view === 'plain' ? '' : unit)
}

/** Measures of one row of a table: `3.2 / 16.1 ms`. */
export const together = (
  measures: readonly Measure[],
  of: (measure: Measure) => string,
  unit: string
): string => {
  const texts = measures.map(of)
  return texts.every((text) => text === '') ? '' : withUnit(texts.join(' / '), unit)
}

/** Bars of one row: `≤ 5 / 20 ms, missed`. */
export const barsTogether = (measures: readonly Measure[]): string => {
  const barred = measures.filter(({ bar }) => bar !== undefined)
  const [first] = barred
  if (first === undefined) return ''
  if (measures.length === 1) return barText(first)
  const missed = barred.filter(({ bar }) => bar!.verdict === 'missed').length
  const texts = measures.map(({ bar }) => (bar === undefined ? '–' : numberText(bar.floor)))
  const sign = first.bar!.better === 'more' ? '≥' : '≤'
  const all = missed === barred.length ? ', missed' : ', one missed'
  return withUnit(`${sign} ${texts.join(' / ')}`, first.unit) + (missed > 0 ? all : '')
}

/** When and of which commit. */
export const stampText = ({ date, commit }: Provenance): string => {
  const [hash = '', changed] = commit.split('-')
  const at = `\`${hash.slice(0, 7)}\`${changed === undefined ? '' : ' with changes'}`
  return `${date.slice(0, 10)}, ${at}`
}

/** Also where and how: what stands below each table. */
export const provenanceText = (of: Provenance): string =>
  `${stampText(of)}, ${of.machine}, Node ${of.node.replace('v', '')}: \`${of.command}\``
