/**
 * ETags of answers that name what they read.
 *
 * They are weak: the data is the same to the byte, but `meta` has the time of each answer.
 */
import type { Format } from './formats.ts'
import type { Documented } from './route.ts'

/** Of an answer with an ETag: it may be kept, and is asked for again before it is used. */
export const revalidated = 'private, no-cache'

/** The signature of a read token: it differs where anything of what was read does. */
export const etagOf = (readToken: string, format: Format): string =>
  `W/"${readToken.split('.').at(-1)}-${format}"`

/** By the value of the header `If-None-Match`. */
export const isNoneMatch = (
  header: string,
  format: Format
): ((readToken: string) => boolean) => {
  const given = header.split(',').map((tag) => tag.trim().replace(/^W\//u, ''))
  return (readToken) =>
    given.includes('*') || given.includes(etagOf(readToken, format).slice('W/'.length))
}

export const unchangedResponse = (readToken: string, format: Format): Response =>
  new Response(null, {
    status: 304,
    headers: { etag: etagOf(readToken, format), 'cache-control': revalidated, vary: 'Accept' }
  })

export const unchanged: Documented = {
  about: 'As the ETag in If-None-Match has it: nothing was read',
  content: {},
  headers: { ETag: 'The one that was sent' }
}
