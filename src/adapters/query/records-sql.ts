/**
 * The statement that reads the newest records of some files.
 *
 * 1. Values are bound as parameters, never part of the text.
 * 2. Filters come before the limit.
 */
import { recordOrderSql, type RecordPosition } from './newest-first.ts'
import type { Parameter } from './query-ports.ts'

/** Conditions on records; absent means any. */
export interface RecordsFilter {
  /** Any of them. */
  readonly symbols?: readonly string[]
  /** Upper case; any of them. */
  readonly exchanges?: readonly string[]
  /** Microseconds, inclusive. */
  readonly fromUs?: number
  /** Microseconds, exclusive. */
  readonly toUs?: number
  /** Decimal text of decimal(18,8), inclusive. */
  readonly minPrice?: string
  /** Decimal text, inclusive. */
  readonly maxPrice?: string
  /** Decimal text, inclusive. */
  readonly minQuantity?: string
}

export interface RecordsStatement {
  /** What stands behind FROM; has all columns of the table. */
  readonly source: string
  /** SQL expression over the columns: what each row is to have. */
  readonly select: string
  readonly filter: RecordsFilter
  /** Rows behind this one only. */
  readonly after: RecordPosition | undefined
  /** What else a row must meet. */
  readonly within: Bound | undefined
  readonly rowsMax: number
}

interface Bound {
  readonly sql: string
  readonly parameters: Readonly<Record<string, Parameter>>
}

/** Text is made of the rows that are left, not of those that are sorted away. */
export const recordsStatement = (wanted: RecordsStatement): Bound => {
  const { sql, parameters } = matching(wanted)
  return {
    sql: `SELECT epoch_us("timestamp"), "symbol", "source_sequence", "message_id", ${wanted.select}
     FROM (${sql}) ORDER BY ${recordOrderSql}`,
    parameters
  }
}

/** Writes a file of the rows, in their order; DuckDB takes its path as text only. */
export const recordsFileStatement = (
  wanted: RecordsStatement,
  path: string
): Bound => {
  const { sql, parameters } = matching(wanted)
  return {
    sql: `COPY (SELECT ${wanted.select} FROM (${sql}) ORDER BY ${recordOrderSql})
     TO '${path.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
    parameters
  }
}

/** All columns of the rows that are wanted. */
const matching = (wanted: RecordsStatement): Bound => {
  const { source, filter, after, within, rowsMax } = wanted
  const { conditions, parameters } = filterConditions(filter)
  if (within !== undefined) {
    conditions.push(within.sql)
    Object.assign(parameters, within.parameters)
  }
  if (after !== undefined) {
    conditions.push(behindSql(after, '<'))
    Object.assign(parameters, positionParameters(after))
  }
  return {
    sql: `SELECT * FROM ${source}
     ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
     ORDER BY ${recordOrderSql} LIMIT ${rowsMax}`,
    parameters
  }
}

/** Of rows that meet the filter, all of them; each is of columns of the table. */
export const filterConditions = (filter: RecordsFilter) => {
  const conditions: string[] = []
  const parameters: Record<string, Parameter> = {}
  const require = (condition: string, name: string, parameter: Parameter) => {
    conditions.push(condition)
    parameters[name] = parameter
  }
  const requireAny = (column: string, values: readonly string[]) => {
    const names = values.map((_, index) => `${column}${index}`)
    conditions.push(`"${column}" IN (${names.map((name) => `$${name}`).join(', ')})`)
    values.forEach((value, index) => (parameters[names[index]!] = text(value)))
  }
  const { symbols, exchanges, fromUs, toUs, minPrice, maxPrice, minQuantity } = filter
  if (symbols !== undefined) requireAny('symbol', symbols)
  if (exchanges !== undefined) requireAny('exchange', exchanges)
  if (fromUs !== undefined) require('"timestamp" >= $from', 'from', time(fromUs))
  if (toUs !== undefined) require('"timestamp" < $to', 'to', time(toUs))
  const decimal = (name: string) => `$${name}::DECIMAL(18,8)`
  if (minPrice !== undefined)
    require(`"price" >= ${decimal('minPrice')}`, 'minPrice', text(minPrice))
  if (maxPrice !== undefined)
    require(`"price" <= ${decimal('maxPrice')}`, 'maxPrice', text(maxPrice))
  if (minQuantity !== undefined)
    require(`"quantity" >= ${decimal('minQuantity')}`, 'minQuantity', text(minQuantity))
  return { conditions, parameters }
}

/** Of conditions that say what is behind a position. */
export const positionParameters = (
  after: RecordPosition
): Readonly<Record<string, Parameter>> => ({
  afterTime: time(after.timestampUs),
  afterSymbol: text(after.symbol),
  afterId: text(after.messageId),
  ...(after.sourceSequence === null
    ? {}
    : { afterSequence: { type: 'long', value: after.sourceSequence } })
})

/**
 * What an order puts behind a row: times and sequences that are smaller, as in `recordOrderSql`, or
 * larger. The first line lets row groups be skipped.
 */
export const behindSql = ({ sourceSequence }: RecordPosition, than: '<' | '>'): string => {
  const further = `("source_sequence" ${than} $afterSequence OR "source_sequence" IS NULL)`
  const inSymbol =
    sourceSequence === null
      ? '"source_sequence" IS NULL AND "message_id" > $afterId'
      : `(${further} OR ("source_sequence" = $afterSequence AND "message_id" > $afterId))`
  return `"timestamp" ${than}= $afterTime AND ("timestamp" ${than} $afterTime
     OR "symbol" > $afterSymbol OR ("symbol" = $afterSymbol AND ${inSymbol}))`
}

const text = (value: string): Parameter => ({ type: 'text', value })
const time = (value: number): Parameter => ({ type: 'timestamp', value })
