/** What several dashboards show, and forms that many panels have. */
import type { Panel } from './dashboard.ts'

const window = '$__rate_interval'

export const rate = (metric: string, by: string): string =>
  `sum by (${by}) (rate(${metric}[${window}]))`

export const percentile = (share: number, histogram: string, by: string): string => {
  const [, name = histogram, matchers = ''] = /^(\w+)(\{.*\})?$/.exec(histogram) ?? []
  const buckets = `${name}_bucket${matchers}[${window}]`
  return `histogram_quantile(${share}, sum by (le, ${by}) (rate(${buckets})))`
}

/** A line also where nothing of it has happened yet. */
export const orNone = (expr: string): string => `${expr} or vector(0)`

const levelNames = {
  0: 'normal',
  1: 'soft',
  2: 'graceful',
  3: 'aggressive',
  4: 'circuit break'
}

const levelMarks: Panel['marks'] = [
  [undefined, 'green'],
  [1, 'yellow'],
  [2, 'orange'],
  [3, 'red'],
  [4, 'dark-red']
]

const ofLevel = {
  unit: 'none',
  marks: levelMarks,
  names: levelNames,
  alert: 'K2Degraded'
} as const satisfies Partial<Panel>

export const levelNow: Panel = {
  ...ofLevel,
  title: 'Level',
  about: 'Level of degradation: normal is well, circuit break has paused the feeds.',
  kind: 'number',
  queries: [['max(k2_degradation_level)', 'level']]
}

export const levelOverTime: Panel = {
  ...ofLevel,
  title: 'Level over time',
  about: 'Level of degradation of each process.',
  kind: 'states',
  width: 24,
  queries: [['max by (instance) (k2_degradation_level)', '{{instance}}']]
}

export const lagByTopic: Panel = {
  title: 'Landing lag',
  about: 'Durable records that the tables do not have yet; a commit every few seconds is a saw.',
  unit: 'short',
  marks: [
    [undefined, 'green'],
    [100_000, 'yellow'],
    [500_000, 'orange'],
    [1_000_000, 'red']
  ],
  alert: 'K2LandingBehind',
  queries: [['max by (topic) (k2_landing_lag_records)', '{{topic}}']]
}

export const publishedByTopic: Panel = {
  title: 'Into the log',
  about: 'Records a second that became durable.',
  unit: 'cps',
  queries: [[rate('k2_published_records_total', 'topic'), '{{topic}}']]
}

export const brokenEquations: Panel = {
  title: 'Unaccounted records',
  about: 'Records by which equations of conservation fail: anything but 0 is a fault of K2.',
  unit: 'short',
  kind: 'number',
  marks: [
    [undefined, 'green'],
    [1, 'red']
  ],
  alert: 'K2RecordsUnaccounted',
  queries: [['sum(k2_conservation_imbalance)', 'records']]
}

export const dataFiles: Panel = {
  title: 'Data files',
  about: 'Of each table: small ones wait to be merged, and reads open each that may matter.',
  unit: 'short',
  alert: 'K2CompactionBehind',
  queries: [['max by (table) (k2_iceberg_table_data_files)', '{{table}}']]
}
