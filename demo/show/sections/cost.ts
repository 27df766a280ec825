/** What it takes: bytes and seconds of a core, as measured here. */
import { weightOf } from '../answers.ts'
import { ratesOf } from '../rates.ts'
import { figure, judged, type Section } from '../step.ts'

interface Month {
  readonly load: { readonly rate: number }
  readonly parts: readonly { readonly monthly: number }[]
  readonly monthly: number
  readonly perMillion: number
}

const daysPerMonth = 30
const secondsPerDay = 86_400

export const cost: Section = {
  id: 'cost',
  title: 'Cost',
  point: 'What it costs follows from bytes per trade and trades per core, both measured.',
  budgetSeconds: 60,
  steps: [
    {
      id: 'core',
      title: 'What a core does',
      says:
        'At {landed} this K2, queries and page included, uses {cores} of a processor core. ' +
        'That is this machine, now, with little to do; what a core does at most is measured by ' +
        'the benchmark, not here.',
      does: { kind: 'rates' },
      shows: '/#system',
      secondsMax: 30,
      proves: 'trades land, and K2 used processor time for it',
      judge: (answer) => {
        const { landed, cores, seconds } = ratesOf(answer)
        return judged(
          [
            figure('landed', landed, 'trades/s'),
            figure('seconds', seconds, 's'),
            ...(cores === null ? [] : [figure('cores', cores)])
          ],
          [
            [landed > 0, 'nothing landed'],
            [cores === null || cores > 0, 'no processor time was used']
          ]
        )
      }
    },
    {
      id: 'bytes',
      title: 'What a month weighs',
      says:
        'A trade takes {stored} in the table, counted just now. A thousand a second, all ' +
        'month, are {month} of object storage.',
      does: { kind: 'http', path: '/metrics' },
      shows: '/#data',
      secondsMax: 10,
      proves: 'the table has rows, and bytes',
      judge: ({ text }) => {
        const { rows, storedBytes: stored } = weightOf(text)
        return judged(
          [
            figure('stored', stored, 'bytes'),
            figure('month', (stored * 1_000 * secondsPerDay * daysPerMonth) / 1e9, 'GB')
          ],
          [[rows > 0 && stored > 0, '/metrics says nothing of the table']]
        )
      }
    },
    {
      id: 'month',
      title: 'What a month costs',
      says:
        'And this is all of it at {rate}, computed of what the benchmark measured and of list ' +
        'prices, each with its source and date: processors, disks, object storage, requests, ' +
        'network. {monthly} dollars a month, {million} of a dollar for a million trades.',
      does: { kind: 'cli', args: ['cost', '--rate', '10000', '--json'], isLocal: true },
      rows: (json) => (json as Month).parts,
      columns: ['title', 'quantity', 'unit', 'unitPrice', 'monthly'],
      shows: '/#data',
      secondsMax: 20,
      proves: '`k2 cost` computes it: each part has a price, and they add up to the total',
      judge: ({ json, code, text }) => {
        const { parts = [], ...month } = (json ?? {}) as Partial<Month>
        const sum = parts.reduce((total, part) => total + part.monthly, 0)
        const monthly = month.monthly ?? Number.NaN
        return judged(
          [
            figure('rate', month.load?.rate ?? Number.NaN, 'trades/s'),
            figure('monthly', Math.round(monthly)),
            figure('million', month.perMillion ?? Number.NaN)
          ],
          [
            [code === 0, `it ended with ${code}: ${text.slice(-300)}`],
            [parts.length > 0, 'it named no part'],
            [Math.abs(sum - monthly) < 0.01, `parts are ${sum} together, it says ${monthly}`]
          ]
        )
      }
    }
  ]
}
