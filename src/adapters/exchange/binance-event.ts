/** What the events of one instrument share, whatever they say: who they are about. Pure. */
import type { Instrument } from '../../market/instrument.ts'
import {
  clipped,
  type FieldText,
  type InstrumentTable,
  readableId,
  Refusal,
  required
} from './binance-fields.ts'
import type { FrameResult } from './frame-result.ts'

export interface KnownEvent {
  readonly instrument: Instrument
  readonly nativeId: number
}

interface EventNames {
  readonly s: FieldText
  readonly id: FieldText
  /** The venue's name of the id, for the refusal. */
  readonly idName: string
}

/** What `read` makes of an event of a listed symbol with a readable id, or the refusal. */
export const readEvent = (
  { s, id, idName }: EventNames,
  instruments: InstrumentTable,
  read: (known: KnownEvent) => FrameResult
): FrameResult => {
  const nativeId = readableId(id)
  const instrument = s?.type === 'string' ? instruments.get(s.text) : undefined
  try {
    if (instrument === undefined) {
      required(s, 's', 'string', 'bad_value')
      throw new Refusal('unknown_symbol', 's')
    }
    required(id, idName, 'number', 'bad_id')
    if (nativeId === undefined) throw new Refusal('bad_id', idName)
    return read({ instrument, nativeId })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const symbol = instrument?.symbol ?? clipped(s)
    return {
      kind: 'rejected',
      reason: error.reason,
      field: error.field,
      ...(symbol === undefined ? {} : { symbol }),
      ...(nativeId === undefined ? {} : { nativeId })
    }
  }
}

/** An event that names its stream must have come by that of its symbol. */
export const checkStream = (
  stream: string | undefined,
  { symbol }: Instrument,
  kind: 'trade' | 'bookTicker'
): void => {
  if (stream !== undefined && stream !== `${symbol.toLowerCase()}@${kind}`) {
    throw new Refusal('symbol_mismatch', 'stream')
  }
}
