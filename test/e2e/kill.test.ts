/**
 * SIGKILL at any moment: what the log has acknowledged is in the table exactly once after the next
 * start, whatever the process was doing.
 *
 * The exchange goes on while K2 is down, so ids have holes between two lives of K2; the table is
 * held against the log, which is what K2 promises (DESIGN part 1, promise 1). `K2_KILL_ROUNDS` sets
 * the number of kills, `K2_KILL_SEED` repeats a run's moments and settings.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { checkedData, Exactness } from '../support/exactness.ts'
import { k2Fixture, type K2Process, type K2Settings } from '../support/k2-process.ts'
import { settingsOf, type Venue, withSource } from '../support/venue.ts'
import { dataFiles, namesIn, openTable } from '../support/warehouse.ts'

const k2s = k2Fixture()

const rounds = Number(process.env['K2_KILL_ROUNDS'] ?? 50)
const seed = Number(process.env['K2_KILL_SEED'] ?? randomInt(2 ** 31))
const testMsMax = 900_000
const [trades, quotes] = checkedData('binance')
const symbols = generatedSymbols.map(({ symbol }) => symbol)

/** Where a moment is counted from, and how long after that it may be. */
const phases = [
  { share: 0.15, since: 'spawned', msMax: 1_500 },
  { share: 0.25, since: 'serving', msMax: 500 },
  { share: 0.6, since: 'trading', msMax: 1_800 }
] as const
const pollMs = 50

/** mulberry32: numbers in [0, 1). */
const randomFrom = (start: number) => {
  let state = start >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const phaseAt = (share: number) => {
  let end = 0
  return phases.find((phase) => share < (end += phase.share)) ?? phases[2]
}

const generator = (rate: number) => makeGeneratorSource({ seed, rate })

interface Published {
  readonly trades: number
  readonly quotes: number
}

/** Records that this process has called durable; 0 while it cannot be asked. */
const publishedBy = async (k2: K2Process): Promise<Published> => {
  if (k2.announcedUrl === undefined || k2.hasEnded) return { trades: 0, quotes: 0 }
  const of = async (topic: string) =>
    (await k2.metric('k2_published_records_total', { topic })) ?? 0
  try {
    return { trades: await of(trades.topic), quotes: await of(quotes.topic) }
  } catch {
    return { trades: 0, quotes: 0 }
  }
}

/** Lets K2 run until the moment and kills it; what it had acknowledged by then. */
const killAfter = async (k2: K2Process, ms: number): Promise<Published> => {
  const momentMs = performance.now() + ms
  let published: Published = { trades: 0, quotes: 0 }
  while (performance.now() < momentMs) {
    const now = await publishedBy(k2)
    published = {
      trades: Math.max(published.trades, now.trades),
      quotes: Math.max(published.quotes, now.quotes)
    }
    await pause(Math.max(0, Math.min(pollMs, momentMs - performance.now())))
  }
  k2.kill('SIGKILL')
  expect(await k2.exit(), k2.describe()).toEqual({ code: null, signal: 'SIGKILL' })
  return published
}

test(
  `${rounds} kills at random moments (K2_KILL_SEED=${seed}) leave the table exact`,
  async ({ annotate }) => {
    const random = randomFrom(seed)
    const pick = <A>(...choices: readonly [A, ...A[]]): A =>
      choices[Math.floor(random() * choices.length)] ?? choices[0]
    const dataFolder = k2s.dataFolder()
    const exactness = new Exactness(dataFolder, trades)
    const ofQuotes = new Exactness(dataFolder, quotes)
    let loggedQuotes = 0
    let logged = 0
    let landed = 0
    let committed = 0
    let unfinished = 0
    await withSource(
      generator(5_000),
      async (venue: Venue) => {
        for (let round = 1; round <= rounds; round++) {
          const k2 = k2s.start({
            ...settingsOf(venue, symbols),
            K2_DATA_DIR: dataFolder,
            K2_COMMIT_AGE: pick('100ms', '200ms', '300ms'),
            K2_COMMIT_ROWS: pick('100', '1000', '100000'),
            K2_LOG_FLUSH_INTERVAL: pick('0ms', '5ms', '20ms', '50ms')
          })
          const phase = phaseAt(random())
          const ms = random() * phase.msMax
          if (phase.since === 'serving') await k2.url()
          if (phase.since === 'trading') {
            await k2.atLeast('k2_published_records_total', 1, { topic: trades.topic })
          }
          const published = await killAfter(k2, ms)
          const standing = await failWith(
            `round ${round}`,
            k2,
            exactness.check(logged + published.trades)
          )
          const { logged: quotesNow } = await failWith(
            `quotes of round ${round}`,
            k2,
            ofQuotes.check(loggedQuotes + published.quotes)
          )
          loggedQuotes = quotesNow
          logged = standing.logged
          if (standing.landed < standing.logged) unfinished++
          if (standing.landed > landed) committed++
          landed = standing.landed
        }
        const last = k2s.start({ ...settingsOf(venue, symbols), K2_DATA_DIR: dataFolder })
        await last.ready()
        last.kill('SIGINT')
        expect(await last.exit(), last.describe()).toEqual({ code: 0, signal: null })
        expect(last.log.filter(({ level }) => level === 'error')).toEqual([])
        const standing = await exactness.check(logged)
        expect(standing.landed).toBe(standing.logged)
        logged = standing.logged
        const standingQuotes = await ofQuotes.check(loggedQuotes)
        expect(standingQuotes.landed).toBe(standingQuotes.logged)
        loggedQuotes = standingQuotes.logged
      },
      { speed: 1 }
    )
    await annotate(
      `${logged} trades, ${loggedQuotes} quotes; ` +
        `of ${rounds} kills ${unfinished} left records that had not landed, ` +
        `${committed} came after a commit, ${await unreferenced(dataFolder)} in the midst of one`
    )
    expect(logged).toBeGreaterThan(0)
    expect(loggedQuotes).toBeGreaterThan(0)
  },
  testMsMax
)

test(
  'a log that is full of records that have not landed survives the kill, and all of it lands',
  async () => {
    const dataFolder = k2s.dataFolder()
    const exactness = new Exactness(dataFolder, trades, { mayRepeat: true })
    const ofQuotes = new Exactness(dataFolder, quotes, { mayRepeat: true })
    const { topic } = trades
    const settings = (venue: Venue): K2Settings => ({
      ...settingsOf(venue, symbols),
      K2_DATA_DIR: dataFolder,
      K2_LOG_DISK_LIMIT: '64MiB'
    })
    await withSource(
      generator(30_000),
      async (venue) => {
        const k2 = k2s.start({
          ...settings(venue),
          K2_COMMIT_AGE: '10m',
          K2_COMMIT_ROWS: '1048576',
          K2_COMMIT_BYTES: '1GiB'
        })
        await k2.ready()
        await k2.atLeast('k2_publish_refused_total', 1, { topic })
        const published = await publishedBy(k2)
        k2.kill('SIGKILL')
        await k2.exit()
        const before = await exactness.check(published.trades)
        const quotesBefore = await ofQuotes.check(published.quotes)
        expect(before.logged - before.landed).toBeGreaterThan(100_000)

        // The exchange is silent now: what lands is what the log had.
        venue.control.request({ refuse: 'all', drop: 'all' })
        const again = k2s.start({ ...settings(venue), K2_COMMIT_AGE: '200ms' })
        await again.atLeast('k2_landed_records', before.logged, { topic })
        await again.atLeast('k2_landed_records', quotesBefore.logged, { topic: quotes.topic })
        again.kill('SIGKILL')
        await again.exit()
        // What waited in the spool is in the log now, and some of it may not have landed yet.
        const after = await exactness.check(before.logged)
        expect(after.landed).toBeGreaterThanOrEqual(before.logged)
        const quotesAfter = await ofQuotes.check(quotesBefore.logged)
        expect(quotesAfter.landed).toBeGreaterThanOrEqual(quotesBefore.logged)
      },
      { speed: 'max' }
    )
  },
  testMsMax
)

/** Data files that a kill kept from becoming part of the table. */
const unreferenced = async (dataFolder: string): Promise<number> => {
  const table = openTable(dataFolder)
  if (table === undefined) return 0
  const written = namesIn(join(dataFolder, 'warehouse', 'market', 'trades', 'data'))
  return written.length - (await dataFiles(table)).length
}

/** Adds to a failure what K2 wrote. */
const failWith = async <A>(where: string, k2: K2Process, checked: Promise<A>): Promise<A> => {
  try {
    return await checked
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    throw new Error(`${where}: ${fault}\n${k2.describe()}`, { cause: error })
  }
}
