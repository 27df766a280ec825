/**
 * Kinds of records that K2 keeps; each has its own topic, publisher and table. The table of gaps is
 * derived from its topic and from that of the trades (R5), the others are landed.
 */

/** What streams over a feed's connections, as `K2_DATA_TYPES` chooses. */
export const streamedDataTypes = ['trades', 'quotes'] as const

const landedDataTypes = [...streamedDataTypes, 'reference_data'] as const

export const dataTypes = [...landedDataTypes, 'gaps'] as const

export type StreamedDataType = (typeof streamedDataTypes)[number]

/** What a lander brings from its topic into its table, record by record. */
export type LandedDataType = (typeof landedDataTypes)[number]

export type DataType = (typeof dataTypes)[number]
