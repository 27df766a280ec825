/** Kinds of records that K2 captures; each has its own topic, table, publisher and lander. */

/** What streams over a feed's connections, as `K2_DATA_TYPES` chooses. */
export const streamedDataTypes = ['trades', 'quotes'] as const

export const dataTypes = [...streamedDataTypes, 'reference_data'] as const

export type StreamedDataType = (typeof streamedDataTypes)[number]

export type DataType = (typeof dataTypes)[number]
