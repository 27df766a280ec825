/**
 * Files of a table on this machine, for icebird: it takes every object store for Amazon's, and
 * reads by `fetch`, which has no `file:` addresses.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** It has files that are not of this machine, or of a kind that is not read here. */
export class TableUnsupported extends Error {}

/**
 * Of a file that a table names; `objects` is where the object store keeps its own.
 * @throws TableUnsupported
 */
export const pathOf = (location: string, objects: string | undefined): string => {
  if (location.startsWith('file:')) return fileURLToPath(location)
  const [, bucket, key] =
    /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ??
    /^https:\/\/([^/]+)\.s3\.amazonaws\.com\/(.+)$/.exec(location) ??
    []
  if (bucket === undefined || key === undefined || objects === undefined)
    throw new TableUnsupported(`${location} is no file of this machine`)
  return join(objects, bucket, key)
}

/** `body` reads by a `fetch` that finds them. */
export const withFileFetch = async <A>(
  { objects }: { readonly objects?: string | undefined },
  body: () => Promise<A>
): Promise<A> => {
  const realFetch = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const address = input instanceof Request ? input.url : String(input)
    if (!/^file:|\.s3\.amazonaws\.com\//.test(address)) return realFetch(input, init)
    const bytes = readFileSync(pathOf(address, objects))
    const range = /bytes=(\d+)-(\d*)/.exec(new Headers(init?.headers).get('range') ?? '')
    if (range === null) return new Response(bytes)
    const end = range[2] === '' ? bytes.length : Number(range[2]) + 1
    return new Response(bytes.subarray(Number(range[1]), end), { status: 206 })
  }
  try {
    return await body()
  } finally {
    globalThis.fetch = realFetch
  }
}
