/** Commits, time travel, and what a trade weighs. */
import {
  earlierOf,
  envelopeOf,
  type Snapshot,
  snapshotsOf,
  tradesOf,
  weightOf
} from '../answers.ts'
import { type Earlier, figure, judged, type Section } from '../step.ts'

/** So many commits lie between the two that are compared. */
const apart = 5

const pairOf = (earlier: Earlier) => {
  const snapshots = snapshotsOf(earlierOf(earlier, 'snapshots'))
  const [newer, older] = [snapshots[0], snapshots[apart]]
  if (newer === undefined || older === undefined)
    throw new Error(`there are ${snapshots.length} snapshots, it needs ${apart + 1}`)
  return { newer, older }
}

const totalOf = ({ summary }: Snapshot): number => Number(summary['total-records'])

export const storage: Section = {
  id: 'storage',
  title: 'Storage and time travel',
  point: 'Each commit is a version of the table that can be read, compared and repeated.',
  budgetSeconds: 120,
  steps: [
    {
      id: 'snapshots',
      title: 'A commit is all or nothing',
      says:
        'The tables are plain Apache Iceberg: any engine reads them. Each line is a commit. ' +
        'Rows, the offsets of the log and the state that tells duplicates apart move in one ' +
        'atomic swap, so that a kill at any instant leaves either all of it or none. The ' +
        'newest added {added}, and the table has {total}.',
      does: { kind: 'http', path: '/v1/snapshots?limit=10' },
      columns: ['timestamp', 'operation', 'added-records', 'total-records', 'snapshot_id'],
      shows: '/#data',
      secondsMax: 10,
      proves: 'commits follow each other, each with offsets of the log, and the table grows',
      judge: (answer) => {
        const snapshots = snapshotsOf(answer)
        const [newest] = snapshots
        const grows = snapshots.every(
          (it, index) => index === 0 || totalOf(it) <= totalOf(snapshots[index - 1]!)
        )
        return judged(
          [
            figure('commits', snapshots.length),
            figure('added', Number(newest?.summary['added-records']), 'rows'),
            figure('total', newest === undefined ? Number.NaN : totalOf(newest), 'rows')
          ],
          [
            [snapshots.length > apart, `there are ${snapshots.length} snapshots, too few yet`],
            [grows, 'an older snapshot has more rows than a newer one'],
            [
              snapshots.every(({ summary }) => summary['k2.offsets'] !== undefined),
              'a snapshot does not say which offsets of the log it holds'
            ]
          ]
        )
      }
    },
    {
      id: 'between',
      title: 'What came between two commits',
      says:
        `Take the newest of them and the one ${apart} before. Between the two, {added} were ` +
        'added and {removed} removed; what the commits themselves say they added comes to ' +
        '{stated}. The same works for any two versions, for an audit as for a bug.',
      does: {
        kind: 'http',
        path: (earlier) => {
          const { newer, older } = pairOf(earlier)
          const query = `base_snapshot_id=${older.snapshot_id}&limit=5`
          return `/v1/snapshots/${newer.snapshot_id}/diff?${query}`
        }
      },
      columns: ['symbol', 'source_sequence', 'timestamp', 'price', 'quantity', 'side'],
      shows: '/#data',
      secondsMax: 20,
      proves: 'the rows that two snapshots differ by are as many as their own totals say',
      judge: (answer, earlier) => {
        const { meta } = envelopeOf(answer)
        const { newer, older } = pairOf(earlier)
        const [added, removed] = [Number(meta['added_rows']), Number(meta['removed_rows'])]
        const stated = totalOf(newer) - totalOf(older)
        return judged(
          [
            figure('added', added, 'rows'),
            figure('removed', removed),
            figure('stated', stated, 'rows')
          ],
          [
            [added > 0, 'the two snapshots do not differ'],
            [added - removed === stated, `${added - removed} rows differ, the totals say ${stated}`]
          ]
        )
      }
    },
    {
      id: 'travel',
      title: 'Back in time',
      says:
        'And this is the table as it was then: the newest trade that this version knows is ' +
        'from {back} before the newest commit. Nothing was restored for that; the files of ' +
        'then are still the files of now.',
      does: {
        kind: 'http',
        path: (earlier) => `/v1/trades?limit=5&snapshot_id=${pairOf(earlier).older.snapshot_id}`
      },
      columns: ['symbol', 'source_sequence', 'timestamp', 'price', 'quantity', 'side'],
      shows: '/#data',
      secondsMax: 10,
      proves: 'the older snapshot answers with trades, none of them later than its commit',
      judge: (answer, earlier) => {
        const rows = tradesOf(answer)
        const { newer, older } = pairOf(earlier)
        const newestMs = Math.max(...rows.map((it) => Date.parse(it.timestamp)))
        const backMs = Date.parse(newer.timestamp) - newestMs
        return judged(
          [figure('rows', rows.length), figure('back', backMs / 1_000, 's')],
          [
            [rows.length > 0, 'it answered with no trade'],
            [newestMs <= Date.parse(older.timestamp), 'it has a trade from after its commit']
          ]
        )
      }
    },
    {
      id: 'weight',
      title: 'What a trade weighs',
      says:
        'On its way into the log a trade takes {logged}, in the table {stored}: {ratio} times ' +
        'less, counted from the bytes of both, for the {rows} that are there.',
      does: { kind: 'http', path: '/metrics' },
      shows: '/#data',
      secondsMax: 10,
      proves: 'a trade takes fewer bytes in the table than in the log',
      judge: ({ text }) => {
        const { rows, loggedBytes: logged, storedBytes: stored } = weightOf(text)
        return judged(
          [
            figure('logged', logged, 'bytes'),
            figure('stored', stored, 'bytes'),
            figure('ratio', logged / stored),
            figure('rows', rows, 'rows')
          ],
          [
            [rows > 0 && stored > 0, '/metrics says nothing of the table'],
            [logged > stored, `${stored} bytes in the table, ${logged} in the log`]
          ]
        )
      }
    }
  ]
}
