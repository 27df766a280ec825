/** `POST /v1/sql`: one SELECT over the tables. */
import * as Effect from 'effect/Effect'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { type FieldError, invalidParameters, type Problem, problemResponse } from './problem.ts'
import { route, type Route } from './route.ts'

const sqlCharsMax = 65_536
const limitDefault = 1_000

export const sqlRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/sql',
    'One SELECT over the tables: {"sql", "limit"}',
    {},
    ({ body, correlationId }) => {
      const read = readRequest(body, deps.sqlRowsMax)
      if ('errors' in read)
        return Effect.succeed(problemResponse(invalidParameters(read.errors), correlationId))
      const { sql, limit } = read
      return deps.sql({ sql, rowsMax: limit }).pipe(
        Effect.map((answer) => {
          if ('refusal' in answer)
            return problemResponse(problemOf(answer.refusal), correlationId)
          const { columns, rows, rowCount, cutBy, snapshots, missing } = answer
          return envelopeResponse(
            `[${rows}]`,
            { limit, total: cutBy === null ? rowCount : null, hasMore: cutBy !== null },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: {
                columns,
                row_count: rowCount,
                truncated: cutBy !== null,
                ...(cutBy === null ? {} : { truncated_by: cutBy, hint: hints[cutBy] }),
                snapshots,
                partial: missing.length > 0,
                ...(missing.length > 0 ? { missing } : {})
              }
            }
          )
        })
      )
    }
  ),
  method: 'POST',
  scope: 'sql',
  readsBody: true
})

const hints = {
  rows: 'there are more rows than limit: raise it, aggregate, or add WHERE',
  bytes: 'the answer reached K2_SQL_BYTES_MAX: select fewer columns, aggregate, or add WHERE'
}

const problemOf = ({ code, detail }: { readonly code: string; readonly detail: string }) =>
  ({ status: statusOf[code] ?? 400, code, detail }) as Problem

/** Others are 400. */
const statusOf: Readonly<Record<string, number>> = {
  sql_not_allowed: 403,
  sql_failed: 422,
  sql_result_too_large: 422,
  sql_memory_exceeded: 422
}

type Read =
  | { readonly sql: string; readonly limit: number }
  | { readonly errors: readonly FieldError[] }

const readRequest = (body: unknown, rowsMax: number): Read => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const remedy = 'send {"sql": "SELECT …"}'
    return { errors: [{ field: 'body', detail: 'is no JSON object', remedy }] }
  }
  const given = body as Readonly<Record<string, unknown>>
  const { sql, limit = Math.min(limitDefault, rowsMax) } = given
  const errors: FieldError[] = Object.keys(given)
    .filter((name) => name !== 'sql' && name !== 'limit')
    .map((name) => ({
      field: name.slice(0, 64),
      detail: 'is not a field of this request',
      remedy: 'fields are sql, limit'
    }))
  const isText = typeof sql === 'string' && sql.trim() !== '' && sql.length <= sqlCharsMax
  if (!isText) {
    const remedy = `a text of at most ${sqlCharsMax} characters`
    errors.push({ field: 'sql', detail: 'is missing or not valid', remedy })
  }
  const isLimit =
    typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= rowsMax
  if (!isLimit) {
    const remedy = `a whole number from 1 to ${rowsMax} (K2_SQL_ROWS_MAX)`
    errors.push({ field: 'limit', detail: 'is not valid', remedy })
  }
  return errors.length === 0 && isText && isLimit ? { sql, limit } : { errors }
}
