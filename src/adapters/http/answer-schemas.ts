/**
 * Schemas that answers are made of. What they describe is JSON as it is sent; their types are what
 * clients of this package get, decimals as text.
 *
 * Integers of 63 bits and decimals are JSON numbers that a double cannot hold: clients of other
 * languages read them with a parser that keeps the digits, or ask for `decimals=string`.
 */
import * as Schema from 'effect/Schema'
import * as SchemaTransformation from 'effect/SchemaTransformation'
import type { Documented } from './route.ts'

const textOf = (pattern: RegExp) => Schema.String.check(Schema.isPattern(pattern))

const decimalOf = (identifier: string, digits: string) =>
  Schema.Union([Schema.Finite, textOf(/^-?[0-9]+(?:[.][0-9]+)?$/u)])
    .annotate({
      identifier,
      description:
        `An exact decimal with ${digits}, written digit by digit: ` +
        'read it with a parser that keeps digits. Text where decimals=string is asked for.'
    })
    .pipe(
      Schema.decodeTo(
        Schema.String,
        SchemaTransformation.transform<string, string | number>({
          decode: String,
          encode: (text) => text
        })
      )
    )

export const decimal = decimalOf('Decimal', 'up to 18 digits, 8 of them after the point')

/** Of quantities, or of prices by quantities. */
export const decimalSum = decimalOf('DecimalSum', 'any number of digits, 8 or 16 after the point')

/** A whole number of up to 63 bits; a bigint where a number cannot hold it. */
export const int64 = Schema.Finite.check(
  Schema.makeFilter(Number.isInteger, {
    toJsonSchema: () => ({ type: 'integer', format: 'int64' })
  })
).annotate({ identifier: 'Int64' }) as unknown as Schema.Codec<number | bigint, number>

export const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** With microseconds, or with milliseconds where K2 tells its own time. */
export const time = textOf(
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.](?:[0-9]{6}|[0-9]{3})Z$/u
).annotate({ identifier: 'Time', description: 'ISO 8601, UTC' })

export const snapshotId = textOf(/^[0-9]{1,19}$/u).annotate({
  identifier: 'SnapshotId',
  description: 'An id of 63 bits as text, as no double holds it'
})

export const assetClass = Schema.Literals(['equities', 'crypto', 'futures', 'options'])

/** Of trades, quotes and reference data: what the source says beyond the columns. */
export const vendorData = Schema.NullOr(Schema.Record(Schema.String, Schema.String))

const pagination = Schema.Struct({
  limit: count,
  offset: count,
  total: Schema.NullOr(count).annotate({
    description: 'null where counting would cost more than the answer'
  }),
  has_more: Schema.Boolean,
  next_cursor: Schema.optionalKey(
    Schema.NullOr(Schema.String).annotate({
      description: 'Of the page behind this one, where pages can be continued; null at the end'
    })
  )
}).annotate({ identifier: 'Pagination' })

const meta = { correlation_id: Schema.String, timestamp: time }

/** An answer with one value; `extra` stands in `meta`. */
export const valueEnvelope = <S extends Schema.Top, F extends Schema.Struct.Fields>(
  data: S,
  extra: F = {} as F
) =>
  Schema.Struct({
    success: Schema.Literal(true),
    data,
    meta: Schema.Struct({ ...meta, ...extra })
  })

/** An answer with a page of values; `extra` stands in `meta`. */
export const pageEnvelope = <S extends Schema.Top, F extends Schema.Struct.Fields>(
  row: S,
  extra: F
) =>
  Schema.Struct({
    success: Schema.Literal(true),
    data: Schema.Array(row),
    pagination,
    meta: Schema.Struct({ ...meta, ...extra })
  })

/** Of what is read from one snapshot; null where there is none yet. */
export const pinned = { snapshot_id: Schema.NullOr(snapshotId) }

/** What an answer was made of, and what it could not look at. */
export const partialMeta = {
  ...pinned,
  partial: Schema.Boolean,
  missing: Schema.optionalKey(Schema.Array(Schema.String))
}

/** The same of an answer. */
export const partialMetaOf = ({
  snapshotId: id,
  missing
}: {
  readonly snapshotId: string | null
  readonly missing: readonly string[]
}) => ({
  snapshot_id: id,
  partial: missing.length > 0,
  ...(missing.length > 0 ? { missing } : {})
})

export const json = (about: string, schema: Schema.Top): Documented => ({
  about,
  content: { 'application/json': schema }
})
