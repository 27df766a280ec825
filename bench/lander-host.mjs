/**
 * A process that does nothing but run the lander's worker thread until it has landed what its log
 * holds, so that its memory is the lander's. Built sources only: a loader would count as well.
 *
 * Its one message is the worker's data; its one answer is `LanderReport` (`lander.ts`).
 */
import * as Effect from 'effect/Effect'
import { openWorkerThread } from '../dist/adapters/thread/worker-thread.js'

const heapBytesMax = 1_024 ** 3
const stopMsMax = 10_000

const land = (data) =>
  Effect.gen(function* () {
    const openedMs = performance.now()
    const report = { startedMs: 0, landedMs: 0, commits: 0, rows: 0, faults: [] }
    let finish
    const finished = new Promise((resolve) => {
      finish = resolve
    })
    const observe = (event) => {
      if (event.type === 'lander.started') report.startedMs = performance.now()
      else if (event.type === 'commit.landed') {
        report.landedMs = performance.now()
        report.commits += 1
        report.rows += event.rows
      } else report.faults.push(`${event.type} ${event.detail ?? event.reason}`)
    }
    const thread = yield* openWorkerThread({
      name: 'lander',
      entry: new URL('../dist/actors/lander/lander-worker.ts', import.meta.url),
      data,
      heapBytesMax,
      stopMsMax,
      onMessage: (answer) => {
        if (answer.type === 'lander.observed') observe(answer.event)
        if (answer.type === 'lander.failed') report.faults.push(answer.detail)
        if (answer.type === 'lander.failed' || answer.type === 'lander.finished') finish()
      }
    })
    thread.post({ type: 'drain.requested' })
    yield* Effect.raceFirst(
      Effect.promise(() => finished),
      thread.exited
    )
    const { user, system } = process.cpuUsage()
    const { maxRSS } = process.resourceUsage()
    return { ...report, openedMs, cpuSeconds: (user + system) / 1e6, peakBytes: maxRSS * 1_024 }
  }).pipe(Effect.scoped)

process.once('message', (data) => {
  void Effect.runPromise(land(data))
    .catch((error) => ({ faults: [String(error)] }))
    .then((report) => process.send(report, () => process.disconnect()))
})
