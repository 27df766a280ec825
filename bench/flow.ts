/**
 * One run of the real process: exchange → K2 → table, as a user would start both, and the proof
 * that it was exact. What is measured while trades flow is the caller's.
 *
 * 1. A run counts only if the table holds exactly what the exchange sent: nothing missing, nothing
 *    twice, no dead letter, K2 ended with 0 (`run-check.ts`).
 * 2. It counts only if K2 stayed at level normal (`level-check.ts`), unless the figure strikes it.
 * 3. Looks at K2's metrics are a second apart, as often as K2 samples itself.
 */
import type { BenchContext } from './context.ts'
import { pause, processUse, requireRoom } from './environment.ts'
import { parseExposition, type Sample, sumOf } from './exposition.ts'
import { type ActorLine, checkLevel, type LevelCheck } from './level-check.ts'
import { faultsOf, type SentBySymbol, type TableContents } from './run-check.ts'
import { type Exchange, fullSpeed, type K2, type Market, startExchange, startK2 } from './system.ts'
import { deadLetterLines, readTable } from './table-check.ts'
import type { Window } from './windows.ts'

export interface FlowSetup<A> {
  /** Data folder of K2. */
  readonly folder: string
  readonly market?: Market
  /** Arguments of `node` for K2. */
  readonly nodeFlags?: readonly string[]
  /** Settings of K2 that are not the defaults. */
  readonly settings?: Readonly<Record<string, string>>
  /** What strikes K2 is the figure's own: it may degrade. */
  readonly isStruck?: boolean
  /** Runs while trades flow; when it ends, the exchange falls silent. */
  readonly during: (flow: Flow) => Promise<A>
}

/** A run while trades flow. */
export interface Flow {
  readonly k2: K2
  readonly exchange: Exchange
  /** K2's metrics now. */
  readonly look: () => Promise<readonly Sample[]>
}

/** What goes through K2, and what it takes, within a window of time. */
export const measuredWindow = async (
  { k2, look }: Flow,
  windowMs: number
): Promise<Omit<Window, 'isAttached'>> => {
  const now = async () => {
    const trades = tradesReceived(await look())
    const { cpuSeconds } = await processUse(k2.running.pid)
    return { atMs: performance.now(), trades, cpuSeconds }
  }
  const before = await now()
  await pause(windowMs)
  const after = await now()
  return {
    seconds: (after.atMs - before.atMs) / 1_000,
    trades: after.trades - before.trades,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds
  }
}

export interface FlowResult<A> {
  readonly during: A
  readonly table: TableContents
  /** K2's metrics when nearly all had landed. */
  readonly samples: readonly Sample[]
  readonly peakBytes: number
  /** What was wrong; such a run has measured nothing. */
  readonly faults: readonly string[]
  /** Which check of the level was made. */
  readonly levelNote: string
}

const pollMs = 100
const firstTradeMsMax = 30_000
const landedMsMax = 180_000
const endMsMax = 20_000
/** Rows of half a commit: with less to land K2 may be asked to end. */
const backlogRowsMax = 65_536
/** The default `K2_DISK_LIMIT`, and something to move in. */
const roomBytes = 12 * 1_024 ** 3

export const runFlow = async <A>(
  { workspace }: Pick<BenchContext, 'workspace'>,
  { folder, market = fullSpeed, nodeFlags = [], settings = {}, isStruck, during }: FlowSetup<A>
): Promise<FlowResult<A>> => {
  await requireRoom(folder, roomBytes)
  const exchange = await startExchange(workspace, market)
  const k2 = await startK2(workspace, folder, { exchange, nodeFlags, settings })
  const scrapes: (readonly Sample[])[] = []
  const look = async () => {
    const samples = await scrape(k2)
    scrapes.push(samples)
    return samples
  }
  try {
    await until('the first trade', firstTradeMsMax, async () => published(await scrape(k2)) > 0)
    const measured = await during({ k2, exchange, look })
    await look()
    const level = await levelOf(k2, scrapes)
    const stalled = await exchange.client.post('/control/faults', { stall: true })
    if (stalled.status !== 200) throw new Error(`the exchange did not stall: ${stalled.text}`)
    const samples = await untilLanded(k2)
    const sent = await sentBy(exchange)
    const { peakBytes } = await processUse(k2.running.pid)
    const exitCode = await k2.running.end(endMsMax)
    const table = await readTable(folder)
    const facts = {
      table,
      sent,
      exitCode,
      received: tradesReceived(samples),
      rejected: sumOf(samples, 'k2_feed_rejected_frames_total'),
      deadLetters: await deadLetterLines(folder)
    }
    const faults = [...faultsOf(facts), ...(isStruck === true ? [] : level.faults)]
    const levelNote = isStruck === true ? 'level: not checked, K2 was struck' : level.note
    return { during: measured, table, samples, peakBytes, faults, levelNote }
  } finally {
    k2.client.close()
    exchange.client.close()
    await k2.running.end(endMsMax)
    await exchange.running.end(endMsMax)
  }
}

/** Looks once a second while trades flow. */
export const everySecond = async (seconds: number, look: () => Promise<void>): Promise<void> => {
  const endMs = performance.now() + seconds * 1_000
  for (let nextMs = performance.now(); ; ) {
    nextMs = Math.min(nextMs + 1_000, endMs)
    await pause(Math.max(0, nextMs - performance.now()))
    await look()
    if (nextMs >= endMs) return
  }
}

/** Trade frames that the feeds have counted. */
export const tradesReceived = (samples: readonly Sample[]): number =>
  sumOf(samples, 'k2_feed_frames_total', { kind: 'trade' })

export const commitsLanded = (samples: readonly Sample[]): number =>
  sumOf(samples, 'k2_iceberg_transactions_total', { operation: 'append' })

const scrape = async ({ client }: K2): Promise<readonly Sample[]> =>
  parseExposition((await client.get('/metrics')).text)

const published = (samples: readonly Sample[]): number =>
  sumOf(samples, 'k2_published_records_total')

const levelOf = async (
  { client }: K2,
  scrapes: readonly (readonly Sample[])[]
): Promise<LevelCheck> => {
  const actors = await client.get('/v1/system/actors')
  const ready = await client.get('/health/ready')
  const { data } = JSON.parse(actors.text) as { readonly data: { readonly root: ActorLine } }
  return checkLevel({
    scrapes,
    actors: data.root,
    readyStatus: ready.status,
    readyText: ready.text
  })
}

/** Waits until all that was received is durable and nearly all of it landed; the metrics then. */
const untilLanded = async (k2: K2): Promise<readonly Sample[]> => {
  let last: readonly Sample[] = []
  let receivedBefore = -1
  await until('the landing of all trades', landedMsMax, async () => {
    last = await scrape(k2)
    const received = tradesReceived(last)
    const shed = sumOf(last, 'k2_messages_shed_total')
    if (shed > 0) throw new Error(`K2 let ${shed} trades go: too much for this machine`)
    const isQuiet = received === receivedBefore && published(last) === received
    receivedBefore = received
    return isQuiet && received - sumOf(last, 'k2_landed_records') <= backlogRowsMax
  })
  return last
}

const sentBy = async ({ client }: Exchange): Promise<SentBySymbol> => {
  const status = JSON.parse((await client.get('/control')).text) as {
    readonly connections: readonly { readonly sent: SentBySymbol }[]
  }
  if (status.connections.length !== 1) {
    throw new Error(`K2 connected ${status.connections.length} times, not once`)
  }
  return status.connections[0]!.sent
}

const until = async (what: string, msMax: number, holds: () => Promise<boolean>): Promise<void> => {
  const startedMs = performance.now()
  while (!(await holds())) {
    if (performance.now() - startedMs > msMax) throw new Error(`no ${what} within ${msMax} ms`)
    await pause(pollMs)
  }
}
