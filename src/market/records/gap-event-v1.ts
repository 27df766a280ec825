/** Generated from src/adapters/schema/gap-event-v1.avsc by `npm run generate`. Do not edit. */

/** One event of the gap ledger: ids that are missing, or that no longer are. */
export interface GapEventV1 {
  /** {EXCHANGE}:{symbol}:gap-{number}; number: the column k2_offset, which orders the events. */
  readonly message_id: string
  /** opened: the ids are missing; narrowed, closed: they no longer are, and others of their run still are, or none. */
  readonly event: 'opened' | 'narrowed' | 'closed'
  /** What is missing; of quotes, which have no consecutive ids, closed events tell what was lost for good. */
  readonly data_type: 'trades' | 'quotes'
  /** The venue's own symbol, for example BTCUSDT. */
  readonly symbol: string
  /** Upper-case exchange code, for example BINANCE. */
  readonly exchange: string
  /** Which run of the venue's ids: 0, and one more after each restart of them. */
  readonly epoch: number
  /** Lowest id; null for quotes. */
  readonly from_id: null | number
  /** Highest id, inclusive; null for quotes. */
  readonly to_id: null | number
  /** Of opened, why they are missing: shed, disconnect, paused, restart, rejected, spool_full, unknown; else how they ended: landed, rejected, never_issued, written_off. */
  readonly reason: string
  /** Records that are missing, or no longer are. */
  readonly count: number
  /** Exchange time of the newest trade before the ids; of quotes, when the loss began; null where unknown. */
  readonly after_time: null | number
  /** Exchange time of the trade behind the ids; of quotes, when the loss ended; null where unknown. */
  readonly before_time: null | number
  /** When the table was as the event says: the time of the snapshot of market.trades that it was derived from. */
  readonly at: number
  /** Who knows it: the sequence state of market.trades, or only a claim. */
  readonly source: 'state' | 'claim'
}

/** The Avro schema, as a value: columns, encoders and API fields are derived from it. */
export const gapEventV1Schema = {
  "type": "record",
  "name": "GapEventV1",
  "namespace": "com.k2.marketdata",
  "doc": "One event of the gap ledger: ids that are missing, or that no longer are.",
  "fields": [
    {
      "name": "message_id",
      "type": "string",
      "doc": "{EXCHANGE}:{symbol}:gap-{number}; number: the column k2_offset, which orders the events."
    },
    {
      "name": "event",
      "type": {
        "type": "enum",
        "name": "GapEventKind",
        "symbols": [
          "opened",
          "narrowed",
          "closed"
        ]
      },
      "doc": "opened: the ids are missing; narrowed, closed: they no longer are, and others of their run still are, or none."
    },
    {
      "name": "data_type",
      "type": {
        "type": "enum",
        "name": "GapDataType",
        "symbols": [
          "trades",
          "quotes"
        ]
      },
      "doc": "What is missing; of quotes, which have no consecutive ids, closed events tell what was lost for good."
    },
    {
      "name": "symbol",
      "type": "string",
      "doc": "The venue's own symbol, for example BTCUSDT."
    },
    {
      "name": "exchange",
      "type": "string",
      "doc": "Upper-case exchange code, for example BINANCE."
    },
    {
      "name": "epoch",
      "type": "long",
      "doc": "Which run of the venue's ids: 0, and one more after each restart of them."
    },
    {
      "name": "from_id",
      "type": [
        "null",
        "long"
      ],
      "default": null,
      "doc": "Lowest id; null for quotes."
    },
    {
      "name": "to_id",
      "type": [
        "null",
        "long"
      ],
      "default": null,
      "doc": "Highest id, inclusive; null for quotes."
    },
    {
      "name": "reason",
      "type": "string",
      "doc": "Of opened, why they are missing: shed, disconnect, paused, restart, rejected, spool_full, unknown; else how they ended: landed, rejected, never_issued, written_off."
    },
    {
      "name": "count",
      "type": "long",
      "doc": "Records that are missing, or no longer are."
    },
    {
      "name": "after_time",
      "type": [
        "null",
        {
          "type": "long",
          "logicalType": "timestamp-micros"
        }
      ],
      "default": null,
      "doc": "Exchange time of the newest trade before the ids; of quotes, when the loss began; null where unknown."
    },
    {
      "name": "before_time",
      "type": [
        "null",
        {
          "type": "long",
          "logicalType": "timestamp-micros"
        }
      ],
      "default": null,
      "doc": "Exchange time of the trade behind the ids; of quotes, when the loss ended; null where unknown."
    },
    {
      "name": "at",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "When the table was as the event says: the time of the snapshot of market.trades that it was derived from."
    },
    {
      "name": "source",
      "type": {
        "type": "enum",
        "name": "GapSource",
        "symbols": [
          "state",
          "claim"
        ]
      },
      "doc": "Who knows it: the sequence state of market.trades, or only a claim."
    }
  ]
} as const
