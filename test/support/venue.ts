/** The simulated exchange in the test's own process, closed with the body that uses it. */
import * as Effect from 'effect/Effect'
import { loadRecordings } from '../../src/adapters/simulator/recording-source.ts'
import {
  openSimulator,
  type Simulator,
  type SimulatorOptions
} from '../../src/adapters/simulator/simulator.ts'
import type { TradeSource } from '../../src/adapters/simulator/trade-source.ts'
import type { K2Settings } from './k2-process.ts'

export type Venue = Simulator

/** Plays recordings as fast as they are read, from the first subscription on. */
export const withRecordings = (
  paths: readonly string[],
  body: (venue: Venue) => Promise<void>,
  options: Partial<SimulatorOptions> = {}
): Promise<void> =>
  Effect.runPromise(
    Effect.flatMap(loadRecordings(paths), ({ source }) =>
      Effect.promise(() => withSource(source, body, options))
    )
  )

/** Plays a source, as fast as it is read unless told otherwise. */
export const withSource = (
  source: TradeSource,
  body: (venue: Venue) => Promise<void>,
  options: Partial<SimulatorOptions> = {}
): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(
        openSimulator({ port: 0, source, speed: 'max', seed: 1, now: Date.now, ...options }),
        (venue) => Effect.promise(() => body(venue))
      )
    )
  )

/** Settings of a K2 that takes this venue for Binance. */
export const settingsOf = (venue: Venue, symbols: readonly string[]): K2Settings => ({
  K2_FEEDS: 'binance',
  K2_BINANCE_WEBSOCKET_URL: venue.url,
  K2_BINANCE_REST_URL: venue.restUrl,
  K2_BINANCE_SYMBOLS: symbols.join(',')
})
