/**
 * Whether there is what a presentation needs: enough rows, symbols, time and snapshots, and an
 * answer to each of its queries, with figures and times.
 *
 * 1. A query passes by the rows that it gives, never by its status alone.
 */
import { ageText, type Answer, jsonOf, plural } from '../check/check-context.ts'
import { type CheckLine, line } from '../check/check-report.ts'

/** Asks a K2 that runs, or the data folder. */
export type Ask = (path: string, init?: RequestInit) => Promise<Answer>

const rowsMin = 1_000
const symbolsMin = 2
const snapshotsMin = 2
const spanMsMin = 2_000
const remedy = 'npm run k2 -- demo-mode'

interface Rows {
  readonly data: readonly Readonly<Record<string, unknown>>[]
  readonly meta: {
    readonly snapshot_id?: string | null
    readonly instruments?: readonly { readonly symbol: string; readonly exchange: string }[]
  }
}

export const validateDemo = async (ask: Ask): Promise<readonly CheckLine[]> => {
  const rows = async (path: string, body?: object): Promise<Rows> =>
    jsonOf(path, await ask(path, requestOf(body))) as Rows
  const stats = jsonOf('/v1/stats', await ask('/v1/stats')) as {
    readonly data: { readonly tables: readonly { table_name: string; records: number }[] }
  }
  const count = stats.data.tables.find((it) => it.table_name === 'market.trades')?.records ?? 0
  const { instruments = [] } = (await rows('/v1/symbols')).meta
  const snapshots = (await rows('/v1/snapshots?limit=100')).data
  const oldest = (await rows('/v1/replay', { limit: 1 })).data[0]
  const newest = (await rows('/v1/trades?limit=1')).data[0]
  const lines = [
    needed('rows of trades', count, { min: rowsMin }),
    needed('symbols', instruments.length, { min: symbolsMin }),
    needed('snapshots', snapshots.length, { min: snapshotsMin }),
    spanLine(oldest?.['timestamp'], newest?.['timestamp'])
  ]
  if (newest === undefined) return lines
  const facts = { symbol: String(newest['symbol']), exchange: String(newest['exchange']) }
  const day = String(newest['timestamp']).slice(0, 10)
  const first = snapshots.at(-1)?.['snapshot_id']
  for (const query of presented({ ...facts, day, snapshotId: String(first) }))
    lines.push(await queryLine(ask, query))
  return lines
}

const needed = (name: string, found: number, { min }: { readonly min: number }): CheckLine =>
  line('records', name, {
    figure: `${found}, ${min} are needed`,
    values: { found, needed: min },
    ...(found >= min ? {} : { remedy, isFailure: true })
  })

const spanLine = (oldest: unknown, newest: unknown): CheckLine => {
  const ms = Date.parse(String(newest)) - Date.parse(String(oldest))
  const isEnough = ms >= spanMsMin
  return line('records', 'span', {
    figure: Number.isFinite(ms) ? `${ageText(ms)} from ${String(oldest)} on` : 'there is no trade',
    ...(Number.isFinite(ms) ? { values: { spanSeconds: ms / 1_000 } } : {}),
    ...(isEnough ? {} : { remedy, isFailure: true })
  })
}

interface PresentedQuery {
  readonly name: string
  readonly path: string
  readonly body?: object
}

/** What is asked on stage, in its order. */
const presented = (of: {
  readonly symbol: string
  readonly exchange: string
  readonly day: string
  readonly snapshotId: string
}): readonly PresentedQuery[] => {
  const { symbol, exchange, day, snapshotId } = of
  const instrument = new URLSearchParams({ symbol, exchange }).toString()
  return [
    { name: 'newest trades', path: `/v1/trades?${instrument}&limit=100` },
    { name: 'newest quotes', path: `/v1/quotes?${instrument}&limit=100` },
    {
      name: 'trades of several symbols',
      path: '/v1/trades/query',
      body: { exchanges: [exchange], limit: 1_000 }
    },
    { name: 'candles', path: `/v1/candles?${instrument}&interval=1m` },
    { name: 'summary of the day', path: `/v1/summary/${symbol}/${day}?exchange=${exchange}` },
    { name: 'as it was at a snapshot', path: `/v1/trades?limit=10&snapshot_id=${snapshotId}` },
    { name: 'replay', path: '/v1/replay', body: { symbols: [symbol], limit: 100 } },
    { name: 'reference data', path: '/v1/reference-data?limit=10' },
    {
      name: 'SQL: volume by symbol',
      path: '/v1/sql',
      body: {
        sql:
          'SELECT symbol, count(*) AS trades, sum(quantity) AS volume FROM trades ' +
          'GROUP BY symbol ORDER BY trades DESC'
      }
    }
  ]
}

/** (1) */
export const queryLine = async (
  ask: Ask,
  { name, path, body }: PresentedQuery
): Promise<CheckLine> => {
  const answer = await ask(path, requestOf(body))
  const failed = (figure: string) =>
    line('api', name, { figure, remedy, isFailure: true, values: { answerMs: answer.ms } })
  try {
    const { data } = jsonOf(path, answer) as { readonly data: unknown }
    const count = Array.isArray(data) ? data.length : data === null ? 0 : 1
    if (count === 0) return failed(`${path} gives no row`)
    return line('api', name, {
      figure: `${plural(count, 'row')} in ${answer.ms.toFixed(0)} ms`,
      values: { rows: count, answerMs: answer.ms }
    })
  } catch (error) {
    return failed((error as Error).message)
  }
}

const requestOf = (body: object | undefined): RequestInit =>
  body === undefined
    ? {}
    : {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' }
      }
