/**
 * Answers are compressed for those who take it: text only, and not what is small or told not to be
 * changed on its way (`no-transform`), as a stream whose lines must not wait for one another.
 */
import { COMPRESSIBLE_CONTENT_TYPE_REGEX, compress } from 'hono/compress'

/** Bytes; less fits into few packets anyway. */
const bytesMin = 4_096

const isText = (type: string): boolean =>
  type.startsWith('application/x-ndjson') || COMPRESSIBLE_CONTENT_TYPE_REGEX.test(type)

export const compressed = () => compress({ threshold: bytesMin, contentTypeFilter: isText })
