/**
 * What somebody who watches is sent, as Server-Sent Events.
 *
 * 1. Nothing is made that is not taken: between two parts there is the viewer's place, no queue.
 * 2. A client that leaves, or never reads, gives its place back.
 */
import type { ApiDeps } from './api-deps.ts'
import type { Viewer, ViewerPart } from './watch-deps.ts'

export const watchBody = (
  viewer: Viewer,
  { run }: Pick<ApiDeps, 'run'>
): ReadableStream<Uint8Array> => {
  const left = new AbortController()
  const leave = (): void => {
    left.abort()
    viewer.close() // (2)
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const exit = await run(viewer.next, { signal: left.signal })
        if (exit._tag === 'Success') controller.enqueue(encoder.encode(textOf(exit.value)))
        else if (!left.signal.aborted) {
          leave()
          controller.close()
        }
      },
      cancel: leave
    },
    { highWaterMark: 0 } // (1)
  )
}

const encoder = new TextEncoder()

const textOf = (part: ViewerPart): string => {
  switch (part.type) {
    case 'reset':
      return `event: reset\ndata: ${JSON.stringify({ instance: part.instance })}\n\n`
    case 'frames':
      return part.frames
        .map(({ seq, text }) => `id: ${seq}\nevent: frame\ndata: ${text}\n\n`)
        .join('')
    case 'quiet':
      return ': nothing new\n\n'
    default:
      return part satisfies never
  }
}
