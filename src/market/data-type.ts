/** Kinds of records that K2 captures; each has its own topic, table, publisher and lander. */
export type DataType = 'trades'
