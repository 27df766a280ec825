/**
 * `POST /v1/trades/query` and `POST /v1/quotes/query`: what the GET routes answer, for several
 * symbols and exchanges, with the fields that are asked for.
 *
 * Filters come before `offset`, and that before `limit`; a cursor goes on without reading again
 * what was given.
 */
import * as Schema from 'effect/Schema'
import * as SchemaTransformation from 'effect/SchemaTransformation'
import type { StreamedDataType } from '../../market/data-type.ts'
import type { ApiDeps, RecordFilter } from './api-deps.ts'
import { formatParameter } from './formats.ts'
import {
  choiceParameter,
  exchangeParameter,
  symbolParameter,
  timeParameter,
  withDefault
} from './parameters.ts'
import { readFaults, readFields, readFromOf, timesInOrder } from './read-parameters.ts'
import type { FieldError } from './problem.ts'
import { fieldNamesOf, optionalFieldsOf, streamedRecords } from './record-schemas.ts'
import { answerRecords } from './records-answer.ts'
import { documentedAs, recordsMeta, recordsProblems } from './records-route.ts'
import { type Call, postRoute, readProblems, type Route } from './route.ts'

const listMax = 100
const limitMax = 100_000
const offsetMax = 100_000

const someOf = <S extends Schema.Top>(item: S) =>
  Schema.Array(item).check(Schema.isMinLength(1), Schema.isMaxLength(listMax))

const timeField = {
  schema: Schema.Union([timeParameter.schema, Schema.Int]),
  remedy: timeParameter.remedy,
  example: '2024-08-08T00:00:00Z'
}

export const wholeField = (minimum: number, maximum: number) => ({
  schema: Schema.Int.check(Schema.isBetween({ minimum, maximum })),
  remedy: `a whole number from ${minimum} to ${maximum}`
})

export const limitField = withDefault(wholeField(1, limitMax), 1_000)

export const offsetField = withDefault(
  {
    ...wholeField(0, offsetMax),
    remedy: `a whole number from 0 to ${offsetMax}; beyond that, go on by cursor`
  },
  0
)

export const decimalsField = withDefault(choiceParameter('number', 'string'), 'number')

const decimalText = /^[0-9]{1,10}(?:[.][0-9]{1,8})?$/u

/** A number with decimals would have been a double before it comes here. */
const decimalField = {
  schema: Schema.Union([
    Schema.String.check(Schema.isPattern(decimalText)),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9_999_999_999 }))
  ]).pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform<string, string | number>({
        decode: String,
        encode: (text) => text
      })
    )
  ),
  remedy:
    'a decimal as text, with at most 10 digits before the point and 8 behind it, for example ' +
    '"0.00000001", or a whole number',
  example: '61837.63'
}

export const filterFields = {
  symbols: {
    schema: someOf(symbolParameter.schema),
    remedy: `a list of 1 to ${listMax} symbols, each as /v1/symbols lists it`,
    example: ['BTCUSDT', 'ETHUSDT']
  },
  exchanges: {
    schema: someOf(exchangeParameter.schema),
    remedy: `a list of 1 to ${listMax} exchange codes`,
    example: ['BINANCE']
  },
  start_time: timeField,
  end_time: timeField
}

const priceFields = {
  min_price: decimalField,
  max_price: decimalField,
  min_quantity: decimalField
}

const queryFields = {
  ...filterFields,
  limit: limitField,
  offset: offsetField,
  format: formatParameter,
  decimals: decimalsField,
  ...readFields
}

/** The columns of the answer, in its order. */
const fieldsField = (dataType: StreamedDataType) => {
  const [first = '', ...others] = fieldNamesOf(dataType)
  const names = [first, ...others] as const
  return {
    schema: Schema.Array(Schema.Literals(names)).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(names.length),
      Schema.isUnique()
    ),
    remedy: `a list of any of ${names.join(', ')}, each once`,
    example: ['timestamp', 'symbol']
  }
}

export const recordsQueryRoute = (deps: ApiDeps, dataType: StreamedDataType): Route => {
  const fields = { ...queryFields, fields: fieldsField(dataType) }
  const all = dataType === 'trades' ? { ...fields, ...priceFields } : fields
  return {
    ...postRoute(
      `/v1/${dataType}/query`,
      `The newest ${dataType} of symbols and exchanges, with the fields that are asked for`,
      all as typeof fields & typeof priceFields,
      ({ body, ...call }) => {
        const { limit, offset, format, decimals, fields: names } = body
        return answerRecords(deps, unconditional(call), {
          dataType,
          filter: filterOf(body),
          rowsMax: limit,
          offset,
          format,
          decimals,
          ...(names === undefined ? {} : { fields: names }),
          from: readFromOf(body),
          route: `/v1/${dataType}/query`
        })
      }
    ),
    responses: { 200: documentedAs(someFieldsOf(dataType), recordsMeta) },
    problems: [...readProblems, ...recordsProblems],
    check: (values) => [
      ...timesInOrder(values['start_time'], values['end_time']),
      ...readFaults(values, deps.nowMs()),
      ...offsetFaults(values)
    ]
  }
}

type Asking = Pick<Call<object>, 'headers' | 'correlationId'>

/** A POST has no answer that the client could have already. */
export const unconditional = ({ headers, correlationId }: Asking): Asking => {
  const others = new Headers(headers)
  others.delete('if-none-match')
  return { headers: others, correlationId }
}

interface FilterValues {
  readonly symbols?: readonly string[]
  readonly exchanges?: readonly string[]
  readonly start_time?: number
  readonly end_time?: number
  readonly min_price?: string
  readonly max_price?: string
  readonly min_quantity?: string
}

const filterOf = (values: FilterValues): RecordFilter => {
  const { symbols, exchanges, start_time: fromUs, end_time: toUs } = values
  const { min_price: minPrice, max_price: maxPrice, min_quantity: minQuantity } = values
  return {
    ...(symbols === undefined ? {} : { symbols: [...new Set(symbols)] }),
    ...(exchanges === undefined ? {} : { exchanges: [...new Set(exchanges)] }),
    ...(fromUs === undefined ? {} : { fromUs }),
    ...(toUs === undefined ? {} : { toUs }),
    ...(minPrice === undefined ? {} : { minPrice }),
    ...(maxPrice === undefined ? {} : { maxPrice }),
    ...(minQuantity === undefined ? {} : { minQuantity })
  }
}

export const offsetFaults = ({
  cursor,
  offset
}: Readonly<Record<string, unknown>>): readonly FieldError[] =>
  cursor !== undefined && offset !== 0
    ? [
        {
          field: 'offset',
          detail: 'is given together with cursor',
          remedy: 'leave it out: a cursor goes on behind the last row'
        }
      ]
    : []

const someFieldsOf = (dataType: StreamedDataType) =>
  Schema.Struct(optionalFieldsOf(streamedRecords[dataType].fields)).annotate({
    identifier: dataType === 'trades' ? 'TradeFields' : 'QuoteFields'
  })
