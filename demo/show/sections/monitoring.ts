/** That K2 can be seen into: series, actors, and what its level is decided by. */
import { envelopeOf } from '../answers.ts'
import { figure, judged, type Section } from '../step.ts'

/** A dashboard and an alert stand on each of these. */
const needed = [
  'k2_degradation_level',
  'k2_log_lag_records',
  'k2_published_records_total',
  'k2_landed_records',
  'k2_gaps_open_trades',
  'k2_conservation_broken_equations',
  'k2_query_duration_seconds_count'
]

interface Degradation {
  readonly level: string
  readonly signals: readonly { readonly signal: string; readonly state: string }[]
}

interface ActorLine {
  readonly restarts: number
  readonly children: readonly ActorLine[]
}

const allOf = (actors: readonly ActorLine[]): readonly ActorLine[] =>
  actors.flatMap((it) => [it, ...allOf(it.children)])

export const monitoring: Section = {
  id: 'monitoring',
  title: 'Monitoring',
  point: 'What K2 does, why, and since when, is on one screen and in Prometheus.',
  budgetSeconds: 120,
  steps: [
    {
      id: 'series',
      title: 'What Prometheus scrapes',
      says:
        'Prometheus reads {series} series of {metrics} metrics here. Rules and alerts stand on ' +
        'them, one for each promise, each with a section in the runbook; dashboards come with ' +
        'them.',
      does: { kind: 'http', path: '/metrics' },
      shows: '/#system',
      secondsMax: 10,
      proves: `/metrics has what dashboards and alerts stand on: ${needed.length} names`,
      judge: ({ text, code }) => {
        const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
        const metrics = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!)
        const missing = needed.filter((name) => !lines.some((line) => line.startsWith(name)))
        return judged(
          [figure('series', lines.length), figure('metrics', metrics.length)],
          [
            [code === 200, `/metrics answered ${code}`],
            [missing.length === 0, `missing: ${missing.join(', ')}`]
          ]
        )
      }
    },
    {
      id: 'tree',
      title: 'The supervision tree',
      says:
        'On the left of the page is the tree of supervisors: {actors} actors, {restarts} ' +
        'restarts so far. In the middle is the state machine of the one that is picked, drawn ' +
        'from its own definition and lit where it is. What happened, and why, is on the right; ' +
        'any moment of the last hour can be gone back to.',
      does: { kind: 'http', path: '/v1/system/actors' },
      rows: (json) => allOf([(json as { readonly data: { root: ActorLine } }).data.root]),
      columns: ['path', 'state', 'restarts'],
      shows: '/#system',
      secondsMax: 10,
      proves: 'the tree has actors below its root',
      judge: (answer) => {
        const actors = allOf([envelopeOf<{ readonly root: ActorLine }>(answer).data.root])
        const restarts = actors.reduce((sum, it) => sum + it.restarts, 0)
        return judged(
          [figure('actors', actors.length), figure('restarts', restarts)],
          [[actors.length > 1, 'it answered with no actors']]
        )
      }
    },
    {
      id: 'signals',
      title: 'What the level is decided by',
      says:
        'One number says how K2 is: its level, now {level}, of 0 to 4. It is decided by ' +
        '{signals} signals, each with a mark to enter and a lower one to leave: memory, lag, ' +
        'the spool, the disk, the circuit to the log. Remember the lag; it is what we raise ' +
        'next.',
      does: { kind: 'cli', args: ['level', 'show', '--json'] },
      rows: (json) => (json as { readonly data: Degradation }).data.signals,
      columns: ['signal', 'value', 'unit', 'state', 'level'],
      shows: '/#system',
      secondsMax: 30,
      proves: 'the level is normal, and each signal has a value that was measured just now',
      judge: ({ json, code, text }) => {
        const { data } = (json ?? {}) as { readonly data?: Degradation }
        const signals = data?.signals ?? []
        const stale = signals.filter(({ state }) => state === 'stale')
        return judged(
          [
            figure('signals', signals.length),
            figure('level', data?.level === 'normal' ? 0 : Number.NaN)
          ],
          [
            [code === 0, `it ended with ${code}: ${text.slice(-300)}`],
            [signals.length > 0, 'it named no signal'],
            [stale.length === 0, `stale: ${stale.map(({ signal }) => signal).join(', ')}`],
            [data?.level === 'normal', `the level is ${data?.level}`]
          ]
        )
      }
    }
  ]
}
