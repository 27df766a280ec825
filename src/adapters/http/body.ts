/**
 * Bodies of requests: JSON, and never more of one in memory than is allowed, whether the client
 * tells its length or not.
 */
import { bodyBytesMax, bodyTooLarge } from './guards.ts'
import type { Problem } from './problem.ts'

/** `value` is undefined where the body is empty. */
export type Body = { readonly value: unknown } | { readonly problem: Problem }

export const readJson = async (request: Request): Promise<Body> => {
  const bytes = await readBytes(request)
  if (bytes === undefined) return { problem: bodyTooLarge }
  if (bytes.length === 0) return { value: undefined }
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) }
  } catch {
    return { problem: invalidBody }
  }
}

const invalidBody: Problem = {
  status: 400,
  code: 'invalid_body',
  detail: `send one JSON value of at most ${bodyBytesMax} bytes`
}

/** Undefined as soon as it is too large: the rest is not read. */
const readBytes = async ({ body }: Request): Promise<Buffer | undefined> => {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop cancels the stream.
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > bodyBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
