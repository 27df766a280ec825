/** Reads, and what slows them. */
import type { Dashboard, Panel } from './dashboard.ts'
import { dataFiles, orNone, percentile, rate } from './parts.ts'

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
          about: 'Requests a second for data, by where it came from and what came of them.',
          unit: 'reqps',
          alert: 'K2QueryErrors',
          queries: [
            [rate('k2_query_executions_total', 'query_type, status'), '{{query_type}} {{status}}']
          ]
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
        {
          title: 'Time to the first byte',
          about: 'Of reads of the tail (realtime), of files (historical), of both (hybrid).',
          unit: 's',
          marks: [
            [undefined, 'green'],
            [1, 'orange']
          ],
          alert: 'K2QueryLatency',
          queries: [0.5, 0.95].map((share) => [
            percentile(share, 'k2_query_duration_seconds', 'query_type'),
            `${share * 100} %: {{query_type}}`
          ])
        },
        time(0.99, '99th percentile'),
        {
          title: 'Rows',
          about: 'Rows that the engine gave for one request, 95th percentile.',
          unit: 'short',
          queries: [[percentile(0.95, 'k2_query_rows_scanned', 'query_type'), '{{query_type}}']]
        },
        {
          title: 'Files found in memory',
          about: 'Share of the files of a query that were unpacked in memory already.',
          unit: 'percentunit',
          queries: [
            [
              'sum(rate(k2_query_cache_hits_total[$__rate_interval])) / ' +
                '(sum(rate(k2_query_cache_hits_total[$__rate_interval])) + ' +
                'sum(rate(k2_query_cache_misses_total[$__rate_interval])))',
              'found'
            ]
          ]
        }
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
          title: 'Connections to the engine',
          about: 'Those that are used and free, and queries that wait for one.',
          unit: 'short',
          alert: 'K2QueriesWaiting',
          queries: [
            ['sum by (pool) (k2_connection_pool_active_connections)', 'used: {{pool}}'],
            ['sum by (pool) (k2_connection_pool_available_connections)', 'free: {{pool}}'],
            ['sum by (pool) (k2_connection_pool_waiting_queries)', 'waiting: {{pool}}']
          ]
        },
        {
          title: 'Rows of the tail',
          about: 'What has not landed and is answered from the log.',
          unit: 'short',
          alert: 'K2TailFailing',
          queries: [['sum by (data_type) (k2_tail_rows)', '{{data_type}}']]
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
        dataFiles
      ]
    }
  ]
}
