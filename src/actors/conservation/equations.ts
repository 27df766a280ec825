/**
 * All equations that this process can tell, from counts that its actors keep anyway (R16).
 *
 * All terms are read in one turn: nothing here waits, and no actor runs in between. A role that the
 * process does not have leaves its equations out: they are told where they can be.
 */
import { differenceOf, type Equation } from '../../machines/conservation.ts'
import {
  appendEquation,
  feedEquation,
  handoverEquation,
  landingEquation,
  publisherEquation,
  spoolEquation,
  tableEquation
} from '../../machines/conservation-equations.ts'
import type { StreamedDataType } from '../../market/data-type.ts'
import type { LandedPipeline, Pipeline } from '../pipeline.ts'
import type { PublishLedger, SymbolCounts } from '../publisher/publish-ledger.ts'
import type { Shared } from '../shared.ts'

export const equationsOf = (shared: Shared): readonly Equation[] => [
  ...feedEquations(shared, 'trades'),
  ...feedEquations(shared, 'quotes'),
  ...shared.captured.flatMap((pipeline) => publisherEquations(shared, pipeline)),
  ...shared.landed.flatMap((pipeline) => landingEquations(shared, pipeline))
]

const feedEquations = (shared: Shared, dataType: StreamedDataType): readonly Equation[] => {
  const { intake, exchange, captured } = shared
  const pipeline = shared[dataType]
  if (!captured.includes(pipeline) || !shared.hasRole('ingest')) return []
  const accounts = intake[dataType].snapshot()
  const taken = new Map(pipeline.ledger.symbols.map((counts) => [counts.key, counts]))
  const symbols = new Set([...Object.keys(accounts), ...taken.keys()])
  return [...symbols].flatMap((symbol) => {
    const counts = accounts[symbol] ?? nothingReceived
    const ofPublisher = taken.get(symbol)
    const tier = intake.tiers.get(symbol) ?? ofPublisher?.tier ?? 3
    const place = { exchange, dataType, symbol, tier }
    return [
      feedEquation(place, counts),
      handoverEquation(place, counts, ofPublisher ?? nothingTaken)
    ]
  })
}

const nothingReceived = {
  received: 0, accepted: 0, rejected: 0, refused: 0, shed: 0, offered: 0
}
const nothingTaken = { accepted: 0 }

const publisherEquations = (
  shared: Shared,
  { dataType, ledger }: Pipeline
): readonly Equation[] => {
  // In this process nobody publishes it, or not yet.
  if (!ledger.isUsed) return []
  const place = { exchange: shared.exchange, dataType }
  const { counts, inSpool } = ledger
  return [
    publisherEquation(place, counts),
    ...(inSpool === undefined ? [] : [spoolEquation(place, { inSpool, ...counts })]),
    appendEquation(place, counts),
    ...symbolsOf(shared, dataType, ledger).map((symbol) =>
      publisherEquation({ ...place, symbol: symbol.key, tier: symbol.tier }, symbol)
    )
  ]
}

/** Of what a feed brings; companies and claims have no feed, and are told as a whole. */
const symbolsOf = (
  { intake }: Shared,
  dataType: Pipeline['dataType'],
  ledger: PublishLedger
): readonly SymbolCounts[] =>
  dataType === 'trades' || dataType === 'quotes'
    ? ledger.symbols.map((counts) => ({
        ...counts,
        tier: intake.tiers.get(counts.key) ?? counts.tier
      }))
    : []

const landingEquations = (
  { exchange, log }: Shared,
  { dataType, topic, landing: { current: progress } }: LandedPipeline
): readonly Equation[] => {
  if (progress?.isStarted !== true) return []
  const place = { exchange, dataType }
  const ends = new Map<number, number>()
  for (const watermark of log.current?.watermarks() ?? []) {
    if (watermark.topic === topic) ends.set(watermark.partition, watermark.durableEnd)
  }
  const partitions = progress.positions.flatMap((position) => {
    const { partition, offset, origin, compactedAway = 0, counters } = position
    if (origin === undefined) return []
    const end = ends.get(partition)
    const rest = end === undefined ? undefined : Math.max(0, end - offset)
    const counts = { counters, offset, origin, compactedAway, rest }
    return [landingEquation({ ...place, partition }, counts)]
  })
  return [...partitions, tableEquation(place, progress.sinceStart)]
}

/** In words, for the log: `accepted 3 + healed 0 = …`. */
const textOf = ({ left, right, relation }: Equation): string =>
  `${termsText(left)} ${relation === 'equal' ? '=' : '>='} ${termsText(right)}`

const termsText = (terms: Equation['left']): string =>
  Object.entries(terms)
    .map(([term, records]) => `${term} ${records}`)
    .join(' + ')

export const factsOf = (equation: Equation) => {
  const { name, exchange, dataType, symbol, partition } = equation
  return {
    equation: name,
    exchange,
    data_type: dataType,
    ...(symbol === null ? {} : { symbol }),
    ...(partition === null ? {} : { partition }),
    difference: differenceOf(equation),
    detail: textOf(equation)
  }
}
