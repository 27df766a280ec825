/**
 * The body of a replay, while it is made.
 *
 * 1. The status is known before the first byte: what cannot begin is a problem as any other.
 * 2. The client's reading is all that moves it on; a client that leaves ends it, also before the
 *    first byte.
 * 3. What ends early says so in its last line. Only a connection that is cut can end without one.
 */
import * as Effect from 'effect/Effect'
import type { ApiDeps, ApiFault, ReplayPart, ReplayRequest, ReplaySink } from './api-deps.ts'
import { reported } from './fault-report.ts'
import { Handover } from './handover.ts'
import { completedNote, failedNote, type ReplayFraming } from './replay-frames.ts'

interface Replayed {
  readonly framing: ReplayFraming
  readonly request: Omit<ReplayRequest, 'frame'>
  readonly correlationId: string
  readonly route: string
}

type Bytes = Uint8Array<ArrayBuffer>

export const replayResponse = (
  deps: ApiDeps,
  { framing, request, correlationId, route }: Replayed
): Effect.Effect<Response, ApiFault> =>
  Effect.callback((resume) => {
    const handover = new Handover<Bytes>()
    const left = new AbortController()
    let isOpen = false
    let count = 0
    const bytesOf = (part: ReplayPart): Bytes => {
      if (part.type === 'completed')
        return encoded(framing.note(completedNote(part, request.isLive)))
      if (part.type === 'idle') return encoded(framing.idle)
      count += part.count
      return part.bytes
    }
    const sink: ReplaySink = {
      opened: () => {
        isOpen = true
        const body = bodyOf(handover, left)
        resume(Effect.succeed(new Response(body, { headers: headersOf(framing) })))
      },
      emit: (part) => {
        const bytes = bytesOf(part)
        return bytes.length === 0 ? Effect.void : Effect.promise(() => handover.offer(bytes))
      }
    }
    const ended = async () => {
      const effect = deps.replay({ ...request, frame: framing.frame }, sink)
      const exit = await deps.run(effect, { signal: left.signal })
      if (exit._tag === 'Failure' && !isOpen) resume(Effect.failCause(exit.cause))
      else if (exit._tag === 'Failure' && !left.signal.aborted) {
        const problem = reported(deps, exit.cause, { route, correlationId })
        const note = failedNote(problem, count, correlationId)
        await handover.offer(encoded(framing.note(note))) // (3)
      }
      handover.end()
    }
    void ended()
    return Effect.sync(() => left.abort()) // (2)
  })

const encoder = new TextEncoder()
const encoded = (text: string): Bytes => encoder.encode(text)

/** Whole as it is: lines of a stream must not wait for one another. */
const headersOf = ({ contentType }: ReplayFraming) => ({
  'content-type': contentType,
  'cache-control': 'no-store, no-transform'
})

const bodyOf = (handover: Handover<Bytes>, left: AbortController): ReadableStream<Bytes> =>
  new ReadableStream<Bytes>(
    {
      pull: async (controller) => {
        const bytes = await handover.take()
        if (bytes === undefined) controller.close()
        else controller.enqueue(bytes)
      },
      cancel: () => left.abort()
    },
    // Nothing is taken that nobody has asked for.
    { highWaterMark: 0 }
  )
