/**
 * What an attached watcher of the actor system costs: the exchange at full speed, one process, a
 * watcher that does nothing attached and taken away again in windows of time. One process keeps out
 * of the ratio what differs from process to process, the order of the windows what drifts.
 */
import { atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { pause } from './environment.ts'
import { type Flow, measuredWindow, runFlow } from './flow.ts'
import { probeFlags, setWatcher } from './probe.ts'
import { Measures, type Outcome } from './report.ts'
import { balanced, compare, type Window } from './windows.ts'

/** Of the seconds of a run of `throughput`: a window. */
const windowShare = 1 / 12
/** Before the first one that counts: buffers fill, compilers get warm. */
const warmUpWindows = 2

const costBar = atMost(3)

export const measureWatcher = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  const windowMs = context.seconds * windowShare * 1_000
  for (let run = 1; run <= context.runs; run += 1) {
    await context.settle()
    const folder = await context.workspace.folder('watcher')
    const order = run % 2 === 1 ? balanced : balanced.map((isAttached) => !isAttached)
    const during = (flow: Flow) => observe(flow, order, windowMs)
    const result = await runFlow(context, { folder, nodeFlags: probeFlags, during })
    await context.workspace.discard(folder)
    const { without, attached, costShare, cpuCostShare } = compare(result.during.windows)
    const faults = [...result.faults]
    if (result.during.eventCount === 0) faults.push('the watcher saw no event')
    measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
    if (faults.length > 0) break
    measures.add('cost in throughput', '%', costShare * 100, costBar)
    measures.add('without a watcher', 'trades/s', without.tradesPerSecond)
    measures.add('with a watcher', 'trades/s', attached.tradesPerSecond)
    measures.add('cost in CPU per trade', '%', cpuCostShare * 100)
    measures.add('events watched', '1/s', result.during.eventCount / attached.seconds)
    measures.note(result.levelNote)
    context.progress(`watcher run ${run}: ${(costShare * 100).toFixed(2)} % of throughput`)
  }
  measures.note(
    'cost: windows A B B A B A A B of one process, watched (B) over unwatched (A); ' +
      'every other run the other way round'
  )
  return measures.outcome
}

const observe = async (flow: Flow, order: readonly boolean[], windowMs: number) => {
  const { running } = flow.k2
  await pause(warmUpWindows * windowMs)
  const windows: Window[] = []
  let eventCount = 0
  let isWatched = false
  for (const isAttached of order) {
    if (isAttached !== isWatched) ({ eventCount } = await setWatcher(running, isAttached))
    isWatched = isAttached
    windows.push({ isAttached, ...(await measuredWindow(flow, windowMs)) })
  }
  if (isWatched) ({ eventCount } = await setWatcher(running, false))
  return { windows, eventCount }
}
