/** Level, signals, what is shed, spool, circuit, gap ledger. */
import type { Dashboard } from './dashboard.ts'
import { levelNow, levelOverTime, orNone, rate } from './parts.ts'

export const resilience: Dashboard = {
  uid: 'k2-resilience',
  title: 'K2: resilience',
  about: 'What K2 gives up under pressure, why, and how it comes back.',
  rows: [
    {
      title: 'Degradation',
      panels: [
        levelOverTime,
        {
          title: 'Signals against the mark of soft',
          about: 'Each signal as a share of the mark at which the level leaves normal: 1 is there.',
          unit: 'percentunit',
          width: 16,
          marks: [
            [undefined, 'green'],
            [1, 'orange']
          ],
          alert: 'K2Throttled',
          queries: [
            ['max by (signal, data_type) (k2_pressure_signal)', '{{signal}} {{data_type}}']
          ]
        },
        { ...levelNow, width: 8 },
        {
          title: 'Changes of the level',
          about: 'Changes in the last quarter of an hour; more than ten is flapping.',
          unit: 'short',
          marks: [
            [undefined, 'green'],
            [10, 'orange']
          ],
          alert: 'K2LevelFlapping',
          queries: [[orNone('sum(instance:k2_degradation_transitions:increase15m)'), 'changes']]
        },
        {
          title: 'Shed by tier',
          about: 'Records a second that were let go unread; trades of tier 1 never are.',
          unit: 'cps',
          kind: 'stacked',
          alert: 'K2RecordsShed',
          queries: [
            [
              rate('k2_messages_shed_total', 'symbol_tier, reason'),
              'tier {{symbol_tier}}: {{reason}}'
            ]
          ]
        }
      ]
    },
    {
      title: 'Spool and circuit',
      panels: [
        {
          title: 'Circuit to the log',
          about: 'Circuit of each publisher; while it is open, records go to the spool.',
          unit: 'none',
          kind: 'states',
          width: 24,
          marks: [
            [undefined, 'green'],
            [1, 'yellow'],
            [2, 'red']
          ],
          names: { 0: 'closed', 1: 'half-open', 2: 'open' },
          alert: 'K2CircuitOpen',
          queries: [['max by (breaker_name) (k2_circuit_breaker_state)', '{{breaker_name}}']]
        },
        {
          title: 'Records in the spool',
          about: 'Records on disk that wait for the event log.',
          unit: 'short',
          alert: 'K2SpoolFilling',
          queries: [['sum by (instance) (k2_spool_records)', '{{instance}}']]
        },
        {
          title: 'Share of the spool',
          about: 'Of K2_SPOOL_LIMIT; what finds no room becomes an explained gap.',
          unit: 'percentunit',
          marks: [
            [undefined, 'green'],
            [0.5, 'orange']
          ],
          alert: 'K2SpoolFilling',
          queries: [['max by (instance) (instance:k2_spool:ratio)', '{{instance}}']]
        },
        {
          title: 'Into the spool, and refused',
          about: 'Records a second that went to the spool, and those that it had no room for.',
          unit: 'cps',
          alert: 'K2SpoolRefusing',
          queries: [
            [rate('k2_spooled_total', 'topic'), 'spooled: {{topic}}'],
            [orNone('sum(rate(k2_spool_refused_total[$__rate_interval]))'), 'refused']
          ]
        },
        {
          title: 'Waits for dependencies',
          about: 'Waits of each actor in five minutes: a dependency that is away is a state.',
          unit: 'short',
          alert: 'K2DependencyAway',
          queries: [
            ['sum by (actor) (actor:k2_actor_waits:increase5m) > 0', '{{actor}}'],
            [orNone('sum(actor:k2_actor_waits:increase5m)'), 'all']
          ]
        }
      ]
    },
    {
      title: 'Gap ledger',
      panels: [
        {
          title: 'Missing trades by reason',
          about: 'Trades that the ledger has open, by why they are missing.',
          unit: 'short',
          kind: 'stacked',
          alert: 'K2GapsOld',
          queries: [['sum by (reason) (k2_gaps_open_trades)', '{{reason}}']]
        },
        {
          title: 'Age of the oldest gap',
          about: 'Since when the oldest open gap is known; an hour is too long.',
          unit: 's',
          marks: [
            [undefined, 'green'],
            [3_600, 'red']
          ],
          alert: 'K2GapsOld',
          queries: [['max(k2_gaps_oldest_age_seconds)', 'oldest']]
        },
        {
          title: 'Fetched',
          about: "Missing trades a second that came from the venue's history, and what is to come.",
          unit: 'short',
          alert: 'K2HealingStalled',
          queries: [
            ['sum(rate(k2_healed_trades_total[$__rate_interval]))', 'fetched a second'],
            ['sum(k2_heal_pending_trades)', 'to be fetched']
          ]
        },
        {
          title: 'Unaccounted records',
          about: 'Records by which equations fail, by equation: 0 while nothing has disappeared.',
          unit: 'short',
          marks: [
            [undefined, 'green'],
            [1, 'red']
          ],
          alert: 'K2RecordsUnaccounted',
          queries: [['sum by (equation) (k2_conservation_imbalance)', '{{equation}}']]
        }
      ]
    }
  ]
}
