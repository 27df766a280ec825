/** A client with one kept connection, as a program that asks K2 again and again has. */
import { Agent, request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly text: string
  /** From asking to the last byte. */
  readonly tookMs: number
}

const replyMsMax = 10_000

export class HttpClient {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(url: string) {
    this.#url = url
  }

  get(path: string): Promise<Reply> {
    return this.#send('GET', path)
  }

  post(path: string, body: unknown): Promise<Reply> {
    return this.#send('POST', path, JSON.stringify(body))
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(method: string, path: string, body?: string): Promise<Reply> {
    const startedMs = performance.now()
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#url}${path}`,
        {
          method,
          agent: this.#agent,
          timeout: replyMsMax,
          headers: body === undefined ? {} : { 'content-type': 'application/json' }
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              text: Buffer.concat(chunks).toString('utf8'),
              tookMs: performance.now() - startedMs
            })
          )
        }
      )
      sent.on('error', reject)
      sent.on('timeout', () => sent.destroy(new Error(`${path}: no reply in ${replyMsMax} ms`)))
      sent.end(body)
    })
  }
}
