/**
 * Keeps a recording up to date with the server, for as long as the page is open.
 *
 * 1. After a lost connection it goes on from the last frame that it has; where the server no longer
 *    has what follows, or is another process, it asks for the whole history anew.
 * 2. It waits between attempts, longer after each, and tells when the next one is.
 */
import { ApiProblem, ask, request } from './api.ts'
import { eventsOf } from './event-stream.ts'
import { Recording } from './recording.ts'
import type { Episode, WatchFrame } from './watch-types.ts'

export type Link =
  | { readonly state: 'loading' }
  | { readonly state: 'live' }
  | { readonly state: 'disconnected'; readonly reason: string; readonly retryMs: number }
  | { readonly state: 'refused'; readonly reason: string }

export interface Follower {
  readonly onLink: (link: Link) => void
  readonly onRecording: (recording: Recording) => void
  readonly onFrame: () => void
}

const retryMsMin = 500
const retryMsMax = 10_000

export const follow = async (follower: Follower): Promise<void> => {
  let recording: Recording | undefined
  let waitMs = retryMsMin
  for (;;) {
    try {
      if (recording === undefined) {
        follower.onLink({ state: 'loading' })
        const { data } = await ask<Episode>('/v1/system/history')
        recording = new Recording(data)
        follower.onRecording(recording)
      }
      const isReset = await stream(recording, follower, () => {
        waitMs = retryMsMin
      })
      if (isReset) {
        recording = undefined
        continue
      }
    } catch (error) {
      if (error instanceof ApiProblem && [401, 403].includes(error.status)) {
        follower.onLink({ state: 'refused', reason: error.message })
        return
      }
      follower.onLink({ state: 'disconnected', reason: textOf(error), retryMs: waitMs })
    }
    await pause(waitMs)
    waitMs = Math.min(waitMs * 2, retryMsMax)
  }
}

/** Whether the server asks to begin anew. */
const stream = async (
  recording: Recording,
  { onLink, onFrame }: Follower,
  onOpen: () => void
): Promise<boolean> => {
  const { instance, now } = recording
  const response = await request(`/v1/system/watch?after=${now.seq}&instance=${instance}`, {
    headers: { accept: 'text/event-stream' }
  })
  onOpen()
  onLink({ state: 'live' })
  for await (const { event, data } of eventsOf(response.body!)) {
    if (event === 'reset') return true
    if (event !== 'frame') continue
    recording.append(JSON.parse(data) as WatchFrame)
    onFrame()
  }
  throw new Error('the server ended the stream')
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const textOf = (error: unknown): string =>
  error instanceof TypeError ? 'the server does not answer' : (error as Error).message
