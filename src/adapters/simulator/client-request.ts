/**
 * What a client may say on a stream connection: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS and the
 * `combined` property, answered in the words of the venue's "WebSocket Streams" document. An error
 * that belongs to a request is `{"error":{"code","msg"},"id"}`, one that cannot be attributed is
 * `{"code","msg"}`.
 */

export type RequestId = number | string | null

export type ClientRequest =
  | {
      readonly method: 'SUBSCRIBE' | 'UNSUBSCRIBE'
      readonly streams: ReadonlyArray<string>
      readonly id: RequestId
    }
  | { readonly method: 'LIST_SUBSCRIPTIONS'; readonly id: RequestId }
  | { readonly method: 'SET_PROPERTY'; readonly combined: boolean; readonly id: RequestId }
  | { readonly method: 'GET_PROPERTY'; readonly id: RequestId }

/** The venue's limit of streams on one connection. */
export const streamsMax = 1_024

const methods = ['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS', 'SET_PROPERTY', 'GET_PROPERTY']
const idText = /^[a-zA-Z0-9_-]{1,36}$/

export const resultReply = (id: RequestId, result: unknown = null): string =>
  JSON.stringify({ result, id })

/** @param id undefined where the request's id could not be read. */
export const errorReply = (code: number, msg: string, id?: RequestId): string =>
  JSON.stringify(id === undefined ? { code, msg } : { error: { code, msg }, id })

/** The request, or the reply that refuses it. */
export const readClientRequest = (text: string): ClientRequest | { readonly refusal: string } => {
  let body: { readonly method?: unknown; readonly params?: unknown; readonly id?: unknown }
  try {
    body = JSON.parse(text) as typeof body
  } catch {
    return { refusal: errorReply(3, 'Invalid JSON: expected value at line 1 column 1') }
  }
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    return { refusal: errorReply(3, 'Invalid JSON: expected an object at line 1 column 1') }
  }
  const { method, params } = body
  if (!isRequestId(body.id)) {
    return { refusal: errorReply(2, 'Invalid request: request ID must be an unsigned integer') }
  }
  const id = body.id
  const refuse = (msg: string, code = 2) => ({ refusal: errorReply(code, msg, id) })
  if (method === undefined)
    return refuse(`Invalid request: missing field \`method\` at line 1 column ${text.length}`)
  switch (method as ClientRequest['method']) {
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE':
      if (
        !Array.isArray(params) ||
        params.some((name) => typeof name !== 'string' || name === '')
      ) {
        return refuse('Invalid request: params must be a list of stream names')
      }
      return { method: method as 'SUBSCRIBE', streams: params as Array<string>, id }
    case 'LIST_SUBSCRIPTIONS':
      return params === undefined
        ? { method: 'LIST_SUBSCRIPTIONS', id }
        : refuse('Invalid request: too many parameters')
    case 'SET_PROPERTY':
    case 'GET_PROPERTY': {
      const [name, value] = Array.isArray(params) ? (params as Array<unknown>) : []
      if (typeof name !== 'string') return refuse('Invalid request: property name must be a string')
      if (name !== 'combined') return refuse('Unknown property', 0)
      if (method === 'GET_PROPERTY') return { method, id }
      return typeof value === 'boolean'
        ? { method: 'SET_PROPERTY', combined: value, id }
        : refuse('Invalid value type: expected Boolean', 1)
    }
    default: {
      const known = methods.map((name) => `\`${name}\``).join(', ')
      return refuse(
        `Invalid request: unknown variant ${JSON.stringify(method)}, expected one of ${known}`
      )
    }
  }
}

const isRequestId = (id: unknown): id is RequestId =>
  id === null || Number.isInteger(id) || (typeof id === 'string' && idText.test(id))
