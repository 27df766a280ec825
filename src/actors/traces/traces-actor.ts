/**
 * Program of the actor `traces`: sends spans to the collector at `K2_OTLP_ENDPOINT`.
 *
 * 1. One request is outstanding, and each ends in time. What a collector does not take is dropped,
 *    counted and said: it comes back by itself, and costs nobody anything else until then (R14).
 * 2. Drained, it sends once more what waits; those who ended before it are traced to their end.
 */
import * as Effect from 'effect/Effect'
import { headersIn } from '../../adapters/config/trace-settings.ts'
import { otlpTraces, type TraceResource } from '../../adapters/telemetry/otlp-json.ts'
import { type Collector, postSpans } from '../../adapters/telemetry/span-post.ts'
import type { EffectActorArgs, FromEffect } from '../effect-actor.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { type Child, worker } from '../supervisor-actor.ts'
import type { Traces } from './traces.ts'

/** Spans of one request. */
const batchSpansMax = 512
/** Spans seldom come alone. */
const lingerMs = 500
const requestMsMax = 5_000
/** Spans that come in between are kept as far as there is room. */
const failedPauseMs = 5_000
/** The drain has two seconds. */
const lastMsMax = 1_500

/** None where nothing is traced. */
export const tracesChildren = (
  fromEffect: FromEffect<never>,
  shared: Shared,
  version: string
): readonly Child[] =>
  shared.traces === undefined
    ? []
    : [
        worker(
          { id: 'traces', drainMsMax: 2_000, onLimit: 'quarantine' },
          fromEffect(tracesProgram(shared, shared.traces, version))
        )
      ]

const tracesProgram =
  (shared: Shared, traces: Traces, version: string) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { queue } = traces
      const resource = resourceOf(shared, version)
      const collector = {
        endpoint: traces.endpoint,
        headers: headersIn(shared.config.otlpHeaders),
        requestMsMax
      }
      reportStatus(() => ({ counters: { waitingSpans: queue.length } }))
      ready()
      const turn = Effect.gen(function* () {
        yield* queue.filled.await
        yield* Effect.sleep(lingerMs)
        if (!(yield* sent(shared, traces, collector, resource))) yield* Effect.sleep(failedPauseMs)
      })
      yield* Effect.raceFirst(Effect.forever(turn), drainRequested(commands))
      // (2)
      yield* sent(shared, traces, { ...collector, requestMsMax: lastMsMax }, resource)
    })

/** Whether the collector has taken them. */
const sent = (
  { telemetry }: Shared,
  { queue }: Traces,
  collector: Collector,
  resource: TraceResource
): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const spans = queue.take(batchSpansMax)
    if (spans.length === 0) return Effect.succeed(true)
    return Effect.match(postSpans(collector, otlpTraces(resource, spans)), {
      onSuccess: () => {
        telemetry.metrics.traceSpans.inc({ outcome: 'exported' }, spans.length)
        return true
      },
      onFailure: ({ isRefused, message: detail }) => {
        const outcome = isRefused ? 'refused' : 'unreachable'
        telemetry.metrics.traceSpans.inc({ outcome }, spans.length)
        telemetry.logSeldom('warn', 'traces.not_taken', outcome, { detail, spans: spans.length })
        return false
      }
    })
  })

/** By OpenTelemetry's conventions for resources. */
const resourceOf = ({ config, uuid }: Shared, version: string): TraceResource => ({
  'service.name': 'k2',
  'service.namespace': config.roles.join(','),
  'service.version': version,
  'service.instance.id': uuid(),
  'process.pid': String(process.pid),
  'process.runtime.name': 'nodejs',
  'process.runtime.version': process.version
})
