/** Kinds of records that K2 captures; each has its own topic, table, publisher and lander. */
export const dataTypes = ['trades', 'quotes'] as const

export type DataType = (typeof dataTypes)[number]
