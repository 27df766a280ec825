/** A claim as it goes through the event log, and back. */
import type { GapClaim } from './gap-claim.ts'
import type { GapClaimV1 } from './records/gap-claim-v1.ts'

export const claimRecord = (claim: GapClaim, nowUs: number): GapClaimV1 => {
  const { dataType = 'trades', exchange, symbol, reason, fromId, toId, count } = claim
  const [since, until] = [Math.round(claim.sinceUs), Math.round(claim.untilUs)]
  const ids = `${fromId ?? ''}-${toId ?? ''}`
  return {
    message_id: `${exchange}:${symbol}:${dataType}-${reason}:${ids}:${since}-${until}`,
    symbol,
    exchange,
    data_type: dataType,
    reason,
    from_id: fromId,
    to_id: toId,
    count,
    since,
    until,
    ingestion_timestamp: nowUs
  }
}

export const claimOf = (record: GapClaimV1): GapClaim => ({
  dataType: record.data_type,
  exchange: record.exchange,
  symbol: record.symbol,
  reason: record.reason,
  fromId: record.from_id,
  toId: record.to_id,
  count: record.count,
  sinceUs: record.since,
  untilUs: record.until
})
