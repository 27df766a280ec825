/** A connection that watches K2, and does with what comes no more than count, or read, it. */
import { get } from 'node:http'

export interface Viewer {
  /** Frames that have come. */
  readonly frames: () => number
  readonly close: () => void
}

interface Frame {
  readonly transitions?: ReadonlyArray<{ readonly at: number }>
}

const frameStart = 'event: frame\n'

/** @param onTransition is told how many ms after it each transition has come */
export const openViewer = (
  url: string,
  onTransition?: (delayMs: number) => void
): Promise<Viewer> =>
  new Promise((resolve, reject) => {
    let frames = 0
    let text = ''
    const sent = get(`${url}/v1/system/watch`, { agent: false }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`${response.statusCode}, no stream of frames`))
        return
      }
      response.on('error', () => undefined)
      response.setEncoding('utf8').on('data', (part: string) => {
        const events = (text + part).split('\n\n')
        text = events.pop()!
        for (const event of events) {
          if (!event.includes(frameStart)) continue
          frames += 1
          if (onTransition !== undefined) readDelays(event, onTransition)
        }
      })
      resolve({ frames: () => frames, close: () => void sent.destroy() })
    })
    sent.on('error', reject)
  })

const readDelays = (event: string, onTransition: (delayMs: number) => void): void => {
  const data = event.slice(event.indexOf('data: ') + 'data: '.length)
  const { transitions = [] } = JSON.parse(data) as Frame
  const nowMs = Date.now()
  for (const { at } of transitions) onTransition(nowMs - at)
}
