/**
 * `docs/pictures/latency.svg`: what L1, L2 and L3 mean on one scale of time, and where K2 is on it,
 * as its newest results say. Pure but for reading them.
 *
 * 1. Nothing of K2 stands in it that no result says: a bar reaches from a median to its 99th
 *    percentile, a dot is a median alone.
 * 2. It carries its own background, since a document's may be dark.
 */
import { numberText } from './format.ts'
import { type Measure, measureOf, readResult, type ResultFile } from './results.ts'

interface Band {
  readonly name: string
  readonly span: string
  readonly about: string
  readonly fill: string
  readonly fromUs: number
  readonly toUs: number
}

export const bands: readonly Band[] = [
  {
    name: 'L1',
    span: 'under 10 µs',
    about: 'FPGA, kernel bypass',
    fill: '#f6d5d2',
    fromUs: 0.1,
    toUs: 10
  },
  {
    name: 'L2',
    span: 'under 10 ms',
    about: 'in memory, beside the exchange',
    fill: '#f7ecc6',
    fromUs: 10,
    toUs: 10_000
  },
  {
    name: 'L3',
    span: 'milliseconds to seconds',
    about: 'durable, columnar, for analytics',
    fill: '#d5ebd9',
    fromUs: 10_000,
    toUs: 10_000_000
  }
]

/** What is shown of K2: its result, its median, and its 99th percentile where there is one. */
export const shownFigures: readonly (readonly [string, string, string, string?])[] = [
  ['newest 100 trades of a symbol, over HTTP', 'bench/queries', 'queries/newest 100, p50',
    'queries/newest 100, p99'],
  ['a trade is in an answer after the socket had it', 'bench/reads',
    'recent/visible after the socket, p50', 'recent/visible after the socket, p99'],
  ['1,440 candles of a day, over HTTP', 'bench/reads', 'candles/candles of a day, p50',
    'candles/candles of a day, p99'],
  ['a commit of 500 rows is in the table', 'bench/kernel', 'commits/commit of 500 rows, p50',
    'commits/commit of 500 rows, p99'],
  ['a sum over 10 M rows by SQL', 'bench/queries', 'queries/full scan of all rows by SQL, p50']
]

const width = 1_000
const left = 330
const right = 34
const top = 62
const rowHeight = 32
const bottom = 74
const [fromUs, toUs] = [0.1, 10_000_000]
const microseconds: Readonly<Record<string, number>> = { µs: 1, ms: 1_000, s: 1_000_000 }

/** Where a time stands on the scale. */
export const xOf = (us: number): number => {
  const share = Math.log10(us / fromUs) / Math.log10(toUs / fromUs)
  return Number((left + share * (width - left - right)).toFixed(1))
}

/** @throws Error where a figure is missing, or has no unit of time */
export const latencyPicture = (root: string): string => {
  const height = top + shownFigures.length * rowHeight + bottom
  const figures = shownFigures.map(([label, file, median, p99]) => {
    const result = readResult(root, file)
    const all = [median, ...(p99 === undefined ? [] : [p99])]
    return { label, result, measures: all.map((path) => measureOf(result, path)) }
  })
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
      `aria-labelledby="t d" font-family="system-ui, sans-serif" font-size="13" fill="#1c2733">`,
    '<title id="t">L1, L2, L3, and where K2 is</title>',
    `<desc id="d">${escaped(descriptionOf(figures))}</desc>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...bands.map((band) => bandText(band, height)),
    ...ticks(height),
    ...figures.flatMap((figure, row) => rowText(figure, row)),
    sourceText(figures.map(({ result }) => result), height),
    '</svg>'
  ].join('\n')}\n`
}

interface Shown {
  readonly label: string
  readonly result: ResultFile
  readonly measures: readonly Measure[]
}

const bandText = ({ name, span, about, fill, fromUs: from, toUs: to }: Band, height: number) => {
  const [x, end] = [xOf(from), xOf(to)]
  const middle = (x + end) / 2
  return (
    `<rect x="${x}" y="8" width="${(end - x).toFixed(1)}" height="${height - bottom}" ` +
    `fill="${fill}" data-band="${name}"/>` +
    `<text x="${middle}" y="26" text-anchor="middle" font-weight="600">${name}: ${span}</text>` +
    `<text x="${middle}" y="44" text-anchor="middle" font-size="12">${about}</text>`
  )
}

/** A line per decade, with its time below. */
const ticks = (height: number): readonly string[] =>
  Array.from({ length: 9 }, (_, index) => {
    const us = fromUs * 10 ** index
    const x = xOf(us)
    const base = height - bottom + 8
    return (
      `<line x1="${x}" y1="52" x2="${x}" y2="${base}" stroke="#1c2733" stroke-opacity="0.15"/>` +
      `<text x="${x}" y="${base + 18}" text-anchor="middle" font-size="12">${timeText(us)}</text>`
    )
  })

const timeText = (us: number): string => {
  const [unit = 'µs', scale = 1] =
    Object.entries(microseconds).findLast(([, size]) => us >= size * 0.999) ?? []
  return `${Number((us / scale).toPrecision(3))} ${unit}`
}

const rowText = ({ label, measures }: Shown, row: number): readonly string[] => {
  const y = top + row * rowHeight + rowHeight / 2
  const [median, p99] = measures
  const x = xOf(usOf(median!))
  const end = p99 === undefined ? x : xOf(usOf(p99))
  const value = measures.map((it) => numberText(it.median)).join(' – ')
  const marks =
    p99 === undefined
      ? ''
      : `<rect x="${x}" y="${y - 5}" width="${(end - x).toFixed(1)}" height="10" rx="5" ` +
        'fill="#1f6f43"/>'
  return [
    `<g data-figure="${escaped(label)}">` +
      `<text x="${left - 12}" y="${y + 4}" text-anchor="end">${escaped(label)}</text>${marks}` +
      `<circle cx="${x}" cy="${y}" r="6" fill="#1f6f43"/>` +
      `<text x="${end + 12}" y="${y + 4}" font-weight="600">${value} ${median!.unit}</text></g>`
  ]
}

const usOf = ({ name, unit, median }: Measure): number => {
  const scale = microseconds[unit]
  if (scale === undefined) throw new Error(`"${name}" is in "${unit}", which is no unit of time`)
  return median * scale
}

const sourceText = (results: readonly ResultFile[], height: number): string => {
  const named = [...new Map(results.map((result) => [result.path, result])).values()]
  const texts = named.map(({ path, provenance }) => `${path} of ${provenance.date.slice(0, 10)}`)
  const line = (text: string, y: number) =>
    `<text x="12" y="${y}" font-size="11" fill="#50606f">${escaped(text)}</text>`
  return (
    line('K2 as measured: dot = median, bar to the 99th percentile, on two cores.', height - 26) +
    line(`From ${texts.join(', ')}.`, height - 10)
  )
}

const descriptionOf = (figures: readonly Shown[]): string =>
  figures
    .map(({ label, measures }) => {
      const values = measures.map(({ median, unit }) => `${numberText(median)} ${unit}`)
      return `${label}: ${values.join(' (median), ')}${values.length > 1 ? ' (p99)' : ' (median)'}`
    })
    .join('; ')

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
