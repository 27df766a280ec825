/**
 * The rows of the view `candles`: what `/v1/candles` says of minutes, by the same query.
 *
 * Each symbol at each exchange has its share of the rows that a statement may have, the newest;
 * from when on every symbol has all is told where some do not.
 */
import * as Effect from 'effect/Effect'
import type { ApiFault } from '../../adapters/http/api-deps.ts'
import { type CandlePart, candleJson, candleParts } from '../../adapters/http/candle-json.ts'
import { isoOfUs } from '../../adapters/http/time-parameter.ts'
import type { CandlesQuery } from '../../adapters/query/candles-query.ts'
import { inTurns } from '../../adapters/query/in-turns.ts'
import type { SymbolsQuery } from '../../adapters/query/symbols-query.ts'

export interface CandleQueries {
  readonly candles: Pick<CandlesQuery<ApiFault>, 'series'>
  readonly symbols: SymbolsQuery<ApiFault>
}

const candleColumns: ReadonlySet<CandlePart> = new Set(
  candleParts.filter((part) => part !== 'volume_profile')
)

export const candlesOf =
  ({ candles, symbols }: CandleQueries) =>
  (max: number) =>
    Effect.gen(function* () {
      const { instruments } = yield* symbols.list({})
      const filter = {
        symbols: [...new Set(instruments.map(({ symbol }) => symbol))],
        interval: '1m'
      } as const
      const each = Math.max(1, Math.floor(max / Math.max(1, instruments.length)))
      const { snapshotId, pages, missing } = yield* candles.series(filter, each)
      const cut = pages.filter(({ hasMore }) => hasMore)
      const wholeFromUs = cut.reduce((us, page) => Math.max(us, page.candles[0]!.startUs), 0)
      return {
        snapshotId,
        cut: cut.length === 0 ? null : { symbols: cut.length, wholeFrom: isoOfUs(wholeFromUs) },
        rows: yield* inTurns(
          pages.flatMap((page) => page.candles),
          (candle) => candleJson(candle, candleColumns, 'string')
        ),
        missing
      }
    })
