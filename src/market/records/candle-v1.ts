/** Generated from src/adapters/schema/candle-v1.avsc by `npm run generate`. Do not edit. */

/** What the trades of a symbol at an exchange came to in one minute: sums, of which longer candles and quotients are made. */
export interface CandleV1 {
  /** The venue's own symbol, for example BTCUSDT. */
  readonly symbol: string
  /** Upper-case exchange code, for example BINANCE. */
  readonly exchange: string
  /** Start of the minute, UTC; the minute contains it, and not its end. */
  readonly timestamp: number
  /** Exchange time of the first trade. */
  readonly first_time: number
  /** Exchange time of the last trade. */
  readonly last_time: number
  /** Price of the first trade, by time, source_sequence and message_id. Scaled by 10^8. */
  readonly open_price: bigint
  /** Highest price. Scaled by 10^8. */
  readonly high_price: bigint
  /** Lowest price. Scaled by 10^8. */
  readonly low_price: bigint
  /** Price of the last trade. Scaled by 10^8. */
  readonly close_price: bigint
  /** Sum of the quantities. Scaled by 10^8. */
  readonly volume: bigint
  /** Of those, by buyers who took what was offered. Scaled by 10^8. */
  readonly buy_volume: bigint
  /** Of those, by sellers, short sales with them. Scaled by 10^8. */
  readonly sell_volume: bigint
  /** Sum of price by the whole part of the quantity; quote volume is this and quote_volume_rest. Scaled by 10^8. */
  readonly quote_volume_whole: bigint
  /** Sum of price by the rest of the quantity. Scaled by 10^16. */
  readonly quote_volume_rest: bigint
  /** Sum of price by the microseconds that it was in force, from the first trade to the last. Scaled by 10^8. */
  readonly price_time: bigint
  /** Trades. */
  readonly trade_count: number
}

/** The Avro schema, as a value: columns, encoders and API fields are derived from it. */
export const candleV1Schema = {
  "type": "record",
  "name": "CandleV1",
  "namespace": "com.k2.marketdata",
  "doc": "What the trades of a symbol at an exchange came to in one minute: sums, of which longer candles and quotients are made.",
  "fields": [
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
      "name": "timestamp",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "Start of the minute, UTC; the minute contains it, and not its end."
    },
    {
      "name": "first_time",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "Exchange time of the first trade."
    },
    {
      "name": "last_time",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "Exchange time of the last trade."
    },
    {
      "name": "open_price",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Price of the first trade, by time, source_sequence and message_id."
    },
    {
      "name": "high_price",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Highest price."
    },
    {
      "name": "low_price",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Lowest price."
    },
    {
      "name": "close_price",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 8
      },
      "doc": "Price of the last trade."
    },
    {
      "name": "volume",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 38,
        "scale": 8
      },
      "doc": "Sum of the quantities."
    },
    {
      "name": "buy_volume",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 38,
        "scale": 8
      },
      "doc": "Of those, by buyers who took what was offered."
    },
    {
      "name": "sell_volume",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 38,
        "scale": 8
      },
      "doc": "Of those, by sellers, short sales with them."
    },
    {
      "name": "quote_volume_whole",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 38,
        "scale": 8
      },
      "doc": "Sum of price by the whole part of the quantity; quote volume is this and quote_volume_rest."
    },
    {
      "name": "quote_volume_rest",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 38,
        "scale": 16
      },
      "doc": "Sum of price by the rest of the quantity."
    },
    {
      "name": "price_time",
      "type": {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 38,
        "scale": 8
      },
      "doc": "Sum of price by the microseconds that it was in force, from the first trade to the last."
    },
    {
      "name": "trade_count",
      "type": "long",
      "doc": "Trades."
    }
  ]
} as const
