/** `POST /v1/sql`: one SELECT over the tables. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { count, json, pageEnvelope, snapshotId } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { required, withDefault } from './parameters.ts'
import { type ProblemCode, problemKinds } from './problem-kinds.ts'
import { internalProblem, type Problem, problemResponse } from './problem.ts'
import { postRoute, readProblems, type Route } from './route.ts'

const sqlCharsMax = 65_536
const limitDefault = 1_000

export const sqlRoute = (deps: ApiDeps): Route => ({
  ...postRoute(
    '/v1/sql',
    'One SELECT over the tables',
    fieldsOf(deps.sqlRowsMax),
    ({ body: { sql, limit }, correlationId }) =>
      deps.sql({ sql, rowsMax: limit }).pipe(
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
  ),
  scope: 'sql',
  responses: { 200: json('Rows, with their columns in meta', sqlAnswer) },
  problems: [...readProblems, ...sqlProblems]
})

const isNotBlank = (text: string): boolean => text.trim() !== ''

const fieldsOf = (rowsMax: number) => ({
  sql: required({
    schema: Schema.String.check(
      Schema.isMaxLength(sqlCharsMax),
      Schema.makeFilter(isNotBlank, { toJsonSchema: () => ({ minLength: 1 }) })
    ),
    remedy: `a text of at most ${sqlCharsMax} characters`,
    example: 'SELECT symbol, count(*) AS trades FROM trades GROUP BY symbol'
  }),
  limit: withDefault(
    {
      schema: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: rowsMax })),
      remedy: `a whole number from 1 to ${rowsMax} (K2_SQL_ROWS_MAX)`
    },
    Math.min(limitDefault, rowsMax)
  )
})

const row = Schema.Record(Schema.String, Schema.Unknown).annotate({
  description: 'Values by column; decimals and whole numbers digit by digit'
})

const sqlAnswer = pageEnvelope(row, {
  columns: Schema.Array(Schema.Struct({ name: Schema.String, type: Schema.String })),
  row_count: count,
  truncated: Schema.Boolean,
  truncated_by: Schema.optionalKey(Schema.Literals(['rows', 'bytes'])),
  hint: Schema.optionalKey(Schema.String),
  snapshots: Schema.Record(Schema.String, Schema.NullOr(snapshotId)),
  partial: Schema.Boolean,
  missing: Schema.optionalKey(Schema.Array(Schema.String))
})

const hints = {
  rows: 'there are more rows than limit: raise it, aggregate, or add WHERE',
  bytes: 'the answer reached K2_SQL_BYTES_MAX: select fewer columns, aggregate, or add WHERE'
}

const sqlProblems = [
  'sql_not_allowed',
  'sql_unknown_table',
  'sql_invalid',
  'sql_failed',
  'sql_result_too_large',
  'sql_memory_exceeded'
] as const satisfies readonly ProblemCode[]

interface Refusal {
  readonly code: string
  readonly detail: string
}

/** A code that is not known here is a fault of this server, not of the statement. */
const problemOf = ({ code, detail }: Refusal): Problem => {
  const known = sqlProblems.find((it) => it === code)
  return known === undefined
    ? internalProblem
    : ({ status: problemKinds[known].status, code: known, detail } as Problem)
}
