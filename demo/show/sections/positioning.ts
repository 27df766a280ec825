/** What K2 is for, and what it is not. */
import { envelopeOf, medianOf, tradesOf } from '../answers.ts'
import { figure, judged, type Section } from '../step.ts'

interface Health {
  readonly status: string
  readonly components: readonly { readonly name: string; readonly status: string }[]
}

/** What an answer may take at the median: the tier of hundreds of milliseconds. */
const answerMsMax = 500

export const positioning: Section = {
  id: 'positioning',
  title: 'Positioning',
  point: 'A store of market data for research, risk and compliance; not for order execution.',
  budgetSeconds: 60,
  steps: [
    {
      id: 'parts',
      title: 'One process, many supervised parts',
      says:
        'K2 captures trades from exchanges, carries them through a log, lands each of them ' +
        'exactly once in Apache Iceberg, and answers questions over HTTP. What you see is one ' +
        'process: {parts} parts, each an actor under a supervisor, {healthy} of them healthy ' +
        'at this moment.',
      does: { kind: 'http', path: '/health' },
      rows: (json) => (json as Health).components,
      columns: ['name', 'status'],
      shows: '/#system',
      secondsMax: 10,
      proves: 'there are parts, and every one of them says that it is healthy',
      judge: ({ json, code }) => {
        const { components = [] } = (json ?? {}) as Partial<Health>
        const unwell = components.filter(({ status }) => status !== 'healthy')
        return judged(
          [
            figure('parts', components.length),
            figure('healthy', components.length - unwell.length)
          ],
          [
            [code === 200 && components.length > 0, `/health answered ${code}`],
            [unwell.length === 0, `not healthy: ${unwell.map(({ name }) => name).join(', ')}`]
          ]
        )
      }
    },
    {
      id: 'class',
      title: 'Milliseconds to ask, not microseconds to act',
      says:
        'This is the third tier of latency. The first, microseconds, belongs to hardware ' +
        'beside the matching engine; the second, a few milliseconds, to stores in memory. K2 ' +
        'answers in {median} at the median of {times} questions just asked, {slowest} at most, ' +
        'and the newest trade in the answer left the exchange {age} before. Nobody should ' +
        'route orders with it. Everybody who asks what happened, a second or a year ago, ' +
        'should.',
      does: { kind: 'http', path: '/v1/trades?symbol=BTCUSDT&limit=100&explain=1', times: 20 },
      columns: ['symbol', 'source_sequence', 'timestamp', 'price', 'quantity', 'side'],
      shows: '/#system',
      secondsMax: 20,
      proves: `20 questions are answered with 100 trades, in ${answerMsMax} ms at the median`,
      judge: (answer) => {
        const rows = tradesOf(answer)
        const { meta } = envelopeOf(answer)
        const ageMs = Date.parse(String(meta['timestamp'])) - Date.parse(rows[0]?.timestamp ?? '')
        const median = medianOf(answer.ms)
        return judged(
          [
            figure('median', median, 'ms'),
            figure('slowest', Math.max(...answer.ms), 'ms'),
            figure('times', answer.ms.length),
            figure('age', ageMs, 'ms')
          ],
          [
            [rows.length === 100, `${rows.length} trades were answered, not 100`],
            [median < answerMsMax, `the median is ${Math.round(median)} ms`]
          ]
        )
      }
    }
  ]
}
