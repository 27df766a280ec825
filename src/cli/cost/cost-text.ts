/** What `k2 cost` shows: tables of parts and inputs, as cells. Pure. */
import { type Cost, type CostPart, diskShare, type Workload, zonesMax } from './cost-model.ts'
import { type Inputs, wanted } from './measured-costs.ts'
import type { PriceTable } from './price-table.ts'

type Lines = readonly (readonly string[])[]

/** Four digits mean more than any of these inputs does. */
const amountText = (value: number): string =>
  (value >= 1_000 ? Math.round(value) : Number(value.toPrecision(4))).toLocaleString('en-US', {
    maximumFractionDigits: 10
  })

/** Money: cents below a thousand. */
export const moneyText = (value: number): string =>
  value.toLocaleString('en-US', {
    minimumFractionDigits: value < 1_000 ? 2 : 0,
    maximumFractionDigits: value < 1_000 ? 2 : 0
  })

export const perMillionText = (value: number): string => value.toPrecision(3)

export const loadText = (load: Workload): string =>
  `${load.rate.toLocaleString('en-US')} messages/s, kept ${load.retentionDays} days, in the log ` +
  `${load.logRetentionDays} days in ${copiesText(load.replication)}`

const copiesText = (replication: number): string =>
  replication === 1 ? 'one copy' : `${replication} copies`

/** A line for each part, the total last; the first line has the headings. */
export const partLines = (cost: Cost, { currency, prices }: PriceTable): Lines => [
  ['part', 'quantity', 'price', `${currency} a month`, 'share'],
  ...cost.parts.map((part) => [
    part.title,
    `${amountText(part.quantity)} ${part.unit}`,
    `${prices[part.price].price} per ${prices[part.price].per}`,
    moneyText(part.monthly),
    `${((part.monthly / cost.monthly) * 100).toFixed(1)} %`
  ]),
  ['total', '', '', moneyText(cost.monthly), '100.0 %'],
  ['per million messages', '', '', perMillionText(cost.perMillion), '']
]

/** What was measured, by which run, or was given. */
export const inputLines = (inputs: Inputs): Lines => [
  ['input', 'value', 'from'],
  ...(Object.keys(wanted) as (keyof Inputs)[]).map((key) => {
    const { value, measured } = inputs[key]
    const from =
      measured === undefined
        ? `given by ${wanted[key].flag}`
        : `${measured.measure}: ${measured.value} ${measured.unit}, ` +
          `${measured.file}, ${measured.date.slice(0, 10)}, ${measured.cpu}`
    return [wanted[key].title, amountText(value), from]
  })
]

export const priceLines = ({ prices, currency }: PriceTable): Lines => [
  ['price', 'of', 'source', 'dated'],
  ...Object.values(prices).map(({ price, per, what, source, sourceDate }) => [
    `${price} ${currency} per ${per}`,
    what,
    source,
    sourceDate
  ])
]

export const assumptions = ({ utilisation }: Workload): readonly string[] => [
  `processors are busy at ${amountText(utilisation * 100)} %, a broker's disk is full to ` +
    `${diskShare * 100} %`,
  `copies and clients are spread over at most ${zonesMax} zones; each copy costs a broker ` +
    'as much as the first',
  'not in it: queries, quotes, metrics, backups, traffic to the outside, people, discounts'
]

/** The formula of a part, for who wants to check it. */
export const formulaLines = (parts: readonly CostPart[]): Lines => [
  ['part', 'quantity'],
  ...parts.map(({ title, from }) => [title, from])
]
