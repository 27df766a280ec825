/** Columns of `market.gaps`. The time of an event is when it was so. */
import { type GapEventV1, gapEventV1Schema } from '../../market/records/gap-event-v1.ts'
import type { ColumnHints } from './column-buffer.ts'
import { BufferedColumns } from './record-columns.ts'

const hints: ColumnHints = { numbered: new Set(), varyingKeys: {} }

type TimedEvent = GapEventV1 & { readonly ingestion_timestamp: number }

export class GapColumns extends BufferedColumns<TimedEvent> {
  constructor() {
    super(gapEventV1Schema, hints)
  }

  pushEvent(event: GapEventV1, partition: string, number: number): void {
    this.push({ ...event, ingestion_timestamp: event.at }, partition, number)
  }
}
