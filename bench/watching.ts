/**
 * What pages that watch K2 cost, and how soon they see a transition.
 *
 * Cost: the exchange at full speed, one process, 0, 1 and 20 connections to `/v1/system/watch` in
 * windows of time, side by side as in `watcher`. What the clients themselves take of the machine is
 * part of it: they run beside K2, on the same cores.
 * Delay: at 20,000 trades/s levels are raised and given up again by injected pressure; a transition
 * says when it was, and a client when its frame came, by the same clock.
 */
import { atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { pause } from './environment.ts'
import { type Flow, measuredWindow, runFlow } from './flow.ts'
import { Measures, type Outcome } from './report.ts'
import { percentile } from './statistics.ts'
import { apiUrl, type K2, withK2 } from './system.ts'
import { openViewer, type Viewer } from './viewer.ts'
import { compare, type Window } from './windows.ts'

/** Of the seconds of a run of `throughput`: a window. */
const windowShare = 1 / 12
const warmUpWindows = 2
/** Of connections; there and back, so that a drift costs none of them more. */
const order = [0, 1, 20, 20, 1, 0]
const orderBack = [20, 1, 0, 0, 1, 20]

const oneBar = atMost(3)
const manyBar = atMost(10)
const delayBar = atMost(250)

export const measureWatching = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  for (let run = 1; run <= context.runs && measures.failures.length === 0; run += 1) {
    await context.settle()
    await measureCost(context, run, measures)
    if (measures.failures.length > 0) break
    await context.settle()
    await measureDelay(context, run, measures)
  }
  measures.note(
    'cost: windows of 0 1 20 20 1 0 connections of one process, every other run 20 1 0 0 1 20; ' +
      'the clients share the machine with K2 and the exchange'
  )
  measures.note('delay: from the time that a transition has to the arrival of its frame')
  return measures.outcome
}

interface WatchedWindow extends Omit<Window, 'isAttached'> {
  readonly viewers: number
}

const measureCost = async (
  context: BenchContext,
  run: number,
  measures: Measures
): Promise<void> => {
  const windowMs = context.seconds * windowShare * 1_000
  const folder = await context.workspace.folder('watching')
  const during = (flow: Flow) => observe(flow, run % 2 === 1 ? order : orderBack, windowMs)
  const result = await runFlow(context, { folder, during })
  await context.workspace.discard(folder)
  const { windows, frames } = result.during
  const faults = [...result.faults, ...(frames === 0 ? ['the viewers saw no frame'] : [])]
  measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
  if (faults.length > 0) return
  measures.add('without a page', 'trades/s', rateOf(windows, 0))
  measures.add('with one page', 'trades/s', rateOf(windows, 1))
  measures.add('with 20 pages', 'trades/s', rateOf(windows, 20))
  const [one, many] = [costOf(windows, 1), costOf(windows, 20)]
  measures.add('cost of one page', '%', one.costShare * 100, oneBar)
  measures.add('cost of 20 pages', '%', many.costShare * 100, manyBar)
  measures.add('cost of one page in CPU per trade', '%', one.cpuCostShare * 100)
  measures.add('cost of 20 pages in CPU per trade', '%', many.cpuCostShare * 100)
  measures.note(result.levelNote)
  const percent = (share: number) => `${(share * 100).toFixed(2)} %`
  context.progress(
    `watching run ${run}: ${percent(one.costShare)}, 20 pages ${percent(many.costShare)}`
  )
}

const observe = async (flow: Flow, counts: readonly number[], windowMs: number) => {
  const url = await apiUrl(flow.k2.running)
  await pause(warmUpWindows * windowMs)
  const windows: WatchedWindow[] = []
  let frames = 0
  for (const count of counts) {
    const opening = Array.from({ length: count }, () => openViewer(url))
    const viewers: readonly Viewer[] = await Promise.all(opening)
    const window = await measuredWindow(flow, windowMs)
    for (const viewer of viewers) {
      frames += viewer.frames()
      viewer.close()
    }
    windows.push({ viewers: count, ...window })
  }
  return { windows, frames }
}

/** Those with so many viewers against those with none. */
const costOf = (windows: readonly WatchedWindow[], viewers: number) =>
  compare(
    windows
      .filter((window) => window.viewers === 0 || window.viewers === viewers)
      .map((window) => ({ ...window, isAttached: window.viewers > 0 }))
  )

const rateOf = (windows: readonly WatchedWindow[], viewers: number): number => {
  const own = windows.filter((window) => window.viewers === viewers)
  const sum = (of: 'trades' | 'seconds') => own.reduce((total, window) => total + window[of], 0)
  return sum('trades') / sum('seconds')
}

const market = { speed: 1, rate: 20_000 } as const
const rounds = 12
const stepMs = 400
const transitionsMin = 100
/** Recovery would take minutes with the defaults. */
const quick = {
  K2_DEGRADATION_INTERVAL: '100ms',
  K2_DEGRADATION_COOLDOWN: '100ms',
  K2_DEGRADATION_RAMP_STEP: '100ms'
}

const measureDelay = async (
  context: BenchContext,
  run: number,
  measures: Measures
): Promise<void> => {
  const folder = await context.workspace.folder('watching')
  const delays: number[] = []
  await withK2(context.workspace, folder, { market, settings: quick }, async (k2) => {
    const note = (delayMs: number): void => void delays.push(delayMs)
    const viewer = await openViewer(await apiUrl(k2.running), note)
    await pause(stepMs)
    for (let round = 0; round < rounds; round += 1) await raise(k2)
    viewer.close()
  })
  await context.workspace.discard(folder)
  if (delays.length < transitionsMin) {
    measures.failures.push(`run ${run}: ${delays.length} transitions, not ${transitionsMin}`)
    return
  }
  measures.add('transition to the page, p50', 'ms', percentile(delays, 0.5))
  measures.add('transition to the page, p99', 'ms', percentile(delays, 0.99), delayBar)
  measures.add('transitions timed', 'transitions', delays.length)
  context.progress(`watching run ${run}: ${measures.last('transition to the page, p99')} ms`)
}

/** Through three levels, and given up again. */
const raise = async ({ client }: K2): Promise<void> => {
  for (const level of ['soft', 'graceful', 'aggressive']) {
    const { status, text } = await client.post('/v1/system/pressure', { level, expires_seconds: 1 })
    if (status !== 200) throw new Error(`no pressure was injected: ${text}`)
    await pause(stepMs)
  }
  await pause(1_000 + stepMs)
}
