/**
 * The equations of R16, from the counts that exist. Each side is counted by another: what one of
 * them forgets, the other has.
 *
 * A feed recognises no repeats, so that they are no term of its own: what two of its connections
 * both bring is received and accepted twice, and is a duplicate where it lands.
 */
import type { DataType } from '../market/data-type.ts'
import type { Tier } from '../market/tier.ts'
import type { Equation } from './conservation.ts'
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
  readonly accepted: number
  readonly healed: number
  readonly recovered: number
  readonly acknowledged: number
  readonly setAside: number
  readonly spooled: number
  readonly inFlight: number
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
  return {
    ...placed('feed', place),
    left: { received },
    right: { accepted, shed, refused, rejected, offered }
  }
}

export const handoverEquation = (
  place: Place,
  { accepted }: Pick<FeedCounts, 'accepted'>,
  { accepted: taken }: Pick<TakenCounts, 'accepted'>
): Equation => ({ ...placed('handover', place), left: { accepted }, right: { taken } })

export const publisherEquation = (place: Place, counts: TakenCounts): Equation => {
  const { accepted, healed, recovered, abandoned } = counts
  const { acknowledged, setAside: dead_lettered, spooled, inFlight: in_flight } = counts
  return {
    ...placed('publisher', place),
    left: { accepted, healed, recovered },
    right: { acknowledged, dead_lettered, spooled, in_flight, abandoned }
  }
}

/** What the spool has beyond it has just come or is just leaving. */
export const spoolEquation = (
  place: Place,
  { inSpool, spooled }: { readonly inSpool: number; readonly spooled: number }
): Equation => ({
  ...placed('spool', place),
  relation: 'at_least',
  left: { in_spool: inSpool },
  right: { spooled }
})

/** What was appended and is not counted as acknowledged has been sent again, or is just counted. */
export const appendEquation = (
  place: Place,
  { appended, acknowledged }: { readonly appended: number; readonly acknowledged: number }
): Equation => ({
  ...placed('append', place),
  relation: 'at_least',
  left: { appended },
  right: { acknowledged },
  beside: { resent: Math.max(0, appended - acknowledged) }
})

export const landingEquation = (place: Place, counts: LandedCounts): Equation => {
  const { offset, origin, compactedAway, rest } = counts
  const { landed, late, duplicates, deadLettered: dead_lettered, held } = counts.counters
  return {
    ...placed('landing', place),
    left: { consumed: offset - origin },
    right: {
      landed,
      duplicates,
      dead_lettered,
      held,
      ...(compactedAway === 0 ? {} : { compacted_away: compactedAway })
    },
    beside: { late, ...(rest === undefined ? {} : { rest }) }
  }
}

/** Since the lander has read the table last. */
export const tableEquation = (
  place: Place,
  { landed, rows }: { readonly landed: number; readonly rows: number }
): Equation => ({ ...placed('table', place), left: { landed }, right: { rows } })

const placed = (name: Equation['name'], place: Place) => ({
  name,
  exchange: place.exchange,
  dataType: place.dataType,
  symbol: place.symbol ?? null,
  tier: place.tier ?? null,
  partition: place.partition ?? null,
  relation: 'equal' as const,
  beside: {}
})
