/**
 * All equations that this process can tell, from counts that its actors keep anyway (R16).
 *
 * All terms are read in one turn: nothing here waits, and no actor runs in between. A role that the
 * process does not have leaves its equations out: they are told where they can be.
 */
import { differenceOf, type Equation } from '../../machines/conservation.ts'
import {
  appendEquation,
  type FeedCounts,
  feedEquation,
  handoverEquation,
  landingEquation,
  publisherEquation,
  spoolEquation,
  tableEquation
} from '../../machines/conservation-equations.ts'
import type { DataType, StreamedDataType } from '../../market/data-type.ts'
import type { LandedPipeline, Pipeline } from '../pipeline.ts'
import type { SymbolCounts } from '../publisher/publish-ledger.ts'
import type { Shared } from '../shared.ts'

export const equationsOf = (shared: Shared): readonly Equation[] => {
  const all: Equation[] = []
  for (const pipeline of shared.captured) {
    const { dataType } = pipeline
    const symbols = isStreamed(dataType) ? pipeline.ledger.symbols : []
    if (isStreamed(dataType)) addFeed(all, shared, dataType, symbols)
    addPublisher(all, shared, pipeline, symbols)
  }
  for (const pipeline of shared.landed) addLanding(all, shared, pipeline)
  return all
}

/** Companies and claims have no feed, and are told as a whole. */
const isStreamed = (dataType: DataType): dataType is StreamedDataType =>
  dataType === 'trades' || dataType === 'quotes'

const addFeed = (
  all: Equation[],
  { intake, exchange, hasRole }: Shared,
  dataType: StreamedDataType,
  taken: readonly SymbolCounts[]
): void => {
  if (!hasRole('ingest')) return
  const accounts = intake[dataType].snapshot()
  const add = (symbol: string, ofFeed: FeedCounts, ofPublisher: SymbolCounts | undefined) => {
    const tier = intake.tiers.get(symbol) ?? ofPublisher?.tier ?? 3
    const place = { exchange, dataType, symbol, tier }
    all.push(
      feedEquation(place, ofFeed),
      handoverEquation(place, ofFeed, ofPublisher ?? nothingTaken)
    )
  }
  const met = new Set<string>()
  for (const counts of taken) {
    met.add(counts.key)
    add(counts.key, accounts[counts.key] ?? nothingReceived, counts)
  }
  for (const symbol in accounts) if (!met.has(symbol)) add(symbol, accounts[symbol]!, undefined)
}

const nothingReceived: FeedCounts = {
  received: 0, accepted: 0, rejected: 0, refused: 0, shed: 0, offered: 0
}
const nothingTaken = { accepted: 0 }

const addPublisher = (
  all: Equation[],
  { exchange, intake }: Shared,
  { dataType, ledger }: Pipeline,
  symbols: readonly SymbolCounts[]
): void => {
  // In this process nobody publishes it, or not yet.
  if (!ledger.isUsed) return
  const place = { exchange, dataType }
  const { counts, inSpool } = ledger
  all.push(publisherEquation(place, counts), appendEquation(place, counts))
  if (inSpool !== undefined) all.push(spoolEquation(place, { inSpool, spooled: counts.spooled }))
  for (const of of symbols) {
    const tier = intake.tiers.get(of.key) ?? of.tier
    all.push(publisherEquation({ exchange, dataType, symbol: of.key, tier }, of))
  }
}

const addLanding = (
  all: Equation[],
  { exchange, log }: Shared,
  { dataType, topic, landing: { current: progress } }: LandedPipeline
): void => {
  if (progress?.isStarted !== true) return
  const place = { exchange, dataType }
  const ends = new Map<number, number>()
  for (const watermark of log.current?.watermarks() ?? []) {
    if (watermark.topic === topic) ends.set(watermark.partition, watermark.durableEnd)
  }
  for (const position of progress.positions) {
    const { partition, offset, origin, compactedAway = 0, counters } = position
    if (origin === undefined) continue
    const end = ends.get(partition)
    const rest = end === undefined ? undefined : Math.max(0, end - offset)
    const counts = { counters, offset, origin, compactedAway, rest }
    all.push(landingEquation({ ...place, partition }, counts))
  }
  all.push(tableEquation(place, progress.sinceStart))
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
