/**
 * Pictures of a page as it changes, by the browser's own protocol (Chrome DevTools Protocol,
 * `Page.startScreencast`), kept as files with the time at which each was shown.
 *
 * 1. The browser sends the next picture once the last one is acknowledged: at most some a second,
 *    so that what is recorded has the machine to itself.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CDPSession, Page } from 'playwright-core'

export interface Frame {
  readonly file: string
  readonly atMs: number
}

/** (1) */
const pauseMs = 180
const quality = 80

export class Screencast {
  readonly frames: Frame[] = []
  readonly #folder: string
  readonly #session: CDPSession
  readonly #writes: Promise<void>[] = []
  #failure: unknown

  private constructor(folder: string, session: CDPSession) {
    this.#folder = folder
    this.#session = session
  }

  static async start(page: Page, folder: string): Promise<Screencast> {
    await mkdir(folder, { recursive: true })
    const session = await page.context().newCDPSession(page)
    const screencast = new Screencast(folder, session)
    session.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
      screencast.#take(data, (metadata.timestamp ?? Date.now() / 1_000) * 1_000)
      void delay(pauseMs)
        .then(() => session.send('Page.screencastFrameAck', { sessionId }))
        // The page is closed: there are no more.
        .catch(() => undefined)
    })
    await session.send('Page.startScreencast', { format: 'jpeg', quality, everyNthFrame: 1 })
    return screencast
  }

  /** Rejects if a picture could not be written. */
  async stop(): Promise<readonly Frame[]> {
    await this.#session.send('Page.stopScreencast')
    await Promise.all(this.#writes)
    if (this.#failure !== undefined) throw this.#failure
    if (this.frames.length === 0) throw new Error('the browser sent no picture of the page')
    return this.frames
  }

  #take(data: string, atMs: number): void {
    const file = join(this.#folder, `${String(this.frames.length).padStart(6, '0')}.jpg`)
    this.frames.push({ file, atMs })
    this.#writes.push(
      writeFile(file, Buffer.from(data, 'base64')).catch((error: unknown) => {
        this.#failure ??= error
      })
    )
  }
}
