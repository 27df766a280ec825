/**
 * What is promised, and whether it held, of the record of a run alone. Pure.
 *
 * 1. A promise that the run did not come to is not held: it was not tried.
 * 2. What is counted is what was seen from outside: samples, K2's own history, and the oracle.
 */
import { type DemoRecord, type Level, levels, memoryOf, type Sample } from './record.ts'

export interface Kept {
  readonly promise: string
  readonly outcome: 'held' | 'broken' | 'not tried'
  /** What was seen. */
  readonly detail: string
}

export const isAllHeld = (record: DemoRecord): boolean =>
  record.ending.type === 'finished' &&
  promisesOf(record).every(({ outcome }) => outcome === 'held')

export const promisesOf = (record: DemoRecord): readonly Kept[] => [
  levelsReached(record),
  tier1NeverShed(record),
  ...(record.variant === 'kafka' ? outagePromises(record) : [cameBack(record)]),
  memoryBounded(record),
  stepByStep(record),
  healed(record),
  ...tablePromises(record),
  noneEnded(record)
]

const kept = (promise: string, isHeld: boolean, detail: string): Kept => ({
  promise,
  outcome: isHeld ? 'held' : 'broken',
  detail
})

const untried = (promise: string): Kept => ({
  promise,
  outcome: 'not tried',
  detail: 'the run did not come so far'
})

const levelsReached = ({ transitions, moments }: DemoRecord): Kept => {
  const promise = 'Load alone raises the level: soft, graceful, aggressive'
  const { floodMs, killedMs } = moments
  if (floodMs === undefined || killedMs === undefined) return untried(promise)
  const raised = transitions.filter(
    ({ atMs, from, to }) => atMs >= floodMs && atMs <= killedMs && rankOf(to) > rankOf(from)
  )
  const injected = transitions.filter(({ signal }) => signal === 'injected')
  const highest = raised.reduce((rank, { to }) => Math.max(rank, rankOf(to)), 0)
  const signals = [...new Set(raised.map(({ signal }) => signal))].join(', ')
  const isHeld = highest >= rankOf('aggressive') && injected.length === 0
  const way = raised.map(({ to }) => to).join(', ')
  return kept(promise, isHeld, raised.length === 0 ? 'it was not raised' : `${way}, by ${signals}`)
}

const rankOf = (level: Level): number => levels.indexOf(level)

const tier1NeverShed = ({ tier1ShedGaps }: DemoRecord): Kept => {
  const promise = 'Tier 1 is never shed'
  if (tier1ShedGaps === undefined) return untried(promise)
  return kept(promise, tier1ShedGaps === 0, `${tier1ShedGaps} gaps of tier 1 in the ledger, shed`)
}

/** Samples while the log was dead for certain. */
const duringOutage = ({ samples, moments }: DemoRecord): readonly Sample[] => {
  const { killedMs, floodEndMs } = moments
  if (killedMs === undefined || floodEndMs === undefined) return []
  return samples.filter(({ atMs }) => atMs >= killedMs && atMs <= floodEndMs)
}

const outagePromises = (record: DemoRecord): readonly Kept[] => {
  const names = [
    'Tier 1 keeps flowing while Kafka is dead, into the spool',
    'Queries are answered while Kafka is dead'
  ] as const
  const samples = duringOutage(record)
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined || first === last) return names.map(untried)
  const spooled = (last.k2?.spooled ?? 0) - (first.k2?.spooled ?? 0)
  const issued = (last.issuedTier1 ?? 0) - (first.issuedTier1 ?? 0)
  const share = issued === 0 ? 0 : Math.round((100 * spooled) / issued)
  const answered = samples.filter(({ queryMs }) => queryMs !== null).length
  return [
    kept(
      names[0],
      spooled > 0 && share >= flowingPercentMin,
      `${spooled} trades spooled of ${issued} that tier 1 issued meanwhile`
    ),
    kept(names[1], answered === samples.length, `${answered} of ${samples.length} were answered`)
  ]
}

/** What was issued last is on its way when it is looked. */
const flowingPercentMin = 50

const cameBack = ({ moments, samples }: DemoRecord): Kept => {
  const promise = 'K2 comes back by itself after kill -9, log and all'
  const { killedMs, restartedMs } = moments
  if (killedMs === undefined || restartedMs === undefined) return untried(promise)
  const after = samples.find(({ atMs, queryMs }) => atMs >= restartedMs && queryMs !== null)
  const seconds = ((restartedMs - killedMs) / 1_000).toFixed(1)
  return kept(
    promise,
    after !== undefined,
    after === undefined ? 'it answers no query' : `it answers again, ${seconds} s after the kill`
  )
}

const memoryBounded = ({ samples, memoryBytesMax, moments }: DemoRecord): Kept => {
  const promise = 'Memory in use stays within its limit'
  if (memoryBytesMax === undefined || moments.floodMs === undefined) return untried(promise)
  const peak = Math.max(0, ...samples.map((sample) => memoryOf(sample) ?? 0))
  const detail = `${mebibytes(peak)} MiB at most, of ${mebibytes(memoryBytesMax)}`
  return kept(promise, peak > 0 && peak <= memoryBytesMax, detail)
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1_024 ** 2)

const stepByStep = ({ transitions, moments, ending }: DemoRecord): Kept => {
  const promise = 'It recovers one level at a time, and ends at normal'
  const { stableMs, floodMs = 0 } = moments
  const isCutShort = ending.type !== 'finished' && stableMs === undefined
  if (moments.restartedMs === undefined || isCutShort) return untried(promise)
  const down = transitions.filter(
    ({ atMs, kind, from, to }) =>
      atMs >= floodMs && kind === 'recovered' && rankOf(to) < rankOf(from)
  )
  const leaps = down.filter(({ from, to }) => rankOf(from) - rankOf(to) > 1)
  const way = down.map(({ to }) => to).join(', ')
  return kept(
    promise,
    stableMs !== undefined && leaps.length === 0,
    stableMs === undefined ? 'it did not come back to normal' : way === '' ? 'normal at once' : way
  )
}

const healed = ({ moments, samples, ending }: DemoRecord): Kept => {
  const promise = 'What was let go is healed: no gap stays open'
  const { restartedMs, healedMs } = moments
  const isCutShort = ending.type !== 'finished' && healedMs === undefined
  if (restartedMs === undefined || isCutShort) return untried(promise)
  const last = samples.findLast(({ k2 }) => k2 !== null)?.k2
  const detail = `${last?.healed ?? 0} trades fetched, ${last?.openGaps ?? '?'} still missing`
  return kept(promise, healedMs !== undefined, detail)
}

const tablePromises = ({ found }: DemoRecord): readonly Kept[] => {
  const names = [
    'Zero lost: the table has every trade that the exchange issued',
    'Zero duplicate: it has each of them once',
    'Nothing altered: it has them as they were issued'
  ] as const
  if (found === undefined) return names.map(untried)
  const { issued, beforeFirst, landed, lost, duplicate, wrong } = found
  return [
    kept(
      names[0],
      lost === 0 && landed > 0 && landed - duplicate >= issued - beforeFirst,
      `${lost} lost of ${issued - beforeFirst}`
    ),
    kept(names[1], duplicate === 0 && landed > 0, `${duplicate} twice of ${landed} rows`),
    kept(names[2], wrong === 0 && landed > 0, `${wrong} with other values or in another place`)
  ]
}

const noneEnded = ({ unexpectedEnds, ending }: DemoRecord): Kept => {
  const promise = 'No process ends by itself'
  if (unexpectedEnds.length > 0) return kept(promise, false, unexpectedEnds.join('; '))
  return ending.type === 'finished' ? kept(promise, true, 'none did') : untried(promise)
}
