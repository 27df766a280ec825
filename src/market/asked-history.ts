/** What a venue's history of trades is asked for. */
import type { IdSpan } from './id-ranges.ts'

export interface AskedHistory {
  /** First id asked for, and how many from there on. */
  readonly fromId: number
  readonly limit: number
  /** Whether the venue certainly has `fromId`: it has landed. */
  readonly isFirstKnown: boolean
  /** What is wanted of them, ascending and disjoint. */
  readonly wanted: readonly IdSpan[]
  /** Exchange times that they lie between, microseconds; null where unknown. */
  readonly afterUs: number | null
  readonly beforeUs: number | null
}
