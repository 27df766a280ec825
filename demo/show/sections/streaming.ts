/** That trades come in now, each of them, and as the exchange wrote them. */
import { tradesOf } from '../answers.ts'
import { ratesOf } from '../rates.ts'
import { figure, judged, type Section } from '../step.ts'

interface Conservation {
  readonly holds: boolean
  readonly totals: readonly { readonly equations: number; readonly broken: number }[]
}

export const streaming: Section = {
  id: 'streaming',
  title: 'Live streaming',
  point: 'What the exchange issues is in the log at once, and in the table a second later.',
  budgetSeconds: 120,
  steps: [
    {
      id: 'rates',
      title: 'Issued, published, landed',
      says:
        'The exchange issues {issued}. K2 takes them off the socket, {published} are ' +
        'acknowledged by the log, and {landed} land in the table: three counters, from three ' +
        'places, read twice, {seconds} apart. The exchange keeps its own count; K2 has no part ' +
        'in it.',
      does: { kind: 'rates' },
      shows: '/#system',
      secondsMax: 30,
      proves: 'trades are issued, published and landed at more than none a second',
      judge: (answer) => {
        const { issued, published, landed, seconds } = ratesOf(answer)
        return judged(
          [
            ...(issued === null ? [] : [figure('issued', issued, 'trades/s')]),
            figure('published', published, 'trades/s'),
            figure('landed', landed, 'trades/s'),
            figure('seconds', seconds, 's')
          ],
          [
            [issued === null || issued > 0, 'the exchange issued nothing'],
            [published > 0, 'nothing reached the log'],
            [landed > 0, 'nothing landed']
          ]
        )
      }
    },
    {
      id: 'newest',
      title: 'The newest trades',
      says:
        'These are the newest {rows} trades of Bitcoin, with the exchange’s own ids, one after ' +
        'the other. Prices and quantities are decimals from the socket to the answer: no digit ' +
        'passes through a floating-point number. From the exchange’s clock to K2’s it took ' +
        '{delay}.',
      does: { kind: 'http', path: '/v1/trades?symbol=BTCUSDT&limit=20&decimals=string' },
      columns: ['symbol', 'source_sequence', 'timestamp', 'price', 'quantity', 'side'],
      shows: '/#data',
      secondsMax: 10,
      proves: '20 trades, newest first, with ids that have no hole between them',
      judge: (answer) => {
        const rows = tradesOf(answer)
        const ids = rows.map((it) => it.source_sequence)
        const [first] = rows
        const delayMs =
          Date.parse(first?.ingestion_timestamp ?? '') - Date.parse(first?.timestamp ?? '')
        return judged(
          [figure('rows', rows.length), figure('delay', delayMs, 'ms')],
          [
            [rows.length === 20, `${rows.length} trades were answered, not 20`],
            [
              ids.every((id, index) => index === 0 || id === ids[index - 1]! - 1),
              `ids are not one after the other: ${ids.join(', ')}`
            ]
          ]
        )
      }
    },
    {
      id: 'account',
      title: 'Every record is accounted for',
      says:
        'Received is accepted, or counted as refused; accepted is in the log, or on its way; ' +
        'consumed has landed. K2 checks {equations} such equations every second, by symbol and ' +
        'by partition, and {broken} of them are broken.',
      does: { kind: 'cli', args: ['conservation', '--json'] },
      rows: (json) => (json as { readonly data: Conservation }).data.totals,
      columns: ['equation', 'data_type', 'equations', 'broken', 'left', 'right'],
      shows: '/#system',
      secondsMax: 30,
      proves: '`k2 conservation` ends with 0: every equation holds',
      judge: ({ json, text, code }) => {
        const { data } = (json ?? {}) as { readonly data?: Conservation }
        const totals = data?.totals ?? []
        const equations = totals.reduce((sum, it) => sum + it.equations, 0)
        const broken = totals.reduce((sum, it) => sum + it.broken, 0)
        return judged(
          [figure('equations', equations), figure('broken', broken)],
          [
            [code === 0, `it ended with ${code}: ${text.slice(-300)}`],
            [equations > 0, 'it showed no equation'],
            [data?.holds === true && broken === 0, `${broken} equations are broken`]
          ]
        )
      }
    }
  ]
}
