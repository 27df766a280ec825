/** Generated from src/adapters/schema/reference-data-v2.avsc by `npm run generate`. Do not edit. */

/** What an exchange or a vendor says of a listed company or pair, in one version of it. */
export interface ReferenceDataV2 {
  /** Natural key {EXCHANGE}:{company_id}:{version}-{ingestion_timestamp}; version: first 12 hex digits of the SHA-256 of what the record says. */
  readonly message_id: string
  /** The source's own id of the company or pair, and the key in the event log; for Binance its symbol. */
  readonly company_id: string
  /** The venue's own symbol, for example BTCUSDT. */
  readonly symbol: string
  /** Upper-case exchange code, for example BINANCE. */
  readonly exchange: string
  /** Class of the instrument. */
  readonly asset_class: 'equities' | 'crypto' | 'futures' | 'options'
  /** Name of the company; for a pair its assets, for example BTC/USDT. */
  readonly company_name: string
  /** ISO 6166 number. */
  readonly isin: null | string
  /** ISO 4217 code or crypto quote asset of its prices. */
  readonly currency: null | string
  /** First day of trading, UTC midnight; null where the source does not say. */
  readonly listing_date: null | number
  /** Last day of trading, UTC midnight; null where there is none or the source does not say. */
  readonly delisting_date: null | number
  /** Whether it can be traded. */
  readonly is_active: boolean
  /** When K2 received this version, UTC, microseconds; ascending for a company. */
  readonly ingestion_timestamp: number
  /** What the source sent and no other field holds. */
  readonly vendor_data: null | Readonly<Record<string, string>>
}

/** The Avro schema, as a value: columns, encoders and API fields are derived from it. */
export const referenceDataV2Schema = {
  "type": "record",
  "name": "ReferenceDataV2",
  "namespace": "com.k2.marketdata",
  "doc": "What an exchange or a vendor says of a listed company or pair, in one version of it.",
  "fields": [
    {
      "name": "message_id",
      "type": "string",
      "doc": "Natural key {EXCHANGE}:{company_id}:{version}-{ingestion_timestamp}; version: first 12 hex digits of the SHA-256 of what the record says."
    },
    {
      "name": "company_id",
      "type": "string",
      "doc": "The source's own id of the company or pair, and the key in the event log; for Binance its symbol."
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
      "name": "company_name",
      "type": "string",
      "doc": "Name of the company; for a pair its assets, for example BTC/USDT."
    },
    {
      "name": "isin",
      "type": [
        "null",
        "string"
      ],
      "default": null,
      "doc": "ISO 6166 number."
    },
    {
      "name": "currency",
      "type": [
        "null",
        "string"
      ],
      "default": null,
      "doc": "ISO 4217 code or crypto quote asset of its prices."
    },
    {
      "name": "listing_date",
      "type": [
        "null",
        {
          "type": "long",
          "logicalType": "timestamp-micros"
        }
      ],
      "default": null,
      "doc": "First day of trading, UTC midnight; null where the source does not say."
    },
    {
      "name": "delisting_date",
      "type": [
        "null",
        {
          "type": "long",
          "logicalType": "timestamp-micros"
        }
      ],
      "default": null,
      "doc": "Last day of trading, UTC midnight; null where there is none or the source does not say."
    },
    {
      "name": "is_active",
      "type": "boolean",
      "default": true,
      "doc": "Whether it can be traded."
    },
    {
      "name": "ingestion_timestamp",
      "type": {
        "type": "long",
        "logicalType": "timestamp-micros"
      },
      "doc": "When K2 received this version, UTC, microseconds; ascending for a company."
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
      "doc": "What the source sent and no other field holds."
    }
  ]
} as const
