/** One answer from the table and from what has not landed yet. */
import { countsOf, earlierOf, envelopeOf, type Trade, tradesOf } from '../answers.ts'
import { type Answer, figure, judged, type Section } from '../step.ts'

const limit = 10_000

const bySymbolSql =
  'SELECT symbol, count(*) AS trades, min(price) AS low, max(price) AS high, ' +
  'sum(quantity) AS volume, max(timestamp) AS newest ' +
  'FROM trades GROUP BY symbol ORDER BY trades DESC'

const idsOf = (rows: readonly Trade[]) =>
  new Set(rows.map((it) => `${it.symbol}:${it.source_sequence}`))

/** As it came, digits and all. */
const dataText = ({ text }: Answer): string =>
  text.slice(text.indexOf('"data":'), text.lastIndexOf('"pagination":'))

export const hybrid: Section = {
  id: 'hybrid',
  title: 'Hybrid queries',
  point: 'A question sees what landed and what has not yet, as one, and can be asked again.',
  budgetSeconds: 120,
  steps: [
    {
      id: 'union',
      title: 'Files and tail in one answer',
      says:
        'One call for the newest {rows}. {files} files of the table were read for it, and what ' +
        'the log holds beyond the pinned commit came from memory. Where one ends and the other ' +
        'begins is no matter of clocks but of offsets, which the commit itself carries. It ' +
        'took {total}.',
      does: { kind: 'http', path: `/v1/trades?limit=${limit}&explain=1` },
      columns: ['symbol', 'source_sequence', 'timestamp', 'price', 'quantity', 'side'],
      shows: '/#data',
      secondsMax: 20,
      proves: `${limit} trades, each once, for which files were read`,
      judge: (answer) => {
        const rows = tradesOf(answer)
        const { meta } = envelopeOf(answer)
        const explain = (meta['explain'] ?? {}) as Readonly<Record<string, number>>
        const files = (explain['files_read'] ?? 0) + (explain['files_in_memory'] ?? 0)
        return judged(
          [
            figure('rows', rows.length, 'trades'),
            figure('files', files),
            figure('total', explain['total_ms'] ?? Number.NaN, 'ms')
          ],
          [
            [rows.length === limit, `${rows.length} trades were answered, not ${limit}`],
            [idsOf(rows).size === rows.length, 'a trade is in the answer twice'],
            [files > 0, 'no file of the table was read: all of it came from the tail']
          ]
        )
      }
    },
    {
      id: 'landed',
      title: 'What the table alone has',
      says:
        'The same question, of the commit alone that the first answer had pinned. {tail} of ' +
        'that answer are not in it: they had not landed. A second of the newest trades, that ' +
        'other stores show a commit later.',
      does: {
        kind: 'http',
        path: (earlier) => {
          const { meta } = envelopeOf(earlierOf(earlier, 'union'))
          return `/v1/trades?limit=${limit}&snapshot_id=${String(meta['snapshot_id'])}`
        }
      },
      columns: ['symbol', 'source_sequence', 'timestamp', 'price', 'quantity', 'side'],
      shows: '/#data',
      secondsMax: 20,
      proves: 'part of the first answer is in that commit, and part is not',
      judge: (answer, earlier) => {
        const landed = idsOf(tradesOf(answer))
        const all = [...idsOf(tradesOf(earlierOf(earlier, 'union')))]
        const tail = all.filter((id) => !landed.has(id)).length
        return judged(
          [figure('tail', tail, 'trades'), figure('files', all.length - tail, 'trades')],
          [
            [tail > 0, 'all of the first answer had landed: none of it came from the tail'],
            [tail < all.length, 'nothing of the first answer had landed']
          ]
        )
      }
    },
    {
      id: 'again',
      title: 'The same question, the same answer',
      says:
        'Each answer carries a token: the commit, and how far the log was. Asked again with ' +
        'it, minutes later and after other commits, the answer is the same, byte by byte: ' +
        '{same} of {rows} trades. A figure in a report can be asked for again next year.',
      does: {
        kind: 'http',
        path: (earlier) => {
          const { meta } = envelopeOf(earlierOf(earlier, 'union'))
          return `/v1/trades?limit=${limit}&read_token=${String(meta['read_token'])}`
        }
      },
      columns: ['symbol', 'source_sequence', 'timestamp', 'price', 'quantity', 'side'],
      shows: '/#data',
      secondsMax: 20,
      proves: 'with the token of the first answer, the rows are the same, byte by byte',
      judge: (answer, earlier) => {
        const [first, again] = [earlierOf(earlier, 'union'), answer]
        const rows = tradesOf(first).map((it) => JSON.stringify(it))
        const same = tradesOf(again).filter((it, index) => JSON.stringify(it) === rows[index])
        return judged(
          [figure('same', same.length), figure('rows', rows.length)],
          [
            [rows.length > 0, 'the first answer had no trade'],
            [same.length === rows.length, `${same.length} of ${rows.length} trades are the same`],
            [dataText(first) === dataText(again), 'the rows are not the same byte by byte']
          ]
        )
      }
    },
    {
      id: 'sql',
      title: 'SQL over all of it: the top symbols',
      says:
        'And any SELECT: {rows} symbols, every trade of the session, {trades} of them, in ' +
        '{total} on the server. DuckDB reads the files that the planner did not rule out, and ' +
        'the tail beside them.',
      does: { kind: 'sql', sql: bySymbolSql },
      shows: '/#data',
      secondsMax: 30,
      proves: 'there is a row for each symbol, with as many trades as landed, and more',
      judge: (answer) => {
        const rows = countsOf(answer)
        const { meta } = envelopeOf(answer)
        const explain = (meta['explain'] ?? {}) as Readonly<Record<string, number>>
        const trades = rows.reduce((sum, it) => sum + it.trades, 0)
        return judged(
          [
            figure('rows', rows.length),
            figure('trades', trades),
            figure('total', explain['total_ms'] ?? Number.NaN, 'ms')
          ],
          [
            [rows.length > 0, 'it answered with no row'],
            [trades > 0, 'it counted no trade']
          ]
        )
      }
    }
  ]
}
