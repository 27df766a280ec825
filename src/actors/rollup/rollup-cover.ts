/**
 * What of the trades the table of candles covers: files up to a sequence number, of the history of
 * a snapshot (R21). A file has the number of the snapshot that brought the newest of its rows, also
 * once it is merged with others: what a table does not cover is in files with greater numbers.
 */
import {
  lineage,
  type Snapshot,
  snapshotById,
  type TableMetadata
} from '../../adapters/iceberg/metadata.ts'

export const coversKey = 'k2.covers'
const tradesKey = 'market.trades'

export interface Cover {
  /** Of the trades, decimal text. */
  readonly snapshotId: string
  readonly sequence: number
}

export const coverText = ({ snapshotId, sequence }: Cover): string =>
  JSON.stringify({ [tradesKey]: { snapshot: snapshotId, sequence } })

/** Undefined where it says nothing that is understood here: then nothing is covered. */
export const parseCover = (text: string | undefined): Cover | undefined => {
  if (text === undefined) return undefined
  const value = (JSON.parse(text) as Readonly<Record<string, unknown>>)[tradesKey]
  const { snapshot, sequence } = (value ?? {}) as { snapshot?: unknown; sequence?: unknown }
  return typeof snapshot === 'string' && typeof sequence === 'number'
    ? { snapshotId: snapshot, sequence }
    : undefined
}

/**
 * Up to which number files of a snapshot of the trades are covered; -Infinity where what is covered
 * is of another history, or newer than the snapshot.
 */
export const coveredSequence = (
  trades: TableMetadata,
  snapshotId: bigint | null,
  cover: Cover | undefined
): number => {
  const snapshot = snapshotId === null ? null : snapshotById(trades, snapshotId)
  if (cover === undefined || snapshot === null) return -Infinity
  return isOfHistory(trades, snapshot, cover) ? cover.sequence : -Infinity
}

/** One that has expired was in the history of those that are kept, where they are newer. */
const isOfHistory = (trades: TableMetadata, snapshot: Snapshot, cover: Cover): boolean => {
  const ancestors = lineage(trades, snapshot)
  const covered = snapshotById(trades, BigInt(cover.snapshotId))
  return covered === null
    ? ancestors.at(-1)!['sequence-number'] > cover.sequence
    : ancestors.includes(covered)
}
