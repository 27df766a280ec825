/** Generated from src/adapters/schema/trade-v2.avsc by `npm run generate`. Do not edit. */

/** One trade as an exchange reported it. */
export interface TradeV2 {
  /** Natural key {EXCHANGE}:{symbol}:{native id}; after a venue's id reset {EXCHANGE}:{symbol}:{epoch}.{native id}. */
  readonly message_id: string
  /** {EXCHANGE}-{native id}. */
  readonly trade_id: string
  /** The venue's own symbol, for example BTCUSDT. */
  readonly symbol: string
  /** Upper-case exchange code, for example BINANCE. */
  readonly exchange: string
  /** Class of the instrument. */
  readonly asset_class: 'equities' | 'crypto' | 'futures' | 'options'
  /** Exchange time, UTC, microseconds since 1970-01-01. */
  readonly timestamp: number
  /** Price in the currency, exact. Scaled by 10^8. */
  readonly price: bigint
  /** Quantity of the base asset, exact, may be fractional. Scaled by 10^8. */
  readonly quantity: bigint
  /** ISO 4217 code or crypto quote asset. */
  readonly currency: string
  /** Side of the aggressor. */
  readonly side: 'BUY' | 'SELL' | 'SELL_SHORT' | 'UNKNOWN'
  /** The exchange's condition codes. */
  readonly trade_conditions: readonly string[]
  /** The exchange's own sequence number: for Binance the trade id. */
  readonly source_sequence: null | number
  /** When K2 received the trade, UTC, microseconds. */
  readonly ingestion_timestamp: number
  /** Sequence number given by K2; unset, the log offset (column k2_offset) takes its place. */
  readonly platform_sequence: null | number
  /** What the exchange sent and no other field holds. */
  readonly vendor_data: null | Readonly<Record<string, string>>
}

/** The Avro schema, as a value: columns, encoders and API fields are derived from it. */
export const tradeV2Schema = {
  "type": "record",
  "name": "TradeV2",
  "namespace": "com.k2.marketdata",
  "doc": "One trade as an exchange reported it.",
  "fields": [
    {
      "name": "message_id",
      "type": "string",
      "doc": "Natural key {EXCHANGE}:{symbol}:{native id}; after a venue's id reset {EXCHANGE}:{symbol}:{epoch}.{native id}."
    },
    {
      "name": "trade_id",
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
      "doc": "Exchange time, UTC, microseconds since 1970-01-01."
    },
    {
      "name": "price",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Price in the currency, exact."
    },
    {
      "name": "quantity",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Quantity of the base asset, exact, may be fractional."
    },
    {
      "name": "currency",
      "type": "string",
      "doc": "ISO 4217 code or crypto quote asset."
    },
    {
      "name": "side",
      "type": {
        "type": "enum",
        "name": "TradeSide",
        "symbols": [
          "BUY",
          "SELL",
          "SELL_SHORT",
          "UNKNOWN"
        ]
      },
      "doc": "Side of the aggressor."
    },
    {
      "name": "trade_conditions",
      "type": {
        "type": "array",
        "items": "string"
      },
      "doc": "The exchange's condition codes."
    },
    {
      "name": "source_sequence",
      "type": [
        "null",
        "long"
      ],
      "default": null,
      "doc": "The exchange's own sequence number: for Binance the trade id."
    },
    {
      "name": "ingestion_timestamp",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "When K2 received the trade, UTC, microseconds."
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
      "doc": "What the exchange sent and no other field holds."
    }
  ]
} as const
