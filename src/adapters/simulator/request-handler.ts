/** The HTTP side of the exchange's port: the venue's REST routes and the control routes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FaultBody, SimulatorControl } from './control.ts'
import type { FaultSettings } from './faults.ts'
import type { Reply } from './rest-routes.ts'

export interface RequestHandlerOptions {
  readonly rest: (url: URL) => Reply | undefined
  readonly control: SimulatorControl
  readonly settings: () => FaultSettings
}

const bodyBytesMax = 1_024 * 1_024
const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]'])

export const makeRequestHandler =
  (options: RequestHandlerOptions) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const url = readUrl(request.url ?? '/')
    if (url === undefined) {
      send(response, json(400, { code: -1, msg: 'Bad request.' }))
      return
    }
    if (url.pathname === '/control' || url.pathname.startsWith('/control/')) {
      answerControl(request, url, options.control).then(
        (reply) => send(response, reply),
        () => response.destroy()
      )
      return
    }
    if (options.settings().refuse === 'all') {
      request.socket.destroy()
      return
    }
    const reply = request.method === 'GET' ? answerRest(options, url) : undefined
    send(response, reply ?? json(404, { code: -1, msg: 'Not found.' }))
  }

/** A request target such as `/ws?x=1`; undefined where it is none. */
export const readUrl = (target: string): URL | undefined =>
  URL.canParse(target, 'http://exchange') ? new URL(target, 'http://exchange') : undefined

/** A recording may hold numbers that no reply can be made of: the venue then has a bad moment. */
const answerRest = (options: RequestHandlerOptions, url: URL): Reply | undefined => {
  try {
    return options.rest(url)
  } catch {
    const msg = 'An unknown error occurred while processing the request.'
    return json(500, { code: -1000, msg })
  }
}

const send = (response: ServerResponse, { status, headers, body }: Reply): void => {
  response.writeHead(status, headers).end(body)
}

const json = (status: number, body: unknown): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body)
})

const answerControl = async (
  request: IncomingMessage,
  url: URL,
  control: SimulatorControl
): Promise<Reply> => {
  if (!loopbackNames.has(hostNameOf(request)))
    return json(403, { problems: ['the control routes answer on loopback names only'] })
  if (url.pathname === '/control' && request.method === 'GET') return json(200, control.status())
  if (url.pathname !== '/control/faults')
    return json(404, { problems: ['use GET /control or POST /control/faults'] })
  if (request.method !== 'POST') return json(405, { problems: ['use POST'] })
  if (request.headers['content-type']?.split(';')[0] !== 'application/json') {
    return json(415, { problems: ['the body must be application/json'] })
  }
  const body = await readBody(request)
  if (body === undefined) return json(413, { problems: [`the body exceeds ${bodyBytesMax} bytes`] })
  let decoded: unknown
  try {
    decoded = JSON.parse(body)
  } catch {
    return json(400, { problems: ['the body is not JSON'] })
  }
  const result = control.request(decoded as FaultBody)
  return 'problems' in result ? json(400, result) : json(200, result.value)
}

/** Without the port; `[::1]` keeps its brackets. */
const hostNameOf = (request: IncomingMessage): string =>
  (request.headers.host ?? '').replace(/:\d+$/, '')

const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Array<Buffer> = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
