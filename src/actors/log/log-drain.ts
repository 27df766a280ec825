/** What draining leaves behind, as the log sees it. */
import type { EventLog } from '../../adapters/log/event-log.ts'
import type { Shared } from '../shared.ts'

/** The log ends last, so it knows: what is in it, and what of that the landers have landed. */
export const noteDrained = ({ drained, captured }: Shared, log: EventLog): void => {
  const topics = new Set(captured.map(({ topic }) => topic))
  drained.isLanded =
    drained.unpublishedBytes === 0 &&
    drained.spooledRecords === 0 &&
    log
      .watermarks()
      .filter(({ topic }) => topics.has(topic))
      .every(({ topic, partition, durableEnd }) => {
        const landed = drained.landedOffsets.get(topic)?.get(partition)
        // A log that others write to as well may have more than it knows of.
        return landed !== undefined && landed >= durableEnd
      })
}
