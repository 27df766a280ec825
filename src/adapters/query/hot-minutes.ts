/**
 * Minutes of candles in memory: of each symbol at an exchange, those of a file that is read again.
 *
 * 1. A file is immutable: what is in memory of it is never stale.
 * 2. They are kept from the second read on, which costs no more than that read; how many of them
 *    are kept is bounded, as of all that is hot.
 * 3. A minute is the same object each time, so that what is made of it can be kept with it.
 */
import * as Effect from 'effect/Effect'
import { axisOf } from '../../market/candle.ts'
import { type CandleSums, candlesSql, candleSums } from './candles-sql.ts'
import type { HotEntries } from './hot-entries.ts'
import type { MinutesLease, QueryEngine, ScanFile } from './query-ports.ts'

interface Series {
  readonly exchange: string
  readonly symbol: string
}

/** In the order of time. */
export interface MinutesOfFile {
  readonly minutes: readonly CandleSums[]
  readonly bytes: number
}

export interface HotMinutes {
  /**
   * All minutes of a series in some files, file by file; undefined where they are not all in
   * memory, and not worth it.
   */
  readonly find: <P, E>(
    ports: { readonly minutes: MinutesLease<P>; readonly engine: QueryEngine<E> },
    files: readonly ScanFile[],
    series: Series
  ) => Effect.Effect<readonly CandleSums[] | undefined, P | E>
}

export const minuteAxis = axisOf('1m', 'UTC')

const readsMin = 2
/** Of a file, which has a day (R22), there is no more unless somebody else laid it out. */
const minutesMax = 1_500
/** Of a minute, the candle that is made of it, and its text. Measured: 1,060. */
const minuteBytes = 1_100

export const makeHotMinutes = (entries: HotEntries<MinutesOfFile>): HotMinutes => ({
  find: Effect.fnUntraced(function* ({ minutes: lease, engine }, files, series) {
    const { exchange, symbol } = series
    const found = files.map((file) => {
      const key = JSON.stringify([file.path, lease.source, exchange, symbol])
      return { file, key, entry: entries.use(key) }
    })
    if (found.some(({ entry }) => entry.kept === undefined && entry.reads < readsMin))
      return undefined
    const all: CandleSums[] = []
    for (const { file, key, entry } of found) {
      let { kept } = entry
      if (kept === undefined) {
        const rows = yield* lease.read([file], engine.run(minutesOf(lease, file, series)))
        if (rows.length > minutesMax) {
          entry.reads = -Infinity
          return undefined
        }
        const minutes = rows.map(candleSums)
        kept = { minutes, bytes: minutes.length * minuteBytes }
        entries.keep(key, kept)
      }
      all.push(...kept.minutes)
    }
    return all
  })
})

const minutesOf = ({ source }: Pick<MinutesLease<never>, 'source'>, file: ScanFile, of: Series) =>
  candlesSql({
    range: { ...of, axis: minuteAxis, fromUs: -Infinity, toUs: Infinity },
    trades: { source, paths: [] },
    minutes: { source, paths: [file.path], stale: [] },
    rowsMax: minutesMax + 1,
    direction: 'ASC'
  })
