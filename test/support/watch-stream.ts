/** A client of `/v1/system/watch` that keeps what it is sent. */
import type { WatchFrame } from '../../src/adapters/http/watch-schemas.ts'

export interface WatchStream {
  readonly frames: readonly WatchFrame[]
  /** Instances that it was told to begin anew with. */
  readonly resets: readonly string[]
  /** The first frame, of those that have come and that will, of which it holds. */
  readonly until: (holds: (frame: WatchFrame) => boolean) => Promise<WatchFrame>
  readonly close: () => void
}

const waitMsMax = 60_000

export const watchStream = async (
  url: string,
  from: {
    readonly after?: number
    readonly instance?: string
    readonly lastEventId?: string
  } = {}
): Promise<WatchStream> => {
  const { after, instance, lastEventId } = from
  const asked = new URL(`${url}/v1/system/watch`)
  if (after !== undefined) asked.searchParams.set('after', String(after))
  if (instance !== undefined) asked.searchParams.set('instance', instance)
  const left = new AbortController()
  const response = await fetch(asked, {
    signal: left.signal,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  })
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  const frames: WatchFrame[] = []
  const resets: string[] = []
  const waiting = new Set<() => void>()
  const read = async () => {
    const decoder = new TextDecoder()
    let text = ''
    for await (const part of response.body!) {
      text += decoder.decode(part, { stream: true })
      const events = text.split('\n\n')
      text = events.pop()!
      for (const event of events) take(event, frames, resets)
      for (const look of waiting) look()
    }
  }
  const ended = read().catch(() => undefined)
  return {
    frames,
    resets,
    until: (holds) =>
      new Promise((resolve, reject) => {
        const fail = (what: string) => () => {
          clearTimeout(timer)
          reject(new Error(`${what}; ${frames.length} frames`))
        }
        const timer = setTimeout(fail('no such frame in time'), waitMsMax)
        const look = () => {
          const found = frames.find(holds)
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
        void ended.finally(fail('the stream has ended'))
      }),
    close: () => left.abort()
  }
}

const take = (event: string, frames: WatchFrame[], resets: string[]): void => {
  const lines = event.split('\n')
  const data = lines.find((line) => line.startsWith('data: '))?.slice('data: '.length)
  if (data === undefined) return
  if (lines.includes('event: reset')) resets.push((JSON.parse(data) as WatchReset).instance)
  else frames.push(JSON.parse(data) as WatchFrame)
}

interface WatchReset {
  readonly instance: string
}
