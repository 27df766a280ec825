/** Claims of records that had a readable id and cannot land: their holes have a reason (R29). */
import type { StreamedDataType } from '../../market/data-type.ts'
import type { Shared } from '../shared.ts'

export interface RejectedId {
  readonly symbol: string
  readonly nativeId: number
  /** When it was refused, microseconds. */
  readonly atUs: number
}

export const claimRejected = (
  { claims, exchange }: Pick<Shared, 'claims' | 'exchange'>,
  dataType: StreamedDataType,
  rejected: readonly RejectedId[]
): void => {
  for (const { symbol, nativeId, atUs } of rejected) {
    claims.note({
      dataType,
      exchange,
      symbol,
      reason: 'rejected',
      fromId: nativeId,
      toId: nativeId,
      count: 1,
      sinceUs: atUs,
      untilUs: atUs
    })
  }
}
