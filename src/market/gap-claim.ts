/**
 * Why ids of a symbol are missing, as the one says who let them go: a reason for holes that landing
 * will find (R3, R5). Claims may overlap, repeat, and cover ids that landed after all: the holes
 * are the fact.
 */
import type { StreamedDataType } from './data-type.ts'

/**
 * `shed`, `paused`, `spool_full`: not taken, under pressure. `disconnect`, `restart`: nobody was
 * there. `rejected`: it cannot be a record. `never_issued`: the venue's history has it not.
 */
export type ClaimReason =
  | 'shed'
  | 'disconnect'
  | 'paused'
  | 'restart'
  | 'rejected'
  | 'spool_full'
  | 'never_issued'

export interface GapClaim {
  /** Of trades where it is absent. */
  readonly dataType?: StreamedDataType
  readonly exchange: string
  /** The venue's own spelling. */
  readonly symbol: string
  readonly reason: ClaimReason
  /** Lowest and highest native id; null where no id is known. */
  readonly fromId: number | null
  readonly toId: number | null
  /** Records that were let go; fewer than the range has ids where some of it was taken. */
  readonly count: number
  /** When the first and the last of them was let go, microseconds since 1970. */
  readonly sinceUs: number
  readonly untilUs: number
}
