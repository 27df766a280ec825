/** `POST /v1/aggregations`: candles of several symbols, with the measures that are asked for. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { CandleInterval } from '../../market/candle.ts'
import {
  count,
  json,
  pageEnvelope,
  partialMeta,
  partialMetaOf,
  time
} from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { type CandlePart, candleJson } from './candle-json.ts'
import { bucket } from './candle-schemas.ts'
import { timesInOrder } from './read-parameters.ts'
import { envelopeResponse } from './envelope.ts'
import {
  choiceParameter,
  exchangeParameter,
  required,
  symbolParameter,
  timeParameter,
  withDefault
} from './parameters.ts'
import { postRoute, readProblems, type Route } from './route.ts'
import { isoOfUs } from './time-parameter.ts'

const intervals = {
  '1min': '1m',
  '5min': '5m',
  '15min': '15m',
  '30min': '30m',
  '1hour': '1h',
  '1day': '1d',
  // As `/v1/candles` names them.
  '1m': '1m',
  '5m': '5m',
  '15m': '15m',
  '30m': '30m',
  '1h': '1h',
  '1d': '1d'
} as const satisfies Readonly<Record<string, CandleInterval>>

type IntervalName = keyof typeof intervals
const intervalNames = Object.keys(intervals) as [IntervalName, ...IntervalName[]]
const metrics = ['vwap', 'twap', 'ohlcv', 'volume_profile', 'trade_count'] as const

const symbolsMax = 50
const limitMax = 100_000
const profileLevels = 24

const someOf = <S extends Schema.Top>(item: S, countMax: number) =>
  Schema.Array(item).check(Schema.isMinLength(1), Schema.isMaxLength(countMax))

const timeField = {
  schema: Schema.Union([timeParameter.schema, Schema.Int]),
  remedy: timeParameter.remedy,
  example: '2024-08-08T00:00:00Z'
}

const fields = {
  symbols: required({
    schema: someOf(symbolParameter.schema, symbolsMax),
    remedy: `a list of 1 to ${symbolsMax} symbols, each as /v1/symbols lists it`,
    example: ['BTCUSDT', 'ETHUSDT']
  }),
  metrics: required({
    schema: someOf(Schema.Literals(metrics), metrics.length),
    remedy: `a list of any of ${metrics.join(', ')}`,
    example: [...metrics]
  }),
  interval: required(choiceParameter(...intervalNames)),
  start_time: required(timeField),
  end_time: required(timeField),
  exchange: exchangeParameter,
  limit: withDefault(
    {
      schema: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: limitMax })),
      remedy: `a whole number from 1 to ${limitMax}`
    },
    10_000
  ),
  decimals: withDefault(choiceParameter('number', 'string'), 'number')
}

export const aggregationsRoute = (deps: ApiDeps): Route => ({
  ...postRoute(
    '/v1/aggregations',
    'Measures of the trades of symbols, by interval',
    fields,
    ({ body, correlationId }) => {
      const { interval, start_time: fromUs, end_time: toUs, exchange, limit, decimals } = body
      const symbols = [...new Set(body.symbols)]
      const parts: ReadonlySet<CandlePart> = new Set(body.metrics)
      const filter = {
        symbols,
        interval: intervals[interval],
        fromUs,
        toUs,
        ...(exchange === undefined ? {} : { exchange }),
        ...(parts.has('volume_profile') ? { levelsMax: profileLevels } : {})
      }
      return deps.candles(filter, limit).pipe(
        Effect.map((answer) =>
          envelopeResponse(
            `[${answer.candles.map((it) => candleJson(it, parts, decimals)).join(',')}]`,
            { limit, total: null, hasMore: answer.hasMore },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: {
                request_summary: {
                  symbols,
                  exchange: exchange ?? null,
                  metrics: [...parts],
                  interval,
                  start_time: isoOfUs(fromUs),
                  end_time: isoOfUs(toUs),
                  buckets: answer.candles.length
                },
                ...partialMetaOf(answer)
              }
            }
          )
        )
      )
    }
  ),
  check: ({ start_time: from, end_time: to }) => timesInOrder(from, to),
  responses: {
    200: json('Buckets in the order of time', pageEnvelope(bucket, metaFields))
  },
  problems: readProblems
})

const metaFields = {
  request_summary: Schema.Struct({
    symbols: Schema.Array(Schema.String),
    exchange: Schema.NullOr(Schema.String),
    metrics: Schema.Array(Schema.Literals(metrics)),
    interval: Schema.Literals(intervalNames),
    start_time: time,
    end_time: time,
    buckets: count
  }),
  ...partialMeta
}
