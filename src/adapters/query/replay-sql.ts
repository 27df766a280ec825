/**
 * The statements that read a slice of a replay: rows in the order of a replay, as text.
 *
 * 1. The order is (timestamp, symbol, source_sequence, message_id), texts by their UTF-8 bytes and
 *    what has no sequence last. It is total: no two records have the same message id.
 * 2. Lines of blocks are joined in the order in which they are sorted, because one thread runs a
 *    statement: `query-actor.ts` sees to that, and tests of the order to this.
 * 3. Values are bound as parameters, never part of the text.
 */
import type { RecordPosition } from './newest-first.ts'
import type { Cell, Parameter } from './query-ports.ts'
import { type LineFrame, type RecordField, recordLineSql } from './record-json.ts'
import {
  behindSql,
  filterConditions,
  positionParameters,
  type RecordsFilter
} from './records-sql.ts'

/** A relation with all columns of the table, in brackets or a function; its own parameters. */
export interface SliceSource {
  readonly sql: string
  /** Of its rows, beside the filter. */
  readonly condition?: string
  readonly parameters: Readonly<Record<string, Parameter>>
}

export interface Lines {
  /** At least one. */
  readonly sources: readonly SliceSource[]
  readonly filter: RecordsFilter
  readonly fields: readonly RecordField[]
  readonly frame: LineFrame
  /** Rows behind this one only. */
  readonly after?: RecordPosition | undefined
}

export interface Slice extends Lines {
  readonly rowsMax: number
  /** Rows of as many microseconds are one block; absent: all rows are. */
  readonly blockUs?: number | undefined
}

/** Rows that are sent together. */
export interface Block {
  readonly count: number
  readonly firstUs: number
  readonly last: RecordPosition
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** (1) */
const orderSql = '"timestamp", "symbol", "source_sequence" NULLS LAST, "message_id"'

/** Lines with what orders them. */
const linesOf = ({ sources, filter, fields, frame, after }: Lines) => {
  const { conditions, parameters } = filterConditions(filter)
  if (after !== undefined) conditions.push(behindSql(after, '>'))
  const relations = sources.map(({ sql, condition }) => {
    const all = [...conditions, ...(condition === undefined ? [] : [condition])]
    return `SELECT * FROM ${sql} ${all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`}`
  })
  return {
    sql: `SELECT ${recordLineSql(fields, frame)} AS line,
       "timestamp", "symbol", "source_sequence", "message_id"
     FROM (${relations.join(' UNION ALL BY NAME ')})`,
    parameters: Object.assign(
      {},
      ...sources.map((source) => source.parameters),
      parameters,
      after === undefined ? {} : positionParameters(after)
    ) as Readonly<Record<string, Parameter>>
  }
}

/** All lines, a row each. */
export const linesStatement = (lines: Lines) => {
  const { sql, parameters } = linesOf(lines)
  return { sql: `SELECT line FROM (${sql}) ORDER BY ${orderSql}`, parameters }
}

/** The first lines, joined to blocks. */
export const sliceStatement = (slice: Slice) => {
  const { rowsMax, blockUs } = slice
  const { sql, parameters } = linesOf(slice)
  return {
    sql: `SELECT count(*)::INTEGER, epoch_us(first("timestamp")), epoch_us(last("timestamp")),
       last("symbol"), last("source_sequence"), last("message_id"), encode(string_agg(line, ''))
     FROM (SELECT * FROM (${sql}) ORDER BY ${orderSql} LIMIT $rows_max)
     ${blockUs === undefined ? '' : `GROUP BY epoch_us("timestamp") // ${blockUs} ORDER BY 2`}`,
    parameters: { ...parameters, rows_max: { type: 'long', value: rowsMax } } as const
  }
}

/** Of a statement over no row there is one row, without a block. */
export const blocksOf = (
  rows: ReadonlyArray<readonly (Cell | Uint8Array<ArrayBuffer>)[]>
): readonly Block[] =>
  rows.flatMap(([count, firstUs, lastUs, symbol, sequence = null, messageId, bytes]) =>
    bytes instanceof Uint8Array
      ? [
          {
            count: Number(count),
            firstUs: Number(firstUs),
            last: {
              timestampUs: Number(lastUs),
              symbol: String(symbol),
              sourceSequence: sequence === null ? null : Number(sequence),
              messageId: String(messageId)
            },
            bytes
          }
        ]
      : []
  )
