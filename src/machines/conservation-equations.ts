/**
 * The equations of R16, from the counts that exist. Each side is counted by another: what one of
 * them forgets, the other has.
 *
 * A feed recognises no repeats, so that they are no term of its own: what two of its connections
 * both bring is received and accepted twice, and is a duplicate where it lands.
 */
import type { DataType } from '../market/data-type.ts'
import type { Tier } from '../market/tier.ts'
import type { Equation, Terms } from './conservation.ts'
import type { PartitionCounters } from './partition-fold.ts'

/** Whose records they are. */
export interface Place {
  readonly exchange: string
  readonly dataType: DataType
  readonly symbol?: string
  readonly tier?: Tier
  readonly partition?: number
}

/** Of one symbol, by its feed. */
export interface FeedCounts {
  readonly received: number
  readonly accepted: number
  readonly rejected: number
  readonly refused: number
  readonly shed: number
  /** Records that the publisher has been asked to take. */
  readonly offered: number
}

/** By the publisher, which has taken them from feed or healer, or found them in the spool. */
export interface TakenCounts {
  /** Records that were taken from the feeds. */
  readonly accepted: number
  /** Records that were taken from the healer. */
  readonly healed: number
  readonly recovered: number
  /** Records that the event log has acknowledged. */
  readonly acknowledged: number
  /** Records that the event log will never take, and that are dead letters. */
  readonly setAside: number
  /** Records that are in the spool now. */
  readonly spooled: number
  readonly inFlight: number
  /** Records that a publisher could leave to nobody when it ended. */
  readonly abandoned: number
}

export interface LandedCounts {
  readonly counters: PartitionCounters
  /** Next offset to land, and where counting began. */
  readonly offset: number
  readonly origin: number
  readonly compactedAway: number
  /** Records of the partition that have not been consumed, as far as it is known. */
  readonly rest: number | undefined
}

export const feedEquation = (place: Place, counts: FeedCounts): Equation => {
  const { received, accepted, rejected, refused, shed, offered } = counts
  return equation('feed', place, { received }, { accepted, shed, refused, rejected, offered })
}

export const handoverEquation = (
  place: Place,
  { accepted }: Pick<FeedCounts, 'accepted'>,
  { accepted: taken }: Pick<TakenCounts, 'accepted'>
): Equation => equation('handover', place, { accepted }, { taken })

export const publisherEquation = (place: Place, counts: TakenCounts): Equation => {
  const { accepted, healed, recovered, abandoned } = counts
  const { acknowledged, setAside: dead_lettered, spooled, inFlight: in_flight } = counts
  const right = { acknowledged, dead_lettered, spooled, in_flight, abandoned }
  return equation('publisher', place, { accepted, healed, recovered }, right)
}

/** What the spool has beyond it has just come or is just leaving. */
export const spoolEquation = (
  place: Place,
  { inSpool: in_spool, spooled }: { readonly inSpool: number; readonly spooled: number }
): Equation => ({ ...equation('spool', place, { in_spool }, { spooled }), relation: 'at_least' })

/** What was appended and is not counted as acknowledged has been sent again, or is just counted. */
export const appendEquation = (
  place: Place,
  { appended, acknowledged }: { readonly appended: number; readonly acknowledged: number }
): Equation => ({
  ...equation('append', place, { appended }, { acknowledged }),
  relation: 'at_least',
  beside: { resent: Math.max(0, appended - acknowledged) }
})

export const landingEquation = (place: Place, counts: LandedCounts): Equation => {
  const { offset, origin, compactedAway, rest } = counts
  const { landed, late, duplicates, deadLettered: dead_lettered, held } = counts.counters
  const away = compactedAway === 0 ? {} : { compacted_away: compactedAway }
  const right = { landed, duplicates, dead_lettered, held, ...away }
  return {
    ...equation('landing', place, { consumed: offset - origin }, right),
    beside: { late, ...(rest === undefined ? {} : { rest }) }
  }
}

/** Since the lander has read the table last. */
export const tableEquation = (
  place: Place,
  { landed, rows }: { readonly landed: number; readonly rows: number }
): Equation => equation('table', place, { landed }, { rows })

const equation = (name: Equation['name'], place: Place, left: Terms, right: Terms): Equation => {
  const { exchange, dataType, symbol = null, tier = null, partition = null } = place
  return {
    name, exchange, dataType, symbol, tier, partition, left, right,
    relation: 'equal',
    beside: none
  }
}

const none: Terms = {}
