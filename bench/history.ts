/**
 * A data folder with a past: a log and a table to which the lander has committed many times, as if
 * K2 had run on the default simulated exchange until some minutes ago.
 */
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import { dataFolderAt } from '../src/actors/storage/data-folder.ts'
import { appendTrades, openLog, TradeCounts } from './event-log.ts'
import { defaults, landOver, topicOf } from './landing.ts'
import { openMarket } from './market.ts'
import { contentFaults } from './run-check.ts'
import { readTable } from './table-check.ts'

const exchange = 'SIMULATED'
const { simulatorRate: rate, simulatorSeed: seed } = defaults
/**
 * The market comes in bursts: so much longer than by its rate the past may take. It must be over
 * when K2 starts, whose trades would be repeats of it otherwise.
 */
const burstShare = 1.2

/** @throws if the folder does not hold exactly so many commits of what was appended */
export const buildHistory = async (
  folder: string,
  commits: number,
  commitRows: number
): Promise<void> => {
  const appended = await Effect.runPromise(
    Effect.scoped(landHistory(folder, commits, commitRows))
  )
  const table = await readTable(folder)
  const faults = [...contentFaults(table, appended)]
  if (table.lastReceivedUs / 1e3 >= Date.now()) faults.push('it is not over')
  if (table.commits !== commits) faults.push(`the table has had ${table.commits} commits`)
  if (faults.length > 0) throw new Error(`the past was not built: ${faults.join('; ')}`)
}

/** The log gets the rows of a commit after the commit before. */
const landHistory = Effect.fnUntraced(function* (
  folder: string,
  commits: number,
  commitRows: number
) {
  const topic = topicOf(exchange)
  const log = yield* openLog(dataFolderAt(folder).log, topic)
  const originMs = Date.now() - (burstShare * commits * commitRows * 1_000) / rate
  const market = openMarket({ exchange, seed, rate, originMs })
  const counts = new TradeCounts()
  const committed = Latch.makeUnsafe(true)
  const feeding = Effect.gen(function* () {
    for (let commit = 0; commit < commits; commit += 1) {
      yield* committed.await
      committed.closeUnsafe()
      const trades = market.trades(commitRows)
      counts.add(trades)
      yield* appendTrades(log, topic, trades)
    }
  })
  const onCommit = () => void committed.openUnsafe()
  const landing = landOver({ folder, commitRows }, { topic, log, commits, onCommit })
  yield* Effect.all([feeding, landing], { concurrency: 'unbounded', discard: true })
  return counts.bySymbol
})
