/** K2 under more than it can land, and without its log. */
import { countsOf } from '../answers.ts'
import { figure, judged, type Section } from '../step.ts'
import { rankOf, type Watched, watchedOf } from '../watched.ts'

const proofSql =
  'SELECT symbol, count(*) AS trades, count(DISTINCT source_sequence) AS ids, ' +
  'max(source_sequence) - min(source_sequence) + 1 AS span ' +
  'FROM trades GROUP BY symbol ORDER BY trades DESC'

export const resilience: Section = {
  id: 'resilience',
  title: 'Resilience',
  point: 'Under pressure K2 gives up what matters least, says so, and gets it back.',
  budgetSeconds: 120,
  steps: [
    {
      id: 'flood',
      title: 'More than can land',
      says:
        'The exchange has just become {times} times as busy: {flood} instead of {calm}. That ' +
        'is real load, and nothing is injected. Lag rises, and after {seconds} K2 is at level ' +
        '{level}: tier 3 is shed, what matters least. Bitcoin and Ethereum never are. On the ' +
        'right stands why: which signal, which value, which mark.',
      does: { kind: 'fault', fault: 'flood' },
      rows: (json) => (json as Watched).transitions,
      columns: ['from', 'to', 'signal', 'reason'],
      shows: '/#system',
      secondsMax: 120,
      proves: 'the level rose to graceful or beyond, by lag, not injected, and trades were shed',
      judge: (answer) => {
        const it = watchedOf(answer)
        const rank = rankOf(it.peak)
        const [calm, flood] = [it.calmPerSecond ?? Number.NaN, it.floodPerSecond ?? Number.NaN]
        const raised = it.transitions.filter(({ from, to }) => rankOf(to) > rankOf(from))
        return judged(
          [
            figure('times', flood / calm),
            figure('flood', flood, 'trades/s'),
            figure('calm', calm, 'trades/s'),
            figure('level', rank),
            figure('shed', it.shed, 'trades'),
            ...(it.seconds === null ? [] : [figure('seconds', it.seconds, 's')])
          ],
          [
            [rank >= rankOf('graceful'), `the level came to ${it.peak} only`],
            [raised.some(({ signal }) => signal?.startsWith('lag') === true), 'not lag raised it'],
            [raised.every(({ signal }) => signal !== 'injected'), 'pressure was injected'],
            [it.shed > 0, 'nothing was shed']
          ]
        )
      }
    },
    {
      id: 'recover',
      title: 'One level at a time',
      says:
        'The market is calm again. K2 comes down by itself, one level at a time, in {steps} ' +
        'steps and {seconds}; a cooldown keeps it from flapping. Meanwhile the healer has ' +
        'fetched {healed} from the exchange’s history: what was shed had been written down, by ' +
        'range of ids and reason, and {open} are missing now.',
      does: { kind: 'fault', fault: 'recover' },
      rows: (json) => (json as Watched).transitions,
      columns: ['from', 'to', 'signal', 'reason'],
      shows: '/#system',
      secondsMax: 240,
      proves: 'the level came back to normal one step at a time, and no gap is open any more',
      judge: (answer) => {
        const it = watchedOf(answer)
        const down = it.transitions.filter(({ from, to }) => rankOf(to) < rankOf(from))
        return judged(
          [
            figure('steps', down.length),
            figure('healed', it.healed, 'trades'),
            figure('open', it.openGaps),
            ...(it.seconds === null ? [] : [figure('seconds', it.seconds, 's')])
          ],
          [
            [it.endedAt === 'normal', `the level is ${it.endedAt ?? 'unknown'}`],
            [down.length > 0, 'no level was left'],
            [down.every(({ from, to }) => rankOf(from) - rankOf(to) === 1), 'it skipped a level'],
            [it.healed > 0, 'nothing was healed'],
            [it.openGaps === 0, `${it.openGaps} trades are still missing`]
          ]
        )
      }
    },
    {
      id: 'kill',
      title: 'kill -9',
      says:
        'Now the process that has the log is killed, SIGKILL, while the exchange issues ' +
        '{issued}. Started again it answers after {seconds}, goes on where the last commit ' +
        'was, fetches what it missed from the exchange, and {open} are missing.',
      does: { kind: 'fault', fault: 'kill' },
      rows: (json) => (json as Watched).transitions,
      columns: ['from', 'to', 'signal', 'reason'],
      shows: '/#system',
      secondsMax: 240,
      proves: 'after SIGKILL it answers again by itself, and no gap stays open',
      judge: (answer) => {
        const it = watchedOf(answer)
        const [answered, asked] = it.answered ?? [0, 0]
        return judged(
          [
            figure('issued', it.issued ?? Number.NaN, 'trades'),
            figure('open', it.openGaps),
            ...(it.seconds === null ? [] : [figure('seconds', it.seconds, 's')])
          ],
          [
            [it.killed !== undefined, 'nothing was killed'],
            [it.seconds !== null, 'it does not answer'],
            [it.killed !== 'Kafka' || (it.spooled ?? 0) > 0, 'nothing went to the spool'],
            [
              it.killed !== 'Kafka' || (asked > 0 && answered === asked),
              `${answered} of ${asked} questions were answered while Kafka was dead`
            ],
            [it.openGaps === 0, `${it.openGaps} trades are still missing`]
          ]
        )
      }
    },
    {
      id: 'proof',
      title: 'Nothing lost, nothing twice',
      says:
        'The exchange numbers its trades one by one. So the proof is a query: as many rows as ' +
        'ids, and as many ids as lie between the first and the last. Through the flood and the ' +
        'kill: {trades} of {symbols} symbols, {missing} missing, {double} twice.',
      does: { kind: 'sql', sql: proofSql },
      shows: '/#data',
      secondsMax: 30,
      proves: 'per symbol, rows are as many as distinct ids, and as the ids from first to last',
      judge: (answer) => {
        const rows = countsOf(answer)
        const sum = (of: (row: (typeof rows)[number]) => number) =>
          rows.reduce((total, row) => total + of(row), 0)
        const missing = sum(({ span, ids }) => span - ids)
        const double = sum(({ trades, ids }) => trades - ids)
        return judged(
          [
            figure('trades', sum(({ trades }) => trades), 'trades'),
            figure('symbols', rows.length),
            figure('missing', missing),
            figure('double', double)
          ],
          [
            [rows.length > 0, 'it answered with no symbol'],
            [missing === 0, `${missing} ids are missing`],
            [double === 0, `${double} trades are there twice`]
          ]
        )
      }
    }
  ]
}
