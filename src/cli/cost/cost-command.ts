/**
 * `npm run k2 -- cost`: what a K2 of a given rate costs a month, from what `npm run bench` has
 * measured and a table of prices. Nothing is asked of anybody: both are files.
 */
import { resolve } from 'node:path'
import { duration } from '../../adapters/config/values.ts'
import { ArgumentsRejected, type Command, type CommandIo, type Given } from '../command-line.ts'
import { printTable } from '../rows-output.ts'
import { type Cost, costOf, type TradeCosts, type Workload } from './cost-model.ts'
import {
  assumptions,
  formulaLines,
  inputLines,
  loadText,
  partLines,
  priceLines
} from './cost-text.ts'
import { type Inputs, readInputs, shippedResults, tradeCostsOf, wanted } from './measured-costs.ts'
import { type PriceTable, pricesOf, readPriceTable, shippedPrices } from './price-table.ts'

const dayMs = 86_400_000

export const presets: Workload = {
  rate: 1_000_000,
  retentionDays: 90,
  logRetentionDays: 7,
  replication: 3,
  utilisation: 0.6
}

export const costCommand: Command = {
  name: 'cost',
  about: 'Compute what a rate of messages costs a month, from measured figures and prices.',
  notes: [
    'What a message takes (processor time of K2 and of the brokers, bytes in log and table) is ' +
      'what npm run bench has measured, the newest figure of each, or what flags say instead. ' +
      'Prices come from deploy/prices.json, each with its source and date, or from a file of ' +
      'your own. docs/cost.md says how it is computed.'
  ],
  flags: [
    { name: '--rate', value: 'N', about: 'Messages per second, sustained (preset 1000000).' },
    { name: '--retention', value: '90d', about: 'How long the table keeps them (preset 90d).' },
    { name: '--log-retention', value: '7d', about: 'How long the log does (preset 7d).' },
    { name: '--replication', value: 'N', about: 'Copies of the log, 1 to 15 (preset 3).' },
    {
      name: '--utilisation',
      value: 'SHARE',
      about: 'How busy processors are at that rate, above 0 to 1 (preset 0.6).'
    },
    { name: '--price-table', value: 'FILE', about: 'Prices, laid out as deploy/prices.json.' },
    {
      name: '--results',
      value: 'FOLDER',
      about: 'Results of npm run bench, unless they are in bench/results.'
    },
    ...Object.values(wanted).map(({ flag, title }) => ({
      name: flag,
      value: 'N',
      about: `Instead of what was measured: ${title}.`
    })),
    { name: '--json', about: 'Print everything as one JSON document.' }
  ],
  examples: [
    'npm run k2 -- cost --rate 1000000 --retention 90d --replication 3',
    'npm run k2 -- cost --rate 10000 --price-table my-prices.json --json'
  ],
  exitCodes: { 0: 'computed', 2: 'a flag or a file is wrong, or a figure was never measured' },
  run: async (given, io) => {
    const load = loadOf(given)
    const table = readPriceTable(resolve(given.values.get('--price-table') ?? shippedPrices))
    const folder = resolve(given.values.get('--results') ?? shippedResults)
    const inputs = readInputs(folder, givenCosts(given))
    const cost = costOf(load, tradeCostsOf(inputs), pricesOf(table))
    const all = { load, cost, inputs, table }
    if (given.values.has('--json')) io.print(jsonOf(all))
    else show(io, all)
    return 0
  }
}

interface Computed {
  readonly load: Workload
  readonly cost: Cost
  readonly inputs: Inputs
  readonly table: PriceTable
}

const show = (io: CommandIo, { load, cost, inputs, table }: Computed): void => {
  io.print(`${loadText(load)}; ${table.name}\n`)
  printTable(io, partLines(cost, table))
  io.print('\nhow the quantities come about:')
  printTable(io, formulaLines(cost.parts))
  io.print('\nwhat a message takes:')
  printTable(io, inputLines(inputs))
  io.print('\nprices:')
  printTable(io, priceLines(table))
  io.print(`\n${assumptions(load).join('\n')}`)
}

const jsonOf = ({ load, cost, inputs, table }: Computed): string =>
  JSON.stringify(
    { load, ...cost, currency: table.currency, inputs, prices: table, assumes: assumptions(load) },
    undefined,
    2
  )

/** @throws ArgumentsRejected naming every flag that is wrong */
const loadOf = ({ values }: Given): Workload => {
  const faults: string[] = []
  const read = <A>(flag: string, preset: A, parse: (text: string) => A | string): A => {
    const text = values.get(flag)
    if (text === undefined) return preset
    const parsed = parse(text)
    if (typeof parsed !== 'string') return parsed
    faults.push(`${flag} is ${text}, but must be ${parsed}`)
    return preset
  }
  const load: Workload = {
    rate: read('--rate', presets.rate, whole(1, 1e9)),
    retentionDays: read('--retention', presets.retentionDays, days),
    logRetentionDays: read('--log-retention', presets.logRetentionDays, days),
    replication: read('--replication', presets.replication, whole(1, 15)),
    utilisation: read('--utilisation', presets.utilisation, share)
  }
  if (faults.length > 0) throw new ArgumentsRejected(faults.join('\n'))
  return load
}

/** @throws ArgumentsRejected */
const givenCosts = ({ values }: Given): Partial<TradeCosts> => {
  const given = Object.entries(wanted).flatMap(([key, { flag }]) => {
    const text = values.get(flag)
    return text === undefined ? [] : [{ key, flag, text, value: positive(text) }]
  })
  const faults = given.filter(({ value }) => typeof value === 'string')
  if (faults.length === 0) return Object.fromEntries(given.map(({ key, value }) => [key, value]))
  throw new ArgumentsRejected(
    faults.map(({ flag, text, value }) => `${flag} is ${text}, but must be ${value}`).join('\n')
  )
}

const plainNumber = /^\d{1,12}(?:\.\d{1,12})?$/

/** The value, or what is allowed. */
const within =
  (min: number, max: number, allowed: string) =>
  (text: string): number | string => {
    const value = plainNumber.test(text) ? Number(text) : Number.NaN
    return value >= min && value <= max ? value : allowed
  }

const whole = (min: number, max: number) => (text: string) => {
  const allowed = `a whole number from ${min} to ${max}`
  return /^\d+$/.test(text) ? within(min, max, allowed)(text) : allowed
}

const share = within(0.01, 1, 'a number from 0.01 to 1')
const positive = within(1e-6, 1e12, 'a number above 0')

const daysKind = duration(3_600_000, 36_500 * dayMs)

const days = (text: string): number | string => {
  const parsed = daysKind.parse(text)
  return 'value' in parsed ? parsed.value / dayMs : 'a duration from 1h to 36500d, such as 90d'
}
