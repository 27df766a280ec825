/**
 * The acts of a demonstration, in order: what is done to K2, and what must be seen of it before the
 * next one. Levels are reached by load, never by injected pressure (R17).
 *
 * 1. Nothing is waited for without a limit. What was not seen in time stays unseen, and the run
 *    goes on: its verdict says so.
 * 2. What breaks it off, a signal or a process that has ended, ends every wait at once.
 */
import type { Found, Level, Mark, Sample } from './record.ts'
import { type DemoRecord, levels, totalOf } from './record.ts'
import * as Plan from './plan.ts'

/** What the acts are played on. */
export interface Stage {
  readonly open: () => Promise<void>
  readonly controlExchange: (body: Readonly<Record<string, unknown>>) => Promise<void>
  readonly killLog: () => Promise<void>
  readonly restartLog: () => Promise<void>
  readonly uploadedBytes: number
  /** Gaps of tier 1 in K2's ledger that are there because it shed. */
  readonly tier1ShedGaps: () => Promise<number>
  /** Ends K2 and the exchange; what did not end well. */
  readonly drain: () => Promise<readonly string[]>
  /** Holds the table against what the exchange issued. */
  readonly judge: () => Promise<Found>
}

export interface Playing {
  readonly stage: Stage
  readonly record: DemoRecord
  /** Begins to look, once there is something to see. */
  readonly beginWatch: () => void
  /** There is nobody to look at any more. */
  readonly endWatch: () => void
  readonly tell: (mark: Mark) => void
  readonly signal: AbortSignal
  readonly nowMs: () => number
  /** Fails once the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

/** After so long the flood grows. */
const aggressiveMsMax = 20_000
const growsMax = 4
/** Without anything that got better. */
const stableMsMax = 60_000
const healedMsMax = 60_000
const betterMsMax = 900_000
const settledMsMax = 60_000
const warmUpMsMax = 30_000
const pollMs = 200
/** Samples in a row that must say that nothing is missing. */
const quietSamples = 4

/** @throws what breaks it off */
export const play = async (playing: Playing): Promise<void> => {
  const { stage, record } = playing
  await act(playing, 'setting up')
  await stage.open()
  playing.beginWatch()
  await measure(playing)
  await calm(playing)
  await flood(playing)
  await outage(playing)
  await recovery(playing)
  await closing(playing)
  playing.signal.throwIfAborted()
  record.found = await stage.judge()
  playing.signal.throwIfAborted()
  record.moments.judgedMs = playing.nowMs()
  record.ending = { type: 'finished' }
}

const waits = ({ record }: Playing): Plan.Waits => Plan.waitsOf(record.isFast)

const act = async (playing: Playing, name: string): Promise<void> => {
  playing.signal.throwIfAborted()
  playing.record.act = name
  note(playing, 'act', name)
}

const note = ({ record, tell, nowMs }: Playing, kind: Mark['kind'], text: string): void => {
  const mark = { atMs: nowMs(), kind, text }
  record.marks.push(mark)
  tell(mark)
}

/** (2) */
const rest = ({ signal, wait }: Playing, ms: number): Promise<void> => wait(ms, signal)

interface Seeing {
  /** Longest time; with `badness`, without anything that got better. */
  readonly msMax: number
  readonly times?: number
  /** What must become less; undefined where it cannot be told. A slow machine may take its time. */
  readonly badness?: (sample: Sample) => number | undefined
}

/** (1): whether it was seen, of the newest sample or of so many in a row. */
const seen = async (
  playing: Playing,
  isIt: (sample: Sample) => boolean,
  { msMax, times = 1, badness }: Seeing
): Promise<boolean> => {
  const { record, nowMs } = playing
  const beganMs = nowMs()
  let untilMs = beganMs + msMax
  let least = Number.POSITIVE_INFINITY
  const from = record.samples.length
  for (;;) {
    const latest = record.samples.slice(from).slice(-times)
    if (latest.length === times && latest.every(isIt)) return true
    const last = latest.at(-1)
    const bad = last === undefined ? undefined : badness?.(last)
    if (bad !== undefined && bad < least) {
      least = bad
      untilMs = Math.min(nowMs() + msMax, beganMs + betterMsMax)
    }
    if (nowMs() > untilMs) return false
    await rest(playing, pollMs)
  }
}

const isAtLeast = (level: Level) => (sample: Sample) =>
  sample.level !== null && levels.indexOf(sample.level) >= levels.indexOf(level)

const lagOf = ({ signals }: Sample): number =>
  signals.find(({ name }) => name === 'lag:trades')?.value ?? Number.POSITIVE_INFINITY

const isAtEase = (sample: Sample): boolean => sample.level === 'normal' && lagOf(sample) < 1_000

const setRates = async (playing: Playing, times: DemoTimes): Promise<void> => {
  const body = { floodTier1: times[1], floodTier2: times[2], floodTier3: times[3] }
  await playing.stage.controlExchange(body)
}

interface DemoTimes {
  readonly 1: number
  readonly 2: number
  readonly 3: number
}

const allTiers = (times: number): DemoTimes => ({ 1: times, 2: times, 3: times })

const measure = async (playing: Playing): Promise<void> => {
  const { stage, record } = playing
  await act(playing, 'measuring what lands per second')
  await seen(playing, isAtEase, { msMax: warmUpMsMax })
  await setRates(playing, allTiers(Plan.measureTimes))
  await rest(playing, waits(playing).measureMs / 2)
  const before = { bytes: stage.uploadedBytes, sample: record.samples.at(-1) }
  await rest(playing, waits(playing).measureMs)
  const after = { bytes: stage.uploadedBytes, sample: record.samples.at(-1) }
  await setRates(playing, allTiers(1))
  const landed = (after.sample?.k2?.landed ?? 0) - (before.sample?.k2?.landed ?? 0)
  const ms = (after.sample?.atMs ?? 0) - (before.sample?.atMs ?? 0)
  if (landed <= 0 || ms <= 0) throw new Error('nothing landed while it was measured how much does')
  const perSecond = Plan.capacityOf({
    bytes: after.bytes - before.bytes,
    landed,
    seconds: ms / 1_000,
    lag: after.sample === undefined ? 0 : lagOf(after.sample)
  })
  record.capacity = {
    perSecond: Math.round(perSecond),
    lineBytesPerSecond: Plan.lineBytesPerSecond
  }
  note(playing, 'seen', `about ${record.capacity.perSecond} trades land per second at most`)
}

const calm = async (playing: Playing): Promise<void> => {
  await act(playing, 'calm')
  await seen(playing, isAtEase, { msMax: warmUpMsMax, times: 2 })
  await rest(playing, waits(playing).calmMs)
}

const flood = async (playing: Playing): Promise<void> => {
  const { record, nowMs } = playing
  let { times } = Plan.floodOf(record.capacity!.perSecond)
  await act(playing, 'flood')
  record.moments.floodMs = nowMs()
  for (let grows = 0; ; grows += 1) {
    await setRates(playing, times)
    record.rates = { calm: Plan.calmRates, flood: Plan.ratesAt(times) }
    const total = totalOf(record.rates.flood)
    const over = (total / totalOf(Plan.calmRates)).toFixed(0)
    note(playing, 'fault', `the market is ${over} times as busy: ${Math.round(total)} trades/s`)
    if (await seen(playing, isAtLeast('aggressive'), { msMax: aggressiveMsMax })) break
    if (grows === growsMax) {
      note(playing, 'seen', 'the flood did not raise the level to aggressive')
      break
    }
    times = Plan.grown(times)
  }
  await rest(playing, waits(playing).aggressiveMs)
}

const outage = async (playing: Playing): Promise<void> => {
  const { stage, record, nowMs } = playing
  const isEmbedded = record.variant === 'embedded'
  await act(playing, isEmbedded ? 'K2 is dead' : 'Kafka is dead')
  const before = record.samples.at(-1)
  record.moments.killedMs = nowMs()
  note(playing, 'fault', isEmbedded ? 'kill -9 of K2, which has the log' : 'kill -9 of Kafka')
  await stage.killLog()
  await rest(playing, waits(playing).outageMs)
  await setRates(playing, allTiers(1))
  record.moments.floodEndMs = nowMs()
  note(playing, 'mended', 'the flood is over')
  await announceWeight(playing, before)
  await act(playing, isEmbedded ? 'K2 starts again' : 'Kafka starts again')
  await stage.restartLog()
  record.moments.restartedMs = nowMs()
  note(playing, 'mended', isEmbedded ? 'K2 answers again' : 'Kafka answers again')
}

/** What the exchange lets the healer ask for is stated by what is missing. */
const announceWeight = async (playing: Playing, before: Sample | undefined): Promise<void> => {
  const { stage, record } = playing
  await rest(playing, pollMs)
  const latest = record.samples.at(-1)
  const first = record.samples.find(({ issued, k2 }) => issued !== null && k2 !== null)
  // Of a K2 that is dead everything since then is missing.
  const last = latest?.k2 === null ? before : latest
  const accepted = acceptedOf(last) - acceptedOf(first)
  const issued = (latest?.issued ?? 0) - (first?.issued ?? 0)
  const missing = Math.max(0, issued - accepted)
  const weightLimit = Plan.weightLimitFor(missing)
  await stage.controlExchange({ weightLimit })
  record.venue = { weightLimit, shed: missing }
  note(playing, 'seen', `about ${missing} trades are to be healed`)
}

const acceptedOf = (sample: Sample | undefined): number =>
  (sample?.k2?.published ?? 0) + (sample?.k2?.spoolRecords ?? 0)

const recovery = async (playing: Playing): Promise<void> => {
  const { record, nowMs } = playing
  await act(playing, record.variant === 'embedded' ? 'catching up' : 'the spool drains')
  const isStable = (sample: Sample) =>
    sample.level === 'normal' && sample.k2 !== null && sample.k2.spoolRecords === 0
  const backlog = ({ k2, level, signals }: Sample) => {
    const lag = signals.find(({ name }) => name === 'lag:trades')?.value
    if (k2 === null || level === null || lag === undefined) return undefined
    return k2.spoolRecords + lag + levels.indexOf(level)
  }
  if (await seen(playing, isStable, { msMax: stableMsMax, badness: backlog })) {
    record.moments.stableMs = nowMs()
    note(playing, 'seen', 'normal again')
  } else note(playing, 'seen', 'the level did not come back to normal in time')
  await act(playing, 'healing')
  const isHealed = ({ k2 }: Sample) =>
    k2 !== null && k2.healed > 0 && k2.openGaps === 0 && k2.pendingTrades === 0
  const seenHealed = await seen(playing, isHealed, {
    msMax: healedMsMax,
    times: quietSamples,
    badness: ({ k2 }) => (k2 === null ? undefined : k2.openGaps + k2.pendingTrades)
  })
  if (seenHealed) {
    record.moments.healedMs = nowMs()
    note(playing, 'seen', 'nothing is missing any more')
  } else note(playing, 'seen', 'not everything was healed in time')
}

const closing = async (playing: Playing): Promise<void> => {
  const { stage, record } = playing
  await act(playing, 'the market closes')
  await rest(playing, waits(playing).closingMs)
  await stage.controlExchange({ halt: true })
  let last = -1
  const hasSettled = ({ k2, level }: Sample) => {
    const isSame = k2 !== null && k2.landed === last && k2.pendingTrades === 0 && level !== null
    last = k2?.landed ?? -1
    return isSame
  }
  await seenInTurn(playing, hasSettled)
  record.tier1ShedGaps = await stage.tier1ShedGaps()
  await act(playing, 'the verdict')
  playing.endWatch()
  record.unexpectedEnds.push(...(await stage.drain()))
}

/** Of samples one after the other, each looked at once. */
const seenInTurn = async (playing: Playing, isIt: (sample: Sample) => boolean): Promise<void> => {
  const { record, nowMs } = playing
  const untilMs = nowMs() + settledMsMax
  let [from, inARow] = [record.samples.length, 0]
  while (inARow < quietSamples && nowMs() < untilMs) {
    const fresh = record.samples.slice(from)
    from += fresh.length
    for (const sample of fresh) inARow = isIt(sample) ? inARow + 1 : 0
    await rest(playing, pollMs)
  }
}
