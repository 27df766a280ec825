/** All requests of HTTP. */
import type { Dashboard } from './dashboard.ts'
import { orNone, percentile, rate } from './parts.ts'

export const api: Dashboard = {
  uid: 'k2-api',
  title: 'K2: API',
  about: 'All requests: how many, how long, and with which answer.',
  rows: [
    {
      title: 'Requests',
      panels: [
        {
          title: 'By status',
          about: 'Requests a second, by status of the answer.',
          unit: 'reqps',
          kind: 'stacked',
          queries: [[rate('k2_http_requests_total', 'status_code'), '{{status_code}}']]
        },
        {
          title: 'By address',
          about: 'Requests a second, by method and address.',
          unit: 'reqps',
          queries: [[rate('k2_http_requests_total', 'method, endpoint'), '{{method}} {{endpoint}}']]
        },
        {
          title: 'Time, 99th percentile',
          about: 'By address; a replay takes as long as its client reads.',
          unit: 's',
          alert: 'K2ApiSlow',
          queries: [
            [percentile(0.99, 'k2_http_request_duration_seconds', 'endpoint'), '{{endpoint}}']
          ]
        },
        {
          title: 'Time of all',
          about: 'Percentiles over all addresses, by process.',
          unit: 's',
          queries: [0.5, 0.9, 0.99].map((share) => [
            percentile(share, 'k2_http_request_duration_seconds', 'instance'),
            `${share * 100} %: {{instance}}`
          ])
        }
      ]
    },
    {
      title: 'Answers that are none',
      panels: [
        {
          title: 'Failed',
          about: 'Share of the requests that K2 failed; a twentieth is an alert.',
          unit: 'percentunit',
          marks: [
            [undefined, 'green'],
            [0.05, 'red']
          ],
          alert: 'K2ApiErrors',
          queries: [[orNone('max by (instance) (instance:k2_http_errors:ratio5m)'), '{{instance}}']]
        },
        {
          title: 'Refused',
          about: 'Share that was refused: 503 overloaded or paused, 429 too many of one key.',
          unit: 'percentunit',
          marks: [
            [undefined, 'green'],
            [0.1, 'orange']
          ],
          alert: 'K2ApiRefusing',
          queries: [
            [orNone('max by (instance) (instance:k2_http_refusals:ratio5m)'), '{{instance}}']
          ]
        },
        {
          title: 'Mistakes of clients',
          about: 'Requests a second with an answer of 4xx, by address and status.',
          unit: 'reqps',
          width: 24,
          queries: [
            [
              rate('k2_http_requests_total{status_code=~"4.."}', 'endpoint, status_code'),
              '{{endpoint}} {{status_code}}'
            ]
          ]
        }
      ]
    }
  ]
}
