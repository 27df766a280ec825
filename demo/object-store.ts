/**
 * The object store of a demonstration: S3 over a folder, at the end of a line that carries so many
 * bytes per second and no more.
 *
 * K2 lands hundreds of thousands of trades per second on a machine of today, and nothing on the
 * same machine could flood it, nor heal in a minute what a flood like that sheds. So the tables of
 * the demonstration lie behind a line that is slow for everybody in the same way: what lands per
 * second is bounded by real bytes, on a fast machine as on a busy one.
 *
 * 1. Whole objects, written once: what is replaced or read while it is written is none (`rename`).
 * 2. The line is one: uploads wait for each other. Reads are not slowed down.
 * 3. Loopback only, and signatures are not checked: it holds generated trades.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join, normalize } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface ObjectStoreOptions {
  /** Holds a folder per bucket. */
  readonly folder: string
  readonly bucket: string
  /** Of uploads, all together. */
  readonly bytesPerSecond: number
}

export interface ObjectStore {
  readonly endpoint: string
  readonly uploadedBytes: () => number
  readonly close: () => Promise<void>
}

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

const keysMax = 1_000

export const startObjectStore = async (options: ObjectStoreOptions): Promise<ObjectStore> => {
  mkdirSync(join(options.folder, options.bucket), { recursive: true })
  let uploadedBytes = 0
  let freeAtMs = 0
  /** (2) */
  const carry = async (bytes: number): Promise<void> => {
    const nowMs = performance.now()
    freeAtMs = Math.max(freeAtMs, nowMs) + (bytes * 1_000) / options.bytesPerSecond
    await delay(freeAtMs - nowMs)
    uploadedBytes += bytes
  }
  const server = createServer((request, response) => {
    // A client that gave up while it was sending.
    answer(options, request, carry).then(
      (reply) => send(request, response, reply),
      () => response.destroy()
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve) // (3)
  })
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    uploadedBytes: () => uploadedBytes,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}

const send = ({ method }: IncomingMessage, response: ServerResponse, reply: Reply): void => {
  const body = reply.body ?? Buffer.alloc(0)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) })
  response.end(method === 'HEAD' ? undefined : body)
}

const answer = async (
  { folder, bucket }: ObjectStoreOptions,
  request: IncomingMessage,
  carry: (bytes: number) => Promise<void>
): Promise<Reply> => {
  const url = new URL(request.url ?? '/', 'http://store')
  const path = normalize(decodeURIComponent(url.pathname)).slice(1)
  if (path !== bucket && !path.startsWith(`${bucket}/`)) return failure(404, 'NoSuchBucket')
  const body = await bodyOf(request)
  if (url.searchParams.has('list-type')) return list(join(folder, bucket), url.searchParams)
  const file = join(folder, path)
  if (request.method === 'DELETE') {
    rmSync(file, { force: true })
    return { status: 204 }
  }
  if (request.method !== 'PUT') {
    const stored = read(file)
    return stored === undefined ? failure(404, 'NoSuchKey') : rangeOf(request, stored)
  }
  await carry(body.length)
  if (request.headers['if-none-match'] === '*' && read(file) !== undefined)
    return failure(412, 'PreconditionFailed')
  mkdirSync(dirname(file), { recursive: true })
  await writeFile(`${file}.new`, body)
  renameSync(`${file}.new`, file) // (1)
  return { status: 200, headers: described(body) }
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const failure = (status: number, code: string): Reply => ({
  status,
  body: Buffer.from(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`)
})

const described = (body: Buffer): Readonly<Record<string, string>> => ({
  etag: `"${createHash('md5').update(body).digest('hex')}"`,
  'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64')
})

/** All of it, or the part that is asked for. */
const rangeOf = ({ headers }: IncomingMessage, stored: Buffer): Reply => {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
  if (from === undefined) return { status: 200, headers: described(stored), body: stored }
  const end = to === undefined || to === '' ? stored.length - 1 : Number(to)
  const last = Math.min(end, stored.length - 1)
  return {
    status: 206,
    headers: { 'content-range': `bytes ${from}-${last}/${stored.length}` },
    body: stored.subarray(Number(from), last + 1)
  }
}

const read = (file: string): Buffer | undefined => {
  try {
    return readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return undefined
    throw error
  }
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll("'", '&#39;').replaceAll('<', '&lt;')

const list = (root: string, query: URLSearchParams): Reply => {
  const prefix = query.get('prefix') ?? ''
  const isFlat = query.get('delimiter') === '/'
  const keys = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
    .filter((key) => key.startsWith(prefix) && !(isFlat && key.slice(prefix.length).includes('/')))
    .sort()
  const from = Number(query.get('continuation-token') ?? 0)
  const next =
    from + keysMax < keys.length
      ? `<NextContinuationToken>${from + keysMax}</NextContinuationToken>`
      : ''
  const contents = keys.slice(from, from + keysMax).map((key) => {
    const { size, mtime } = statSync(join(root, key))
    const modified = `<LastModified>${mtime.toISOString()}</LastModified>`
    return `<Contents><Key>${escaped(key)}</Key>${modified}<Size>${size}</Size></Contents>`
  })
  const body = `<ListBucketResult>${contents.join('')}${next}</ListBucketResult>`
  return { status: 200, body: Buffer.from(body) }
}
