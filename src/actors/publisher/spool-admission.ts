/**
 * Which records may still be taken while the event log takes none: those that have room in the
 * spool, or else in memory. By tier, so that what matters least is refused first (R34).
 *
 * 1. A quarter of the room is reserved for tier 1. Data types that may be dropped have half of it
 *    at most: they go before others.
 * 2. What is in memory counts as if it were in the spool already: all of it has a place there.
 * 3. Where the spool has no room, memory takes records up to half of its bound: that lasts for a
 *    moment, and leaves room for lanes that go on. Room in a spool that has failed is none.
 */
import type { SpoolUsage } from '../../adapters/log/spool.ts'
import type { Tier } from '../../market/tier.ts'

export interface AdmissionState {
  /** Undefined while it takes nothing, whatever its room. */
  readonly spool: Pick<SpoolUsage, 'bytes' | 'bytesMax'> | undefined
  /** Bytes in memory, and where offers begin to wait. */
  readonly pendingBytes: number
  readonly pendingBytesMax: number
  readonly isSheddable: boolean
}

/** Bytes that records of a tier may still take. */
export const roomBytes = (tier: Tier, state: AdmissionState): number => {
  const { spool, pendingBytes, pendingBytesMax, isSheddable } = state
  const share = Math.min(tier === 1 ? 1 : unreservedShare, isSheddable ? sheddableShare : 1)
  const inSpool = spool === undefined ? 0 : spool.bytesMax * share - spool.bytes - pendingBytes
  const inMemory = pendingBytesMax * memoryShare * share - pendingBytes
  return Math.max(inSpool, inMemory) - recordBytesSlack
}

const unreservedShare = 0.75
const sheddableShare = 0.5
/** Below the share at which waiting offers go on. */
const memoryShare = 0.5
/** A record is measured when it is written: as much as a large one, and the header of its batch. */
const recordBytesSlack = 4_096
