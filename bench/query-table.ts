/**
 * The table that queries are measured on: 10 M trades of ten symbols over three days, landed by the
 * real lander and laid out by the real compaction (R22).
 *
 * 1. It is built once and kept below the user's cache directory: the market is seeded, so it is the
 *    same table on every machine. A folder without its facts was not finished, and is built anew.
 * 2. A real event log lies beside it, so that K2 starts on the folder as on one of its own.
 * 3. It is never written to: whoever starts a K2 on it borrows a copy.
 * 4. Every trade is in it once, which DuckDB has counted outside of K2.
 */
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { dataFolderAt } from '../src/actors/storage/data-folder.ts'
import { compactNow } from './compaction.ts'
import { requireRoom } from './environment.ts'
import { openLog, TradeCounts } from './event-log.ts'
import { GrowingLog } from './growing-log.ts'
import { landOver, topicOf } from './landing.ts'
import { openMarket, Packer } from './market.ts'
import { contentFaults } from './run-check.ts'
import { readTable } from './table-check.ts'

export interface QueryTable {
  readonly folder: string
  readonly rows: number
  readonly files: number
  /** Of all rows, µs. */
  readonly newestUs: number
}

/** Another number for another table. */
const version = 3
/** Not that of the exchange whose trades arrive while queries are measured: ids are another's. */
const exchange = 'ARCHIVE'
const topic = topicOf(exchange)
const days = 3
const commitRows = 250_000
const groupsMax = 1_000
const bytesPerRow = 300
/** 2026-11-23T00:00:00Z. */
const originMs = Date.UTC(2026, 10, 23)
const queryTableRows = 10_000_000

/** @throws if it cannot be built, or does not hold exactly the trades that were landed */
export const openQueryTable = async (
  progress: (text: string) => void,
  rows: number = queryTableRows
): Promise<QueryTable> => {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'k2')
  const folder = join(cache, `bench-trades-${rows}-${version}`)
  await putBack(folder)
  const factsFile = join(folder, 'facts.json')
  const kept = await readFile(factsFile, 'utf8').catch(() => undefined)
  if (kept !== undefined) return { ...(JSON.parse(kept) as Omit<QueryTable, 'folder'>), folder }
  await rm(folder, { recursive: true, force: true }) // (1)
  await mkdir(folder, { recursive: true })
  await requireRoom(folder, rows * bytesPerRow)
  progress(`the table of ${rows} trades is built in ${folder}, once`)
  const facts = await build(folder, rows, progress)
  await writeFile(factsFile, `${JSON.stringify(facts)}\n`)
  return { ...facts, folder }
}

/**
 * Runs `use` with a copy of the table in its place, since its metadata names where its files are;
 * afterwards, or when it is opened next, the table is as it was.
 */
export const lendQueryTable = async <A>(
  { folder }: QueryTable,
  use: () => Promise<A>
): Promise<A> => {
  const away = `${folder}${awaySuffix}`
  await rename(folder, away)
  try {
    await cp(away, folder, { recursive: true, preserveTimestamps: true })
    return await use()
  } finally {
    await putBack(folder)
  }
}

const awaySuffix = '.lent'

const putBack = async (folder: string): Promise<void> => {
  const away = `${folder}${awaySuffix}`
  if (!existsSync(away)) return
  await rm(folder, { recursive: true, force: true })
  await rename(away, folder)
}

const build = async (folder: string, rows: number, progress: (text: string) => void) => {
  const rate = rows / (days * 86_400)
  const sent = await Effect.runPromise(Effect.scoped(land(folder, { rows, rate, progress })))
  progress('its files are merged')
  await Effect.runPromise(compactNow({ folder, groupsMax }))
  progress('its rows are counted')
  const table = await readTable(folder)
  const faults = contentFaults(table, sent.counts)
  if (table.rows !== rows) throw new Error(`the table has ${table.rows} rows`)
  if (faults.length > 0) throw new Error(`the table was not built: ${faults.join('; ')}`)
  return { rows, files: table.files, newestUs: sent.newestUs }
}

interface Landing {
  readonly rows: number
  /** Trades per second of the market's time. */
  readonly rate: number
  readonly progress: (text: string) => void
}

const land = Effect.fnUntraced(function* (folder: string, { rows, rate, progress }: Landing) {
  const { log: directory } = dataFolderAt(folder)
  const identity = (yield* Effect.scoped(openLog(directory, topic))).identityOf(topic) // (2)
  const market = openMarket({ exchange, rate, originMs })
  const [packer, counts, log] = [new Packer(), new TradeCounts(), new GrowingLog(identity, topic)]
  const commits = rows / commitRows
  let [landed, newestUs] = [0, 0]
  const next = () => {
    const trades = market.trades(commitRows)
    counts.add(trades)
    newestUs = trades.reduce((newest, { timestampUs }) => Math.max(newest, timestampUs), newestUs)
    log.append(packer.pack(trades))
  }
  const onCommit = () => {
    landed += 1
    if (landed % 10 === 0) progress(`${landed} of ${commits} commits`)
    if (landed < commits) next()
  }
  next()
  yield* landOver({ folder, commitRows }, { topic, log, commits, onCommit })
  return { counts: counts.bySymbol, newestUs }
})

