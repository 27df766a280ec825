/** Reads, and what slows them. */
import type { Dashboard, Panel } from './dashboard.ts'
import { orNone, percentile, rate } from './parts.ts'

/** Addresses that read tables. */
const reads = '{endpoint=~"/v1/.*",endpoint!~"/v1/system/.*"}'

const time = (share: number, what: string): Panel => ({
  title: `Time of reads, ${what}`,
  about: 'From the request to the end of its answer, by address.',
  unit: 's',
  marks: [
    [undefined, 'green'],
    [1, 'orange']
  ],
  alert: 'K2ApiSlow',
  queries: [
    [percentile(share, `k2_http_request_duration_seconds${reads}`, 'endpoint'), '{{endpoint}}']
  ]
})

export const queries: Dashboard = {
  uid: 'k2-queries',
  title: 'K2: queries',
  about: 'Reads of the tables and of the tail: how many, how long, and what slows them.',
  rows: [
    {
      title: 'Reads',
      panels: [
        {
          title: 'Reads',
          about: 'Requests a second for records, by address.',
          unit: 'reqps',
          queries: [[rate(`k2_http_requests_total${reads}`, 'endpoint'), '{{endpoint}}']]
        },
        {
          title: 'Slow reads',
          about: 'In a quarter of an hour: those that took longer than K2_SLOW_QUERY.',
          unit: 'short',
          alert: 'K2QueriesSlow',
          queries: [
            ['sum by (endpoint) (endpoint:k2_http_slow_queries:increase15m)', '{{endpoint}}']
          ]
        },
        time(0.5, 'median'),
        time(0.99, '99th percentile')
      ]
    },
    {
      title: 'What slows them',
      panels: [
        {
          title: 'Refused and late',
          about: 'Share of all requests that were refused (429, 503) or failed (5xx).',
          unit: 'percentunit',
          alert: 'K2ApiRefusing',
          queries: [
            [orNone('max(instance:k2_http_refusals:ratio5m)'), 'refused'],
            [orNone('max(instance:k2_http_errors:ratio5m)'), 'failed']
          ]
        },
        {
          title: 'Event loop',
          about: 'How late the main thread is, by quantile; a quarter of a second is too much.',
          unit: 's',
          marks: [
            [undefined, 'green'],
            [0.25, 'orange']
          ],
          alert: 'K2EventLoopBlocked',
          queries: [['max by (quantile) (k2_event_loop_delay_seconds)', '{{quantile}}']]
        },
        {
          title: 'Memory of DuckDB',
          about: 'Memory of each engine.',
          unit: 'bytes',
          kind: 'stacked',
          alert: 'K2MemoryNearLimit',
          queries: [['sum by (thread) (k2_memory_bytes{kind="duckdb"})', '{{thread}}']]
        },
        {
          title: 'Files that reads must open',
          about: 'Snapshots and merges a second: what is not merged is read file by file.',
          unit: 'cps',
          alert: 'K2CompactionFailing',
          queries: [
            [rate('k2_iceberg_transactions_total', 'operation'), '{{operation}}']
          ]
        }
      ]
    }
  ]
}
