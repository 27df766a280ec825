/** Where a record belongs, in the log and among the sequences of its partition, and its time. */
import { sequenceKey } from '../market/instrument.ts'

/** Where a record belongs. */
export interface RecordPlace {
  /** Its key in the event log, and the field that has it. */
  readonly key: string
  readonly keyField: string
  /** Undefined where the record's id is not its natural key. */
  readonly sequence: string | undefined
  /** Its id in the sequence; null where it has none. */
  readonly nativeId: number | null
}

interface Times {
  /** Exchange time, microseconds. */
  readonly timestamp?: number
  readonly ingestion_timestamp: number
}

/** Exchange time where the record has one, else when K2 received it. Microseconds. */
export const timeOf = ({ timestamp, ingestion_timestamp: ingestion }: Times): number =>
  timestamp ?? ingestion

/** 2200-01-01, in microseconds: a later exchange time is a corrupt one. */
const timestampUsMax = 7_258_118_400_000_000

export const isTimestamp = (us: number): boolean => us > 0 && us <= timestampUsMax

/** Records that a venue numbers belong to their symbol. */
export const symbolPlace = (record: {
  readonly message_id: string
  readonly exchange: string
  readonly symbol: string
  readonly source_sequence?: number | null
}): RecordPlace => {
  const { message_id, exchange, symbol, source_sequence: nativeId = null } = record
  const sequence = sequenceKey({ message_id, exchange, symbol, source_sequence: nativeId })
  return { key: symbol, keyField: 'symbol', sequence, nativeId }
}

/** What of a record is not as its key in the log and its place want it. */
export const invalidField = (
  key: string,
  record: Times & { readonly exchange: string },
  { key: own, keyField, nativeId }: RecordPlace
): string | undefined => {
  if (own !== key) return `${keyField} "${own}" differs from the record's key "${key}"`
  if (record.exchange === '') return 'exchange is empty'
  const timestamp = timeOf(record)
  if (!isTimestamp(timestamp)) return `timestamp ${timestamp} is out of range`
  return nativeId !== null && nativeId < 0 ? `source_sequence ${nativeId} is negative` : undefined
}
