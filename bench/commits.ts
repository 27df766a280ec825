/**
 * Commits of 500 rows, one after the other on a table that grows to 1,000 of them: data files,
 * sequence states and snapshot, each durable (R27). Beside it PyIceberg appends the same rows to a
 * table of the same schema on the same disk: after each hundred of K2's commits, which wait
 * meanwhile, twenty appends.
 *
 * Nothing is deleted between the runs: without a journal, ext4 passes over the inodes of files that
 * were deleted in the last minutes, and making a file takes up to a millisecond longer.
 */
import { pyIceberg } from '../test/support/pyiceberg/pyiceberg.ts'
import { atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { landRounds, type Round } from './landing.ts'
import { openMarket, Packer } from './market.ts'
import { PyIcebergAppends } from './pyiceberg.ts'
import { Measures, type Outcome } from './report.ts'
import { median, percentile } from './statistics.ts'
import { newestMetadata } from './table-check.ts'

const commits = 1_000
const commitRows = 500
/** Commits, counted from 1, whose medians are compared; the first ones still warm up. */
const early = [10, 20] as const
const late = [990, 1_000] as const
/** PyIceberg's turn comes after so many commits, and is so many appends. */
const turnCommits = 100
const turnAppends = 20
const appends = (commits / turnCommits) * turnAppends

const p50Bar = atMost(15)
const lateBar = atMost(1.2)

export const measureCommits = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, settle, progress } = context
  const market = openMarket()
  const packer = new Packer()
  const rounds = Array.from({ length: commits }, () => packer.pack(market.trades(commitRows)))
  const measures = new Measures()
  const given = await landGiven(context, rounds.slice(0, appends))
  const interpreter = pyIceberg()
  if ('missing' in interpreter) measures.note(interpreter.missing)
  for (let run = 1; run <= runs; run += 1) {
    await settle()
    const folder = await workspace.folder('commits')
    const python =
      'python' in interpreter
        ? new PyIcebergAppends(interpreter.python, given, `${folder}/pyiceberg`)
        : undefined
    const { commitMs, rows, appendMs, faults } = await runOnce(rounds, folder, python)
    if (commitMs.length !== commits || rows !== commits * commitRows) {
      faults.push(`${commitMs.length} commits landed ${rows} rows`)
    }
    measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
    if (faults.length > 0) break
    report(measures, commitMs, appendMs)
    progress(`commits run ${run}: p50 ${percentile(commitMs, 0.5).toFixed(2)} ms`)
  }
  return measures.outcome
}

/** Lands what PyIceberg will append, a data file per commit; the table's metadata file. */
const landGiven = async ({ workspace }: BenchContext, rounds: readonly Round[]) => {
  const folder = await workspace.folder('given')
  await landRounds(rounds, { folder, commitRows })
  return newestMetadata(folder)
}

const runOnce = async (
  rounds: readonly Round[],
  folder: string,
  python: PyIcebergAppends | undefined
) => {
  const appendMs: number[] = []
  const faults: string[] = []
  const turn = async () => {
    if (python !== undefined) appendMs.push(...(await python.append(turnAppends)))
  }
  try {
    const batchRows = (await python?.ready()) ?? []
    if (python !== undefined && batchRows.some((rows) => rows !== commitRows)) {
      faults.push(`PyIceberg was given batches of ${[...new Set(batchRows)].join(', ')} rows`)
    }
    const beforeRound = async (round: number) => {
      if (round > 0 && round % turnCommits === 0) await turn()
    }
    const landed = await landRounds(rounds, { folder: `${folder}/k2`, commitRows, beforeRound })
    await turn()
    const read = await python?.check()
    if (read !== undefined && (read.rows !== appends * commitRows || read.snapshots !== appends)) {
      faults.push(`PyIceberg has ${read.rows} rows in ${read.snapshots} snapshots`)
    }
    return { ...landed, appendMs, faults }
  } finally {
    await python?.end()
  }
}

const report = (
  measures: Measures,
  commitMs: readonly number[],
  appendMs: readonly number[]
): void => {
  const p50 = percentile(commitMs, 0.5)
  measures.add('commit of 500 rows, p50', 'ms', p50, p50Bar)
  measures.add('commit of 500 rows, p99', 'ms', percentile(commitMs, 0.99))
  measures.add('median of commits 10 to 20', 'ms', medianOf(commitMs, early))
  measures.add('median of commits 990 to 1000', 'ms', medianOf(commitMs, late))
  const growth = medianOf(commitMs, late) / medianOf(commitMs, early)
  measures.add('late over early', '×', growth, lateBar)
  if (appendMs.length === 0) return
  const appendP50 = percentile(appendMs, 0.5)
  measures.add('PyIceberg, append of the same 500 rows, p50', 'ms', appendP50)
  measures.add('PyIceberg, the same, p99', 'ms', percentile(appendMs, 0.99))
  measures.add('PyIceberg over K2, p50', '×', appendP50 / p50)
  measures.note(
    `PyIceberg: ${appends} appends to a local SQLite catalog, between K2's commits; K2 syncs ` +
      'data files, states and metadata to disk, PyIceberg only its catalog'
  )
}

const medianOf = (values: readonly number[], [from, to]: readonly [number, number]): number =>
  median(values.slice(from - 1, to))
