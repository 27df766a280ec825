/** `GET /v1/candles` and `GET /v1/summary/{symbol}/{date}`. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { candleIntervals } from '../../market/candle.ts'
import { dayOfDate, zoneOf } from '../../market/trading-day.ts'
import { json, pageEnvelope, partialMeta, partialMetaOf, valueEnvelope } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { type CandlePart, candleJson, candleParts, summaryJson } from './candle-json.ts'
import { envelopeResponse } from './envelope.ts'
import {
  choiceParameter,
  exchangeParameter,
  isSymbol,
  limitParameter,
  required,
  symbolParameter,
  timeParameter,
  withDefault
} from './parameters.ts'
import { candle, summary } from './candle-schemas.ts'
import { timesInOrder } from './read-parameters.ts'
import { type FieldError, invalidParameters, type Problem, problemResponse } from './problem.ts'
import { readProblems, route, type Route } from './route.ts'

const limitMax = 10_000
const levelsMax = 100

const candlesParameters = {
  symbol: required(symbolParameter),
  exchange: exchangeParameter,
  interval: withDefault(choiceParameter(...candleIntervals), '1m'),
  start_time: timeParameter,
  end_time: timeParameter,
  limit: withDefault(limitParameter(limitMax), 500),
  profile_levels: limitParameter(levelsMax, 2),
  decimals: withDefault(choiceParameter('number', 'string'), 'number')
}

const allParts: ReadonlySet<CandlePart> = new Set(candleParts)

export const candlesRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/candles',
    'Candles of a symbol: the newest, or from start_time on the oldest',
    candlesParameters,
    ({ values, correlationId }) => {
      const { symbol, exchange, start_time: fromUs, end_time: toUs, profile_levels } = values
      const { interval, limit, decimals } = values
      const filter = {
        symbols: [symbol],
        interval,
        ...(exchange === undefined ? {} : { exchange }),
        ...(fromUs === undefined ? {} : { fromUs }),
        ...(toUs === undefined ? {} : { toUs }),
        ...(profile_levels === undefined ? {} : { levelsMax: profile_levels })
      }
      return deps.candles(filter, limit).pipe(
        Effect.map((answer) =>
          envelopeResponse(
            `[${answer.candles.map((it) => candleJson(it, allParts, decimals)).join(',')}]`,
            { limit, total: null, hasMore: answer.hasMore },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: { interval, ...partialMetaOf(answer) }
            }
          )
        )
      )
    }
  ),
  check: ({ start_time: from, end_time: to }) => timesInOrder(from, to),
  responses: {
    200: json(
      'Candles in the order of time; intervals without trades have none',
      pageEnvelope(candle, { interval: Schema.Literals(candleIntervals), ...partialMeta })
    )
  },
  problems: readProblems
})

const summaryParameters = {
  exchange: exchangeParameter,
  decimals: withDefault(choiceParameter('number', 'string'), 'number')
}

export const summaryRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/summary/{symbol}/{date}',
    "What a symbol's trades of one trading day of its exchange came to",
    summaryParameters,
    ({ values, segments, correlationId }) => {
      const symbol = (segments['symbol'] ?? '').toUpperCase()
      const date = segments['date'] ?? ''
      const day = dayOfDate(date)
      const errors = placeFaults(symbol, day)
      if (errors.length > 0 || day === undefined)
        return Effect.succeed(problemResponse(invalidParameters(errors), correlationId))
      const { exchange, decimals } = values
      const filter = {
        symbols: [symbol],
        interval: '1d' as const,
        day,
        ...(exchange === undefined ? {} : { exchange })
      }
      return deps.candles(filter, exchangesMax).pipe(
        Effect.map((answer) => {
          const [candle, ...others] = answer.candles
          if (candle === undefined) return problemResponse(noTrades, correlationId)
          if (others.length > 0) {
            const exchanges = answer.candles.map((it) => it.exchange).join(', ')
            return problemResponse(severalExchanges(exchanges), correlationId)
          }
          const timeZone = zoneOf(deps.tradingZones, candle.exchange)
          return envelopeResponse(
            summaryJson(candle, { date, timeZone }, decimals),
            undefined,
            { correlationId, nowMs: deps.nowMs(), extra: partialMetaOf(answer) }
          )
        })
      )
    }
  ),
  segments: {
    symbol: { remedy: symbolParameter.remedy, example: 'BTCUSDT' },
    date: { remedy: dateRemedy, example: '2024-08-08' }
  },
  responses: {
    200: json('The trading day, with its interval in UTC', valueEnvelope(summary, partialMeta))
  },
  problems: [...readProblems, 'not_found']
})

const dateRemedy = 'a date such as 2024-08-08'

/** More than there are. */
const exchangesMax = 1_000

const placeFaults = (symbol: string, day: number | undefined): readonly FieldError[] => [
  ...(isSymbol(symbol)
    ? []
    : [{ field: 'symbol', detail: 'is not valid', remedy: symbolParameter.remedy }]),
  ...(day === undefined
    ? [{ field: 'date', detail: 'is no date', remedy: dateRemedy }]
    : [])
]

const noTrades: Problem = {
  status: 404,
  code: 'not_found',
  detail: 'there are no trades of this symbol on this trading day',
  hint: '/v1/symbols lists the symbols'
}

const severalExchanges = (exchanges: string): Problem =>
  invalidParameters([
    {
      field: 'exchange',
      detail: 'is needed, as the symbol was traded at several',
      remedy: `one of ${exchanges}`
    }
  ])
