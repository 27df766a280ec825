/**
 * The five queries of the benchmark of the Python K2: its name, which is that of the histogram, the
 * name of our measures, and what is asked.
 */
export const seedQueries = [
  ['simple_filter', 'simple filter', 'a symbol since a day ago, 100 rows'],
  ['aggregation', '1,000 rows', 'the same, 1,000 rows'],
  ['multi_symbol', 'two symbols', 'two symbols, 100 rows'],
  ['time_range_scan', 'a day of all symbols', 'a day of all symbols, 200 rows'],
  ['api_endpoint', 'newest 100', 'newest 100 of a symbol']
] as const
