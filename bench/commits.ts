/**
 * Commits of 500 rows, one after the other on a table that grows to 1,000 of them: data files,
 * sequence states and snapshot, each durable (R27).
 */
import type { BenchContext } from './context.ts'
import { landRounds, type Round } from './landing.ts'
import { openMarket, Packer, tradesOf } from './market.ts'
import { Measures, type Outcome } from './report.ts'
import { median, percentile } from './statistics.ts'

const commits = 1_000
const commitRows = 500
/** Commits, counted from 1, whose medians are compared; the first ones still warm up. */
const early = [10, 20] as const
const late = [990, 1_000] as const

export const measureCommits = async ({
  workspace,
  runs,
  settle,
  progress
}: BenchContext): Promise<Outcome> => {
  const rounds = makeRounds()
  const measures = new Measures()
  for (let run = 1; run <= runs; run += 1) {
    await settle()
    const folder = await workspace.folder('commits')
    const { commitMs, rows } = await landRounds(folder, rounds, commitRows)
    if (commitMs.length !== commits || rows !== commits * commitRows) {
      measures.failures.push(`run ${run}: ${commitMs.length} commits landed ${rows} rows`)
      break
    }
    measures.add('commit of 500 rows, p50', 'ms', percentile(commitMs, 0.5))
    measures.add('commit of 500 rows, p99', 'ms', percentile(commitMs, 0.99))
    measures.add('median of commits 10 to 20', 'ms', medianOf(commitMs, early))
    measures.add('median of commits 990 to 1000', 'ms', medianOf(commitMs, late))
    measures.add('late over early', '×', medianOf(commitMs, late) / medianOf(commitMs, early))
    progress(`commits run ${run}: p50 ${percentile(commitMs, 0.5).toFixed(2)} ms`)
    await workspace.discard(folder)
  }
  return measures.outcome
}

const makeRounds = (): readonly Round[] => {
  const market = openMarket()
  const packer = new Packer()
  return Array.from({ length: commits }, () => packer.pack(tradesOf(market.frames(commitRows))))
}

const medianOf = (values: readonly number[], [from, to]: readonly [number, number]): number =>
  median(values.slice(from - 1, to))
