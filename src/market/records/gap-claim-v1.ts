/** Generated from src/adapters/schema/gap-claim-v1.avsc by `npm run generate`. Do not edit. */

/** What somebody let go of a symbol's records, and why: a reason for holes, never the proof of one. */
export interface GapClaimV1 {
  /** Natural key {EXCHANGE}:{symbol}:{data_type}-{reason}:{from_id}-{to_id}:{since}-{until}. */
  readonly message_id: string
  /** The venue's own symbol, for example BTCUSDT, and the key in the event log. */
  readonly symbol: string
  /** Upper-case exchange code, for example BINANCE. */
  readonly exchange: string
  /** What its ids number. */
  readonly data_type: 'trades' | 'quotes'
  /** Why records were let go, or that the venue never issued them. */
  readonly reason: 'shed' | 'disconnect' | 'paused' | 'restart' | 'rejected' | 'spool_full' | 'never_issued'
  /** Lowest native id; null where no id is known. */
  readonly from_id: null | number
  /** Highest native id, inclusive; null where no id is known. */
  readonly to_id: null | number
  /** Records that were let go; fewer than the range has ids where some of it was taken. */
  readonly count: number
  /** When the first of them was let go, UTC, microseconds. */
  readonly since: number
  /** When the last of them was let go, UTC, microseconds. */
  readonly until: number
  /** When K2 published the claim, UTC, microseconds. */
  readonly ingestion_timestamp: number
}

/** The Avro schema, as a value: columns, encoders and API fields are derived from it. */
export const gapClaimV1Schema = {
  "type": "record",
  "name": "GapClaimV1",
  "namespace": "com.k2.marketdata",
  "doc": "What somebody let go of a symbol's records, and why: a reason for holes, never the proof of one.",
  "fields": [
    {
      "name": "message_id",
      "type": "string",
      "doc": "Natural key {EXCHANGE}:{symbol}:{data_type}-{reason}:{from_id}-{to_id}:{since}-{until}."
    },
    {
      "name": "symbol",
      "type": "string",
      "doc": "The venue's own symbol, for example BTCUSDT, and the key in the event log."
    },
    {
      "name": "exchange",
      "type": "string",
      "doc": "Upper-case exchange code, for example BINANCE."
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
      "doc": "What its ids number."
    },
    {
      "name": "reason",
      "type": {
        "type": "enum",
        "name": "ClaimReason",
        "symbols": [
          "shed",
          "disconnect",
          "paused",
          "restart",
          "rejected",
          "spool_full",
          "never_issued"
        ]
      },
      "doc": "Why records were let go, or that the venue never issued them."
    },
    {
      "name": "from_id",
      "type": [
        "null",
        "long"
      ],
      "default": null,
      "doc": "Lowest native id; null where no id is known."
    },
    {
      "name": "to_id",
      "type": [
        "null",
        "long"
      ],
      "default": null,
      "doc": "Highest native id, inclusive; null where no id is known."
    },
    {
      "name": "count",
      "type": "long",
      "doc": "Records that were let go; fewer than the range has ids where some of it was taken."
    },
    {
      "name": "since",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "When the first of them was let go, UTC, microseconds."
    },
    {
      "name": "until",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "When the last of them was let go, UTC, microseconds."
    },
    {
      "name": "ingestion_timestamp",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "When K2 published the claim, UTC, microseconds."
    }
  ]
} as const
