/**
 * In which form rows are answered: what `format` says, else what `Accept` prefers
 * (RFC 9110, 12.5.1), else JSON.
 */
import { parseAccept } from 'hono/utils/accept'
import type { HeaderList } from './header-list.ts'
import { choiceParameter } from './parameters.ts'
import type { Problem } from './problem.ts'

export const formats = ['json', 'ndjson', 'csv', 'parquet'] as const
export type Format = (typeof formats)[number]

/** As `content-type` says it. */
export const mediaTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet'
}

/** RFC 4180; and as NDJSON has them. */
export const lineEnds = { csv: '\r\n', ndjson: '\n' } as const

export const formatParameterOf = <F extends Format>(had: readonly [F, ...F[]]) => ({
  ...choiceParameter(...had),
  remedy: `one of ${had.join(', ')}; without it, what the header accept asks for`
})

export const formatParameter = formatParameterOf(formats)

/** Undefined: there is no form of those that the header takes. */
export const formatOf = <F extends Format>(
  asked: F | undefined,
  accept: string | undefined,
  had: readonly F[]
): F | undefined => {
  // An empty list asks for nothing in particular, as none does.
  if (asked !== undefined || (accept ?? '').trim() === '') return asked ?? had[0]
  const ranges = parseAccept(accept ?? '').map(({ type, q }) => ({ type: type.toLowerCase(), q }))
  const best = had
    .map((format) => ({ format, q: qualityOf(mediaTypes[format], ranges) }))
    .reduce((left, right) => (right.q > left.q ? right : left))
  return best.q > 0 ? best.format : undefined
}

/** What `formatOf` finds none for. */
export const notAcceptable = (had: readonly Format[]): Problem => ({
  status: 406,
  code: 'not_acceptable',
  detail: `there are ${had.map((format) => mediaTypes[format]).join(', ')}`
})

type Range = { readonly type: string; readonly q: number }

/** Of the range that names the type most exactly. */
const qualityOf = (type: string, ranges: readonly Range[]): number => {
  const [major] = type.split('/')
  for (const name of [type, `${major}/*`, '*/*']) {
    const range = ranges.find((it) => it.type === name)
    if (range !== undefined) return range.q
  }
  return 0
}

/** `trades_20240808_123456.csv`. */
export const fileName = (name: string, format: Format, nowMs: number): string => {
  const digits = new Date(nowMs).toISOString().replaceAll(/[-:]|\..*/g, '')
  return `${name}_${digits.replace('T', '_')}.${format}`
}

/** Of an answer that is a file. */
export const fileHeaders = (name: string, format: Format, nowMs: number): HeaderList => {
  const type = mediaTypes[format]
  return [
    ['content-type', format === 'csv' ? `${type}; charset=utf-8` : type],
    ['content-disposition', `attachment; filename="${fileName(name, format, nowMs)}"`]
  ]
}
