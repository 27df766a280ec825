/** The shape of successful answers under /v1: `{success, data, pagination, meta}`. */
import { isoOfMs } from './time-parameter.ts'

export interface Page {
  readonly limit: number
  /** null where counting would cost more than the answer. */
  readonly total: number | null
  readonly hasMore: boolean
  /** Rows left out before the first; default: none. */
  readonly offset?: number
  /** Where pages can be continued; null at the end. */
  readonly nextCursor?: string | null
}

export interface Meta {
  readonly correlationId: string
  readonly nowMs: number
  readonly extra?: Readonly<Record<string, unknown>>
}

/** `data` is JSON text: decimals are in it digit by digit, as no JavaScript number holds them. */
export const envelopeResponse = (data: string, page: Page | undefined, meta: Meta): Response =>
  jsonResponse(`${envelopeHead}${data}${envelopeEnd(page, meta)}`)

/** Before the data. */
export const envelopeHead = '{"success":true,"data":'

/** Behind the data. */
export const envelopeEnd = (page: Page | undefined, meta: Meta): string => {
  const pagination = page === undefined ? '' : `"pagination":${paginationJson(page)},`
  const metaJson = JSON.stringify({
    correlation_id: meta.correlationId,
    timestamp: isoOfMs(meta.nowMs),
    ...meta.extra
  })
  return `,${pagination}"meta":${metaJson}}`
}

/** The answer with further members in its `meta`, which is the last of it; asked for at its end. */
export const withMeta = async (
  answer: Response,
  extra: () => Readonly<Record<string, unknown>>
): Promise<Response> => {
  const text = await answer.text()
  const members = JSON.stringify(extra()).slice(1)
  const response = jsonResponse(`${text.slice(0, -2)},${members}}`)
  for (const [name, value] of answer.headers)
    if (!response.headers.has(name)) response.headers.set(name, value)
  return response
}

/** Its length is told: by that it is compressed, or not. */
export const jsonResponse = (text: string): Response =>
  new Response(text, {
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text))
    }
  })

const paginationJson = ({ limit, offset = 0, total, hasMore, nextCursor }: Page): string =>
  JSON.stringify({ limit, offset, total, has_more: hasMore, next_cursor: nextCursor })
