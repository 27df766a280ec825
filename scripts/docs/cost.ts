/**
 * Tables of `docs/cost.md`, computed by what `k2 cost` computes with: parts and totals of some
 * rates, the measured inputs, the prices, and what the Python ancestor said of itself.
 */
import { join } from 'node:path'
import { ancestorClaims, ancestorSums } from '../../src/cli/cost/ancestor-cost.ts'
import { presets } from '../../src/cli/cost/cost-command.ts'
import { costOf } from '../../src/cli/cost/cost-model.ts'
import {
  assumptions,
  formulaLines,
  inputLines,
  loadText,
  moneyText,
  partLines,
  perMillionText,
  priceLines
} from '../../src/cli/cost/cost-text.ts'
import { readInputs, tradeCostsOf } from '../../src/cli/cost/measured-costs.ts'
import { pricesOf, readPriceTable } from '../../src/cli/cost/price-table.ts'
import { numberText } from './format.ts'

const ratesShown = [10_000, 1_000_000, 10_000_000]

/** @throws Error for a part that there is none of, and where a figure was never measured */
export const costText = (root: string, name: string): string => {
  const inputs = readInputs(join(root, 'bench/results'), {})
  const prices = readPriceTable(join(root, 'deploy/prices.json'))
  const trade = tradeCostsOf(inputs)
  const costAt = (rate: number) => costOf({ ...presets, rate }, trade, pricesOf(prices))
  if (/^\d+$/.test(name)) {
    const rate = Number(name)
    const heading = `*${loadText({ ...presets, rate })}; ${prices.name}.*`
    return `${heading}\n\n${tableText(partLines(costAt(rate), prices))}`
  }
  const [, rate, what] = /^(\d+)\/(monthly|per-million)$/.exec(name) ?? []
  if (rate !== undefined) {
    const { monthly, perMillion } = costAt(Number(rate))
    return `$${what === 'monthly' ? moneyText(monthly) : perMillionText(perMillion)}`
  }
  switch (name) {
    case 'rates':
      return tableText([
        ['messages/s', `${prices.currency} a month`, `${prices.currency} per million messages`],
        ...ratesShown.map((rate) => {
          const { monthly, perMillion } = costAt(rate)
          return [numberText(rate), moneyText(monthly), perMillionText(perMillion)]
        })
      ])
    case 'formulas':
      return tableText(formulaLines(costAt(presets.rate).parts))
    case 'assumptions':
      return assumptions(presets)
        .map((line) => `- ${line}`)
        .join('\n')
    case 'inputs':
      return tableText(inputLines(inputs))
    case 'prices':
      return tableText(priceLines(prices))
    case 'ancestor':
      return ancestorTable()
    case 'ancestor-factor':
      return numberText(ancestorSums(ancestorClaims[1]!).timesTooHigh)
    default:
      throw new Error(
        'a part is RATE, RATE/monthly, RATE/per-million, rates, formulas, assumptions, inputs, ' +
          'prices, ancestor or ancestor-factor'
      )
  }
}

const ancestorTable = (): string =>
  tableText([
    ['messages/s', 'its total a month', 'million messages in 30 days', 'total / messages',
      'it says', 'times too high'],
    ...ancestorClaims.map((claim) => {
      const { millions, actual, timesTooHigh } = ancestorSums(claim)
      return [
        numberText(claim.rate),
        `$${moneyText(claim.monthly)}`,
        numberText(millions),
        `$${perMillionText(actual)}`,
        `$${claim.claimed}`,
        numberText(timesTooHigh)
      ]
    })
  ])

/** The first line has the headings. */
const tableText = ([head = [], ...rows]: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
