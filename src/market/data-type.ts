/**
 * Kinds of records that K2 keeps; each has its own topic, publisher and table. The table of gaps is
 * derived from its topic and from that of the trades (R5), the others are landed.
 */

/** What streams over a feed's connections, as `K2_DATA_TYPES` chooses. */
export const streamedDataTypes = ['trades', 'quotes'] as const

const landedDataTypes = [...streamedDataTypes, 'reference_data'] as const

export const dataTypes = [...landedDataTypes, 'gaps'] as const

/** Tables of the namespace `market`: of each data type, and of what is made of the trades. */
export const tableNames = [...dataTypes, 'candles_1m'] as const

export type TableName = (typeof tableNames)[number]

export type StreamedDataType = (typeof streamedDataTypes)[number]

/** What a lander brings from its topic into its table, record by record. */
export type LandedDataType = (typeof landedDataTypes)[number]

export type DataType = (typeof dataTypes)[number]
