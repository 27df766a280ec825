/**
 * Loaded into K2 by `node --import`: measures its main thread from within, and watches its actors.
 * Questions and answers go over the process's IPC channel; `probe.ts` asks.
 *
 * The histogram is of the whole time between two questions, and an interval counts with the timer's
 * own resolution: a loop that is never late shows a little more than `resolutionMs`.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'
import { inspectionChannel } from '../dist/actors/inspection-channel.js'

const resolutionMs = 2

const startProbe = () => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  let eventCount = 0
  const watch = () => {
    eventCount += 1
  }
  const answers = {
    'loop.restart': () => {
      histogram.enable()
      histogram.reset()
      return {}
    },
    'loop.read': () => ({
      p50Ms: histogram.percentile(50) / 1e6,
      p99Ms: histogram.percentile(99) / 1e6,
      p999Ms: histogram.percentile(99.9) / 1e6,
      maxMs: histogram.max / 1e6,
      count: histogram.count
    }),
    'watcher.attach': () => {
      subscribe(inspectionChannel, watch)
      return { eventCount }
    },
    'watcher.detach': () => {
      unsubscribe(inspectionChannel, watch)
      return { eventCount }
    }
  }
  process.on('message', (question) => process.send(answers[question]()))
}

// Workers load it as well.
if (isMainThread) startProbe()
