/**
 * Where the records are that a publisher has accepted (R16), at any moment:
 *
 *     accepted + healed + recovered = acknowledged + set aside + spooled + in flight
 *
 * `recovered` are those that were found in the spool when it was opened, of an earlier run or of a
 * send to the spool that ended without word. In flight is what memory holds, which the lanes count.
 */

export interface PublishCounts {
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
  /** Records that were not taken: there was no room for them. */
  readonly refused: number
  /** Records that ever went to the spool. */
  readonly spooledTotal: number
}

export class PublishLedger {
  #accepted = 0
  #healed = 0
  #recovered = 0
  #acknowledged = 0
  #setAside = 0
  #spooled = 0
  #spooledTotal = 0
  #refused = 0

  noteAccepted(records: number): void {
    this.#accepted += records
  }

  /** Of what was accepted in this turn: so many came from the healer. */
  noteHealed(records: number): void {
    this.#accepted -= records
    this.#healed += records
  }

  noteRefused(records: number): void {
    this.#refused += records
  }

  /** From memory into the event log. */
  noteAcknowledged(records: number): void {
    this.#acknowledged += records
  }

  /** From memory into the spool. */
  noteSpooled(records: number): void {
    this.#spooled += records
    this.#spooledTotal += records
  }

  /** From memory to the dead letters. */
  noteSetAside(records: number): void {
    this.#setAside += records
  }

  /** From the spool into the event log. `isStale`: of a spool that was opened anew since. */
  noteDrained(records: number, isStale: boolean): void {
    this.#acknowledged += records
    this.#leftSpool(records, isStale)
  }

  /** From the spool to the dead letters. */
  noteDrainedAside(records: number, isStale: boolean): void {
    this.#setAside += records
    this.#leftSpool(records, isStale)
  }

  #leftSpool(records: number, isStale: boolean): void {
    // The one that was opened anew has them still, and they will be drained again.
    if (isStale) this.#recovered += records
    else this.#spooled -= records
  }

  /** A spool was opened that has so many records. */
  noteOpened(records: number): void {
    this.#recovered += records - this.#spooled
    this.#spooled = records
  }

  counts(inFlight: number): PublishCounts {
    return {
      accepted: this.#accepted,
      healed: this.#healed,
      recovered: this.#recovered,
      acknowledged: this.#acknowledged,
      setAside: this.#setAside,
      spooled: this.#spooled,
      inFlight,
      refused: this.#refused,
      spooledTotal: this.#spooledTotal
    }
  }
}
