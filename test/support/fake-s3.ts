/** An S3 bucket in memory that misbehaves on request; it does not check signatures. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What goes wrong with one request, before or after it took effect. */
type Misbehaviour =
  | 'none'
  | { readonly status: number; readonly code?: string; readonly when: 'before' | 'after' }
  | { readonly does: 'reset' | 'hang' | 'cut' | 'flip a bit'; readonly when: 'before' | 'after' }

interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

export interface FakeS3 {
  readonly endpoint: string
  readonly requests: SeenRequest[]
  /** By `bucket/key`. */
  readonly objects: Map<string, Buffer>
  misbehave: (request: SeenRequest) => Misbehaviour
  /** Keys of one page of a list. */
  pageKeys: number
  /** Whether it keeps the SHA-256 that it is sent. */
  keepsDigests: boolean
  readonly close: () => Promise<void>
}

interface Reply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Buffer
}

const failure = (status: number, code: string): Reply => ({
  status,
  body: Buffer.from(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`)
})

export const startFakeS3 = async (): Promise<FakeS3> => {
  const server = createServer((request, response) => {
    // A client that gave up while it was sending.
    handle(request, response).catch(() => response.destroy())
  })
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
    const { method = '', url: path = '', headers } = incoming
    const request = { method, path, headers }
    fake.requests.push(request)
    const fault = fake.misbehave(request)
    const act = () => answer(fake, request, Buffer.concat(chunks))
    if (fault === 'none') return send(request, response, act())
    const reply = fault.when === 'after' ? act() : null
    if ('status' in fault)
      return send(request, response, failure(fault.status, fault.code ?? 'InternalError'))
    if (fault.does === 'reset') incoming.socket.destroy()
    if (reply !== null && fault.does === 'cut') cut(response, reply)
    if (reply !== null && fault.does === 'flip a bit')
      send(request, response, { ...reply, body: flipped(reply.body ?? Buffer.alloc(0)) })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fake: FakeS3 = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    objects: new Map(),
    misbehave: () => 'none',
    pageKeys: 1_000,
    keepsDigests: true,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
  return fake
}

const send = ({ method }: SeenRequest, response: ServerResponse, reply: Reply): void => {
  const body = reply.body ?? Buffer.alloc(0)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) })
  response.end(method === 'HEAD' ? undefined : body)
}

const cut = (response: ServerResponse, { status, headers, body = Buffer.alloc(0) }: Reply) => {
  response.writeHead(status, { ...headers, 'content-length': String(body.length) })
  response.write(body.subarray(0, body.length / 2), () => response.destroy())
}

const flipped = (body: Buffer): Buffer => {
  const copy = Buffer.from(body)
  if (copy.length > 0) copy[copy.length >> 1]! ^= 1
  return copy
}

const answer = (fake: FakeS3, { method, path, headers }: SeenRequest, body: Buffer): Reply => {
  const url = new URL(path, fake.endpoint)
  const key = decodeURIComponent(url.pathname.slice(1))
  if (!key.startsWith('bucket/')) return failure(404, 'NoSuchBucket')
  if (url.searchParams.has('list-type')) return list(fake, url.searchParams)
  const stored = fake.objects.get(key)
  switch (method) {
    case 'PUT':
      if (headers['if-none-match'] === '*' && stored !== undefined)
        return failure(412, 'PreconditionFailed')
      fake.objects.set(key, body)
      return { status: 200, headers: describe(fake, body) }
    case 'DELETE':
      fake.objects.delete(key)
      return { status: 204 }
    default:
      return stored === undefined
        ? failure(404, 'NoSuchKey')
        : { status: 200, headers: describe(fake, stored), body: stored }
  }
}

const describe = ({ keepsDigests }: FakeS3, body: Buffer): Record<string, string> => ({
  etag: `"${createHash('md5').update(body).digest('hex')}"`,
  ...(keepsDigests
    ? { 'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64') }
    : {})
})

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll("'", '&#39;').replaceAll('<', '&lt;')

const listed = (key: string, objects: FakeS3['objects']): string =>
  `<Contents><Key>${escaped(key)}</Key><LastModified>2024-08-08T00:00:00.000Z</LastModified>` +
  `<Size>${objects.get(`bucket/${key}`)?.length}</Size></Contents>`

const list = ({ objects, pageKeys }: FakeS3, query: URLSearchParams): Reply => {
  const prefix = query.get('prefix') ?? ''
  const isFlat = query.get('delimiter') === '/'
  const keys = [...objects.keys()]
    .map((it) => it.slice('bucket/'.length))
    .filter((it) => it.startsWith(prefix) && !(isFlat && it.slice(prefix.length).includes('/')))
    .sort()
  const from = Number(query.get('continuation-token') ?? 0)
  const page = keys.slice(from, from + pageKeys)
  const next =
    from + pageKeys < keys.length
      ? `<NextContinuationToken>${from + pageKeys}</NextContinuationToken>`
      : ''
  const contents = page.map((it) => listed(it, objects))
  const body = `<ListBucketResult>${contents.join('')}${next}</ListBucketResult>`
  return { status: 200, body: Buffer.from(body) }
}
