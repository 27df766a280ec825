/**
 * The faults of the demonstration, all of them real: more load than lands, and `kill -9`.
 *
 * 1. Whatever happens, the exchange is calm again afterwards, and what was killed is started again.
 * 2. What is told was seen from outside: K2's own history, its metrics, the exchange's counters.
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as Plan from '../plan.ts'
import { levels, type Sample, type Transition } from '../record.ts'
import { lookAt } from '../watch.ts'
import type { Stage } from './stage.ts'
import type { Fault } from './step.ts'
import { rankOf, type Watched } from './watched.ts'

const pollMs = 300
const rateMs = 1_000
/** Until more is asked for: some commits. Small steps, since what is too much lands for as long. */
const growMs = 3_000
/** Enough: not landed is so many times what makes it graceful, and need only grow overdue. */
const enoughMarks = 3
/** With which nothing else happens for so many looks. */
const quietLooks = 3
/** How long Kafka stays dead. */
const outageMs = 4_000
/** Of a K2 of which is not known what lands per second. */
const timesUnknown = 60

type Times = Readonly<Record<1 | 2 | 3, number>>
const calmTimes: Times = { 1: 1, 2: 1, 3: 1 }

interface Seen {
  readonly samples: Sample[]
  transitions: readonly Transition[]
}

/** What faults leave for those after them. */
export class Faults {
  readonly #stage: Stage
  #floodedMs: number | undefined
  #calmMs: number | undefined
  #before: Sample | undefined

  constructor(stage: Stage) {
    this.#stage = stage
  }

  run(fault: Fault, signal: AbortSignal): Promise<Watched> {
    switch (fault) {
      case 'flood':
        return this.#flood(signal)
      case 'recover':
        return this.#recover(signal)
      case 'kill':
        return this.#kill(signal)
      default:
        return fault satisfies never
    }
  }

  async #flood(signal: AbortSignal): Promise<Watched> {
    const seen: Seen = { samples: [], transitions: [] }
    const before = await this.#look(seen)
    await delay(rateMs, undefined, { signal })
    const calm = await this.#look(seen)
    const beganMs = Date.now()
    this.#before = calm
    this.#floodedMs = beganMs
    let times = this.#floodTimes(calm)
    let growsMs = beganMs + growMs
    let first: Sample | undefined
    try {
      await this.#setRates(times)
      for (;;) {
        const sample = await this.#look(seen)
        first ??= sample
        const isShed = (sample.k2?.shed ?? 0) > (calm.k2?.shed ?? 0)
        if (isShed && rankOf(peakOf(seen, beganMs)) >= rankOf('graceful')) break
        if (Date.now() > growsMs && !isEnough(calm, sample)) {
          times = Plan.grown(times)
          growsMs = Date.now() + growMs
          await this.#setRates(times)
        }
        await delay(pollMs, undefined, { signal })
      }
    } finally {
      this.#calmMs = Date.now()
      await this.#setRates(calmTimes) // (1)
    }
    const last = seen.samples.at(-1)!
    const graceful = seen.transitions.find(
      ({ atMs, to }) => atMs >= beganMs && rankOf(to) >= rankOf('graceful')
    )
    return {
      ...this.#watched(seen, beganMs),
      seconds: graceful === undefined ? null : (graceful.atMs - beganMs) / 1_000,
      calmPerSecond: perSecond(before, calm, ({ issued }) => issued),
      floodPerSecond: perSecond(first, last, ({ issued }) => issued)
    }
  }

  async #recover(signal: AbortSignal): Promise<Watched> {
    const calmMs = this.#calmMs
    if (calmMs === undefined) throw new Error('there was no flood to recover from')
    const seen: Seen = { samples: [], transitions: [] }
    await this.#until(seen, signal, ({ level, k2 }) => {
      return level === 'normal' && k2 !== null && isHealed(k2)
    })
    const back = seen.transitions.findLast(({ atMs, to }) => atMs >= calmMs && to === 'normal')
    return {
      ...this.#watched(seen, this.#floodedMs ?? calmMs),
      seconds: back === undefined ? null : (back.atMs - calmMs) / 1_000
    }
  }

  async #kill(signal: AbortSignal): Promise<Watched> {
    const isKafka = this.#stage.variant === 'kafka'
    const seen: Seen = { samples: [], transitions: [] }
    const before = await this.#look(seen)
    this.#before = isKafka ? before : undefined
    await this.#stage.killLog()
    const killedMs = Date.now()
    let outage: Outage = {}
    try {
      if (isKafka) outage = await this.#outage(seen, before, signal)
    } finally {
      await this.#stage.restartLog() // (1)
    }
    const answering = await this.#until(seen, signal, ({ queryMs }) => queryMs !== null, 1)
    const backMs = Date.now()
    await this.#until(seen, signal, ({ level, k2 }) => {
      if (level !== 'normal' || k2 === null || k2.spoolRecords > 0) return false
      return isKafka ? k2.openGaps === 0 : isHealed(k2) && k2.healed > 0
    })
    return {
      ...this.#watched(seen, killedMs),
      ...outage,
      killed: isKafka ? 'Kafka' : 'K2',
      seconds: (backMs - killedMs) / 1_000,
      issued: (answering.issued ?? 0) - (before.issued ?? 0)
    }
  }

  /** Kafka dead, K2 alive. */
  async #outage(seen: Seen, before: Sample, signal: AbortSignal): Promise<Outage> {
    const untilMs = Date.now() + outageMs
    const from = seen.samples.length
    const spooled = (sample: Sample | undefined) => sample?.k2?.spooled ?? 0
    while (Date.now() < untilMs || spooled(seen.samples.at(-1)) <= spooled(before)) {
      await this.#look(seen)
      await delay(pollMs, undefined, { signal })
    }
    const samples = seen.samples.slice(from)
    const answered = samples.filter(({ queryMs }) => queryMs !== null).length
    return {
      answered: [answered, samples.length],
      spooled: spooled(samples.at(-1)) - spooled(before)
    }
  }

  async #look(seen: Seen): Promise<Sample> {
    const { url: k2Url, exchangeUrl } = this.#stage
    const { sample, transitions } = await lookAt({ k2Url, exchangeUrl })
    seen.samples.push(sample)
    if (transitions.length > 0) seen.transitions = transitions
    return sample
  }

  /** The sample that it was seen of; of so many in a row. */
  async #until(
    seen: Seen,
    signal: AbortSignal,
    isIt: (sample: Sample) => boolean,
    looks = quietLooks
  ): Promise<Sample> {
    for (let inARow = 0; ; ) {
      const sample = await this.#look(seen)
      inARow = isIt(sample) ? inARow + 1 : 0
      if (inARow >= looks) return sample
      await delay(pollMs, undefined, { signal })
    }
  }

  /** By what was carried to the object store for each trade that landed. */
  #floodTimes(sample: Sample): Times {
    const { uploadedBytes } = this.#stage
    const landed = sample.k2?.landed ?? 0
    if (uploadedBytes === undefined || landed === 0 || uploadedBytes === 0)
      return { 1: 1, 2: timesUnknown, 3: timesUnknown }
    const perTrade = uploadedBytes / landed
    return Plan.floodOf(Plan.lineBytesPerSecond / perTrade).times
  }

  #setRates(times: Times): Promise<void> {
    const [floodTier1, floodTier2, floodTier3] = [times[1], times[2], times[3]]
    return this.#stage.controlExchange({ floodTier1, floodTier2, floodTier3 })
  }

  #watched(seen: Seen, fromMs: number) {
    const last = seen.samples.findLast(({ k2 }) => k2 !== null)
    return {
      transitions: seen.transitions.filter(({ atMs }) => atMs >= fromMs),
      peak: peakOf(seen, fromMs),
      endedAt: last?.level ?? null,
      shed: (last?.k2?.shed ?? 0) - (this.#before?.k2?.shed ?? 0),
      healed: (last?.k2?.healed ?? 0) - (this.#before?.k2?.healed ?? 0),
      openGaps: last?.k2?.openGaps ?? Number.NaN
    }
  }
}

type Outage = Pick<Watched, 'answered' | 'spooled'>

const isHealed = ({ openGaps, pendingTrades }: NonNullable<Sample['k2']>): boolean =>
  openGaps === 0 && pendingTrades === 0

/** By how much more has come in than has landed since it was calm. */
const isEnough = (calm: Sample, { k2, signals }: Sample): boolean => {
  if (calm.k2 === null || k2 === null) return false
  const mark = signals.find(({ name }) => name.startsWith('lag'))?.enter[rankOf('graceful') - 1]
  const grown = k2.published - calm.k2.published - (k2.landed - calm.k2.landed)
  return typeof mark === 'number' && grown > enoughMarks * mark
}

const peakOf = ({ samples, transitions }: Seen, fromMs: number) => {
  const ranks = [
    ...samples.flatMap(({ level }) => (level === null ? [] : [rankOf(level)])),
    ...transitions.filter(({ atMs }) => atMs >= fromMs).map(({ to }) => rankOf(to))
  ]
  return levels[Math.max(0, ...ranks)]!
}

const perSecond = (
  from: Sample | undefined,
  to: Sample,
  of: (sample: Sample) => number | null
): number => {
  const [first, last] = [from === undefined ? null : of(from), of(to)]
  const ms = to.atMs - (from?.atMs ?? to.atMs)
  return first === null || last === null || ms === 0 ? Number.NaN : ((last - first) * 1_000) / ms
}
