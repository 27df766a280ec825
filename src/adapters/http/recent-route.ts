/** `GET /v1/trades/recent`: the trades of the last minutes of one instrument. */
import * as Schema from 'effect/Schema'
import { time } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { formatParameter } from './formats.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  required,
  symbolParameter,
  withDefault
} from './parameters.ts'
import { trade } from './record-schemas.ts'
import { answerRecords } from './records-answer.ts'
import { unconditional } from './records-query-route.ts'
import { documentedAs, recordsMeta, recordsProblems } from './records-route.ts'
import { readProblems, route, type Route } from './route.ts'
import { isoOfMs } from './time-parameter.ts'

const parameters = {
  symbol: required(symbolParameter),
  exchange: required(exchangeParameter),
  window_minutes: withDefault(limitParameter(60), 15),
  limit: withDefault(limitParameter(10_000), 1_000),
  format: formatParameter,
  decimals: withDefault(choiceParameter('number', 'string'), 'number')
}

const path = '/v1/trades/recent'
const minuteMs = 60_000

export const recentRoute = (deps: ApiDeps): Route => ({
  ...route(path, 'The trades of the last minutes, newest first', parameters, (call) => {
    const { symbol, exchange, window_minutes: minutes, limit, format, decimals } = call.values
    const endMs = deps.nowMs()
    const startMs = endMs - minutes * minuteMs
    // What stands still in the table leaves the window all the same.
    return answerRecords(deps, unconditional(call), {
      dataType: 'trades',
      // Without an end: a venue's clock may be ahead of ours.
      filter: { symbols: [symbol], exchanges: [exchange], fromUs: startMs * 1_000 },
      rowsMax: limit,
      format,
      decimals,
      route: path,
      extraMeta: {
        query: {
          symbol,
          exchange,
          window_minutes: minutes,
          start_time: isoOfMs(startMs),
          end_time: isoOfMs(endMs)
        }
      }
    })
  }),
  responses: {
    200: documentedAs(trade, {
      ...recordsMeta,
      query: Schema.Struct({
        symbol: Schema.String,
        exchange: Schema.String,
        window_minutes: Schema.Int,
        start_time: time,
        end_time: time
      })
    })
  },
  problems: [...readProblems, ...recordsProblems]
})
