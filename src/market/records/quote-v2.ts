/** Generated from src/adapters/schema/quote-v2.avsc by `npm run generate`. Do not edit. */

/** Best bid and ask of an instrument, as an exchange reported them. */
export interface QuoteV2 {
  /** Natural key {EXCHANGE}:{symbol}:{native id}; after a venue's id reset {EXCHANGE}:{symbol}:{epoch}.{native id}. */
  readonly message_id: string
  /** {EXCHANGE}-{native id}. */
  readonly quote_id: string
  /** The venue's own symbol, for example BTCUSDT. */
  readonly symbol: string
  /** Upper-case exchange code, for example BINANCE. */
  readonly exchange: string
  /** Class of the instrument. */
  readonly asset_class: 'equities' | 'crypto' | 'futures' | 'options'
  /** Exchange time, UTC, microseconds since 1970-01-01; receive time where vendor_data.timestamp_source says so. */
  readonly timestamp: number
  /** Best bid in the currency, exact; 0 with quantity 0 where nobody bids. Scaled by 10^8. */
  readonly bid_price: bigint
  /** Quantity of the base asset at the best bid, exact. Scaled by 10^8. */
  readonly bid_quantity: bigint
  /** Best ask in the currency, exact; 0 with quantity 0 where nobody offers. Scaled by 10^8. */
  readonly ask_price: bigint
  /** Quantity of the base asset at the best ask, exact. Scaled by 10^8. */
  readonly ask_quantity: bigint
  /** ISO 4217 code or crypto quote asset. */
  readonly currency: string
  /** The exchange's own number, ascending with gaps: for Binance the order book's update id. */
  readonly source_sequence: null | number
  /** When K2 received the quote, UTC, microseconds. */
  readonly ingestion_timestamp: number
  /** Sequence number given by K2; unset, the log offset (column k2_offset) takes its place. */
  readonly platform_sequence: null | number
  /** What the exchange sent and no other field holds, and timestamp_source = received where it sent no time. */
  readonly vendor_data: null | Readonly<Record<string, string>>
}

/** The Avro schema, as a value: columns, encoders and API fields are derived from it. */
export const quoteV2Schema = {
  "type": "record",
  "name": "QuoteV2",
  "namespace": "com.k2.marketdata",
  "doc": "Best bid and ask of an instrument, as an exchange reported them.",
  "fields": [
    {
      "name": "message_id",
      "type": "string",
      "doc": "Natural key {EXCHANGE}:{symbol}:{native id}; after a venue's id reset {EXCHANGE}:{symbol}:{epoch}.{native id}."
    },
    {
      "name": "quote_id",
      "type": "string",
      "doc": "{EXCHANGE}-{native id}."
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
      "name": "asset_class",
      "type": {
        "type": "enum",
        "name": "AssetClass",
        "symbols": [
          "equities",
          "crypto",
          "futures",
          "options"
        ]
      },
      "doc": "Class of the instrument."
    },
    {
      "name": "timestamp",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "Exchange time, UTC, microseconds since 1970-01-01; receive time where vendor_data.timestamp_source says so."
    },
    {
      "name": "bid_price",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Best bid in the currency, exact; 0 with quantity 0 where nobody bids."
    },
    {
      "name": "bid_quantity",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Quantity of the base asset at the best bid, exact."
    },
    {
      "name": "ask_price",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Best ask in the currency, exact; 0 with quantity 0 where nobody offers."
    },
    {
      "name": "ask_quantity",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Quantity of the base asset at the best ask, exact."
    },
    {
      "name": "currency",
      "type": "string",
      "doc": "ISO 4217 code or crypto quote asset."
    },
    {
      "name": "source_sequence",
      "type": [
        "null",
        "long"
      ],
      "default": null,
      "doc": "The exchange's own number, ascending with gaps: for Binance the order book's update id."
    },
    {
      "name": "ingestion_timestamp",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "When K2 received the quote, UTC, microseconds."
    },
    {
      "name": "platform_sequence",
      "type": [
        "null",
        "long"
      ],
      "default": null,
      "doc": "Sequence number given by K2; unset, the log offset (column k2_offset) takes its place."
    },
    {
      "name": "vendor_data",
      "type": [
        "null",
        {
          "type": "map",
          "values": "string"
        }
      ],
      "default": null,
      "doc": "What the exchange sent and no other field holds, and timestamp_source = received where it sent no time."
    }
  ]
} as const
