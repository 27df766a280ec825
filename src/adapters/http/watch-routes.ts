/**
 * What a page needs to show a running K2: its machines, what happened so far, and what happens.
 * They tell how things are, and so answer at every level.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import * as SchemaTransformation from 'effect/SchemaTransformation'
import { json, valueEnvelope } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { envelopeEnd, envelopeHead, envelopeResponse } from './envelope.ts'
import type { Parameter } from './parameters.ts'
import { route, type Route } from './route.ts'
import { watchBody } from './watch-body.ts'
import { episode, machines } from './watch-schemas.ts'

export const watchRoutes = (deps: ApiDeps): readonly Route[] => [
  machinesRoute(deps),
  historyRoute(deps),
  watchRoute(deps)
]

const machinesRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/system/machines',
    'The machines that actors run: states, and edges between them',
    {},
    ({ correlationId }) =>
      Effect.sync(() =>
        envelopeResponse(JSON.stringify({ machines: deps.watch.machines() }), undefined, {
          correlationId,
          nowMs: deps.nowMs()
        })
      )
  ),
  responses: { 200: json('As they are defined', valueEnvelope(machines)) }
})

const historyRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/system/history',
    'The last hour, as an episode: what was before it, and each frame since',
    {},
    ({ correlationId }) =>
      Effect.sync(() => {
        const { head, base, frames } = deps.watch.history()
        const before = `${envelopeHead}${JSON.stringify({ ...head, base }).slice(0, -1)},"frames":[`
        const after = `]}${envelopeEnd(undefined, { correlationId, nowMs: deps.nowMs() })}`
        return new Response(textBody(partsOf(before, frames, after)), {
          headers: { 'content-type': 'application/json' }
        })
      })
  ),
  responses: { 200: json('It can be kept in a file', valueEnvelope(episode)) }
})

const partCharsMin = 256 * 1_024

/** An hour has many MB: what the client has not taken is not there. */
function* partsOf(before: string, frames: readonly string[], after: string): Generator<string> {
  let part = before
  for (const [index, frame] of frames.entries()) {
    part += index === 0 ? frame : `,${frame}`
    if (part.length < partCharsMin) continue
    yield part
    part = ''
  }
  yield part + after
}

const textBody = (parts: Iterator<string>): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { done, value } = parts.next()
        if (done === true) controller.close()
        else controller.enqueue(encoder.encode(value))
      }
    },
    { highWaterMark: 0 }
  )

const encoder = new TextEncoder()

const seqPattern = /^[0-9]{1,12}$/u

const seqParameter: Parameter<number> = {
  schema: Schema.String.check(Schema.isPattern(seqPattern)).pipe(
    Schema.decodeTo(
      Schema.Number,
      SchemaTransformation.transform({ decode: Number, encode: String })
    )
  ),
  remedy: 'the seq of a frame, a whole number',
  wire: { type: 'integer', minimum: 0, maximum: 999_999_999_999 },
  example: 1
}

const watchParameters = {
  after: seqParameter,
  instance: {
    schema: Schema.String.check(Schema.isPattern(/^[0-9a-zA-Z-]{1,64}$/u)),
    remedy: 'the instance of an episode, as /v1/system/history has it',
    example: '6f1c7d0e-9d3c-4b0a-8f52-3f0f6f4f7a10'
  } satisfies Parameter<string>
}

const watchRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/system/watch',
    'Frames as they come, from now on or behind one that you have',
    watchParameters,
    ({ values, headers }) => {
      const last = headers.get('last-event-id') ?? ''
      const after = seqPattern.test(last) ? Number(last) : values.after
      return Effect.map(
        deps.watch.open({ after, instance: values.instance }),
        (viewer) => new Response(watchBody(viewer, deps), { headers: streamHeaders })
      )
    }
  ),
  responses: {
    200: {
      about:
        'Server-Sent Events: frame, with its seq as id and a WatchFrame as data; or reset, where ' +
        'the history has to be read anew. The header Last-Event-ID goes before after',
      content: { 'text/event-stream': Schema.String }
    }
  },
  problems: ['viewers_busy']
})

/** Frames must not wait for one another on their way. */
const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform'
}
