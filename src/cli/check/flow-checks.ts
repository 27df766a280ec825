/**
 * Feeds and topics: what comes in, measured over a window, and what of it waits.
 *
 * 1. A rate is that between two readings of the same counters, by the clock between them.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ageText, type Answer, type CheckContext, jsonOf, plural } from './check-context.ts'
import { type CheckLine, line, notConfigured } from './check-report.ts'
import { type Exposition, readExposition, sumsBy } from './exposition.ts'

/** The newest trade of a symbol that its feed is subscribed to is younger, or is told. */
const newestAgeMsMax = 60_000
const symbolsMax = 24

interface Reading {
  readonly atMs: number
  readonly exposition: Exposition
}

export const flowChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const before = await readMetrics(context)
  await pause(context.windowMs)
  const after = await readMetrics(context)
  return [
    ...feedLines(before, after),
    ...(await symbolLines(context, after)),
    ...topicLines(before, after)
  ]
}

const readMetrics = async ({ ask }: CheckContext): Promise<Reading> => {
  const answer: Answer = await ask('/metrics')
  if (answer.status !== 200) jsonOf('/metrics', answer)
  return { atMs: performance.now(), exposition: readExposition(answer.text) }
}

/** (1) */
const perSecond = (
  before: Reading,
  after: Reading,
  [metric, label, having]: readonly [string, string, Readonly<Record<string, string>>?]
): ReadonlyMap<string, number> => {
  const seconds = (after.atMs - before.atMs) / 1_000
  const earlier = sumsBy(before.exposition, metric, label, having)
  return new Map(
    [...sumsBy(after.exposition, metric, label, having)].map(([of, count]) => [
      of,
      (count - (earlier.get(of) ?? 0)) / seconds
    ])
  )
}

export const feedLines = (before: Reading, after: Reading): readonly CheckLine[] => {
  const connected = sumsBy(after.exposition, 'k2_feed_connected', 'feed')
  if (connected.size === 0)
    return [notConfigured('feeds', 'feeds', 'this K2 captures nothing (K2_ROLES without ingest)')]
  const trades = perSecond(before, after, ['k2_feed_frames_total', 'feed', { kind: 'trade' }])
  const quotes = perSecond(before, after, ['k2_feed_frames_total', 'feed', { kind: 'quote' }])
  const seconds = (after.atMs - before.atMs) / 1_000
  return [...connected].map(([feed, isConnected]) => {
    const tradesPerSecond = trades.get(feed) ?? 0
    const quotesPerSecond = quotes.get(feed) ?? 0
    const rates = `${tradesPerSecond.toFixed(1)} trades/s, ${quotesPerSecond.toFixed(1)} quotes/s`
    const figure = `${rates} over ${seconds.toFixed(1)} s`
    const values = { connected: isConnected, tradesPerSecond, quotesPerSecond }
    if (isConnected === 0)
      return line('feeds', feed, {
        figure: `not connected, ${figure}`,
        values,
        remedy: 'npm run k2 -- actors --failed',
        isFailure: true
      })
    return line('feeds', feed, {
      figure: `connected, ${figure}`,
      values,
      ...(tradesPerSecond > 0 ? {} : { remedy: 'npm run k2 -- actors --failed' })
    })
  })
}

interface Symbols {
  readonly meta: {
    readonly instruments: readonly { readonly symbol: string; readonly exchange: string }[]
  }
}

interface Records {
  readonly data: readonly { readonly timestamp: string }[]
}

/** Of symbols of exchanges that a feed is of: what was loaded from files is as old as it is. */
const symbolLines = async (
  { ask }: CheckContext,
  { exposition }: Reading
): Promise<readonly CheckLine[]> => {
  const feeds = [...sumsBy(exposition, 'k2_feed_connected', 'feed').keys()]
  const { meta } = jsonOf('/v1/symbols', await ask('/v1/symbols')) as Symbols
  const live = meta.instruments.filter(({ exchange }) =>
    feeds.some((feed) => feed.endsWith(`:${exchange.toLowerCase()}`))
  )
  const lines: CheckLine[] = []
  for (const { symbol, exchange } of live.slice(0, symbolsMax)) {
    const query = new URLSearchParams({ symbol, exchange, limit: '1' })
    const path = `/v1/trades?${query.toString()}`
    const { data } = jsonOf(path, await ask(path)) as Records
    lines.push(symbolLine(`${exchange}:${symbol}`, data[0]?.timestamp, Date.now()))
  }
  if (live.length > symbolsMax)
    lines.push(
      notConfigured('feeds', 'further symbols', `${live.length - symbolsMax} were not asked for`)
    )
  return lines
}

export const symbolLine = (name: string, newest: string | undefined, nowMs: number): CheckLine => {
  const part = 'newest trade of each symbol'
  const remedy = `npm run k2 -- gaps --symbol ${name.split(':')[1]}`
  if (newest === undefined)
    return line('feeds', name, { part, figure: 'there is no trade of it', remedy })
  // Of an exchange whose clock is ahead, a trade is new.
  const ageMs = Math.max(0, nowMs - Date.parse(newest))
  return line('feeds', name, {
    part,
    figure: `${ageMs <= newestAgeMsMax ? 'fresh' : 'old'}: ${ageText(ageMs)} old`,
    values: { newestAgeSeconds: ageMs / 1_000 },
    ...(ageMs <= newestAgeMsMax ? {} : { remedy })
  })
}

export const topicLines = (before: Reading, after: Reading): readonly CheckLine[] => {
  const { exposition } = after
  const rates = perSecond(before, after, ['k2_published_records_total', 'topic'])
  const waiting = sumsBy(exposition, 'k2_log_lag_records', 'topic', { kind: 'raw' })
  const overdue = sumsBy(exposition, 'k2_log_lag_records', 'topic', { kind: 'overdue' })
  const landed = sumsBy(exposition, 'k2_landed_records', 'topic')
  if (waiting.size === 0)
    return [notConfigured('topics', 'topics', 'this K2 tells of none (K2_ROLES without land)')]
  return [...waiting].map(([topic, records]) => {
    const late = overdue.get(topic) ?? 0
    const partitions = exposition.series.filter(
      ({ name, labels }) =>
        name === 'k2_log_lag_records' &&
        labels.get('topic') === topic &&
        labels.get('kind') === 'raw'
    ).length
    const figure =
      `${plural(partitions, 'partition')}, ${(rates.get(topic) ?? 0).toFixed(1)} records/s, ` +
      `${records} wait, ${late} overdue, ${landed.get(topic) ?? 0} landed`
    return line('topics', topic, {
      figure,
      values: { partitions, waiting: records, overdue: late, landed: landed.get(topic) ?? 0 },
      ...(late > 0 ? { remedy: 'npm run k2 -- level show' } : {})
    })
  })
}
