/**
 * A partition's sequence state from the ids that the table holds (R10). Pure.
 *
 * 1. Every id in the table is inside [low, high] and in no hole, so it never lands again.
 * 2. What the table lacks between two ids is a hole, so it may still land; beyond `holesMax` the
 *    oldest are written off, as the fold itself does (R7).
 * 3. What only the lost state knew is gone: records that waited for confirmation, and ids that had
 *    been written off; ids that retention has removed count as never seen.
 */
import type { IdRun } from '../../adapters/duckdb/parquet-audit.ts'
import { emptyPartitionState, type PartitionState } from '../../machines/partition-fold.ts'
import type { Epoch, Hole, SymbolSequence } from '../../market/sequence.ts'

export interface RebuildOptions {
  /** The table's offset of the partition. */
  readonly offset: number
  /** Whether ids follow each other without gaps (R12). */
  readonly isConsecutive: boolean
  /** Runs that were asked for of each sequence: one more than its holes. */
  readonly runsMax: number
}

/** @param runs of the partition's own symbols, ascending within each sequence */
export const rebuildState = (
  runs: readonly IdRun[],
  { offset, isConsecutive, runsMax }: RebuildOptions
): PartitionState => {
  const state = emptyPartitionState()
  const { counters, sequences } = state
  for (const ofEpoch of grouped(runs).values()) {
    const epoch = epochOf(ofEpoch, isConsecutive)
    const [{ exchange, symbol, load, idsInAll }] = ofEpoch as [IdRun]
    const key = [exchange, symbol, ...(load === '' ? [] : [load])].join(':')
    const sequence: SymbolSequence = (sequences[key] ??= { epochs: [], held: [] })
    sequence.epochs.push(epoch)
    counters.landed += idsInAll
    counters.gapIds += isConsecutive ? epoch.high - epoch.low + 1 - idsInAll : 0
    if (ofEpoch.length > runsMax) throw new RangeError(`${key} has ${ofEpoch.length} runs`)
  }
  for (const { epochs } of Object.values(sequences)) {
    epochs.sort((left, right) => left.number - right.number)
    counters.epochsOpened += epochs.length - 1
  }
  // What was consumed and did not land is not known apart: it counts as duplicates.
  counters.consumed = Math.max(offset, counters.landed)
  counters.duplicates = counters.consumed - counters.landed
  return state
}

const grouped = (runs: readonly IdRun[]): ReadonlyMap<string, IdRun[]> => {
  const groups = new Map<string, IdRun[]>()
  for (const run of runs) {
    const key = JSON.stringify([run.exchange, run.symbol, run.load, run.epoch])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [run])
    else group.push(run)
  }
  return groups
}

const epochOf = (runs: readonly IdRun[], isConsecutive: boolean): Epoch => {
  const [oldest, newest] = [runs[0]!, runs.at(-1)!]
  const holes = runs
    .slice(1)
    .map((run, index): Hole => {
      const before = runs[index]!
      return [before.to + 1, run.from - 1, before.newestUs, run.oldestUs]
    })
  const idsBefore = oldest.idsInAll - runs.reduce((sum, { ids }) => sum + ids, 0)
  const writtenOffIds = isConsecutive ? oldest.from - oldest.lowest - idsBefore : 0
  return {
    number: oldest.epoch,
    startUs: oldest.epoch === 0 ? Number.MIN_SAFE_INTEGER : least(runs, (it) => it.oldestUs),
    low: oldest.lowest,
    ...(oldest.from === oldest.lowest ? { lowUs: oldest.oldestUs } : {}),
    high: newest.to,
    newestUs: -least(runs, (it) => -it.newestUs),
    holes: isConsecutive ? holes : [],
    writtenOffIds,
    ...(writtenOffIds === 0
      ? {}
      : { writtenOff: [[oldest.lowest, oldest.from - 1, writtenOffIds]] })
  }
}

const least = (runs: readonly IdRun[], of: (run: IdRun) => number): number =>
  runs.reduce((found, run) => Math.min(found, of(run)), Number.POSITIVE_INFINITY)
