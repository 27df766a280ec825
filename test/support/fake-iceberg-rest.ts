/**
 * An Iceberg REST catalog in memory that misbehaves on request: it checks requirements and applies
 * updates as the specification says, and lies about it as the test says.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isInteger, parse, stringify } from 'lossless-json'

/** What goes wrong with one request; `late`: applied only when the next request comes. */
export type Misbehaviour =
  | 'none'
  | { readonly status: number; readonly when: 'before' | 'after' }
  | { readonly does: 'reset' | 'hang' | 'cut' | 'talk nonsense'; readonly when: 'before' | 'after' }
  | { readonly does: 'hang'; readonly when: 'late' }

interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Json = Record<string, unknown>

interface StoredTable {
  readonly location: string
  readonly metadata: Json
}

export interface FakeRestCatalog {
  readonly uri: string
  readonly requests: SeenRequest[]
  readonly tables: Map<string, StoredTable>
  /** Decides about each request. */
  misbehave: (request: SeenRequest) => Misbehaviour
  /** What becomes of a snapshot's summary. */
  keepSummary: (summary: Record<string, string>) => Record<string, string>
  /** Bearer tokens that are accepted; null: no token is asked for. */
  tokens: Set<string> | null
  /** Seconds that an issued token is said to live. */
  expiresIn: number | undefined
  prefix: string | undefined
  readonly close: () => Promise<void>
}

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly etag?: string
}

const failure = (status: number, type: string, message: string): Reply => ({
  status,
  body: { error: { message, type, code: status } }
})

const read = (text: string): Json =>
  parse(text, null, (digits) =>
    isInteger(digits) && !Number.isSafeInteger(Number(digits)) ? BigInt(digits) : Number(digits)
  ) as Json

/** @param port 0: any free one */
export const startFakeRestCatalog = async (port = 0): Promise<FakeRestCatalog> => {
  const namespaces = new Set<string>()
  let late: (() => void)[] = []
  const server = createServer((request, response) => void handle(request, response))
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString()
    }
    catalog.requests.push(request)
    for (const apply of late.splice(0)) apply()
    const fault = catalog.misbehave(request)
    if (fault === 'none') return send(response, answer(catalog, namespaces, request))
    if (fault.when === 'late') return void late.push(() => answer(catalog, namespaces, request))
    const reply = fault.when === 'after' ? answer(catalog, namespaces, request) : null
    if ('status' in fault) return send(response, failure(fault.status, 'Fault', 'on purpose'))
    if (fault.does === 'reset') incoming.socket.destroy()
    if (fault.does === 'talk nonsense') send(response, { status: 200, body: 'nonsense' })
    if (fault.does === 'cut') {
      const text = stringify(reply?.body ?? {}) ?? ''
      response.writeHead(200, { 'content-length': text.length + 10 })
      response.write(text, () => incoming.socket.destroy())
    }
  }
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const catalog: FakeRestCatalog = {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    tables: new Map(),
    misbehave: () => 'none',
    keepSummary: (summary) => summary,
    tokens: null,
    expiresIn: undefined,
    prefix: undefined,
    close: () =>
      new Promise((resolve) => {
        late = []
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
  return catalog
}

const send = (response: ServerResponse, { status, body, etag }: Reply): void => {
  response.writeHead(status, etag === undefined ? {} : { etag })
  response.end(status === 304 ? undefined : typeof body === 'string' ? body : stringify(body))
}

const answer = (catalog: FakeRestCatalog, namespaces: Set<string>, request: SeenRequest): Reply => {
  const url = new URL(request.path, catalog.uri)
  if (url.pathname === '/v1/oauth/tokens') return issue(catalog, request)
  const bearer = request.headers.authorization?.replace('Bearer ', '') ?? ''
  if (catalog.tokens !== null && !catalog.tokens.has(bearer))
    return failure(401, 'NotAuthorizedException', 'who are you?')
  if (url.pathname === '/v1/config') {
    const overrides = catalog.prefix === undefined ? {} : { prefix: catalog.prefix }
    return { status: 200, body: { defaults: {}, overrides } }
  }
  const root = catalog.prefix === undefined ? '/v1/' : `/v1/${catalog.prefix}/`
  if (!url.pathname.startsWith(root)) return failure(404, 'NotFoundException', url.pathname)
  const [, namespace = '', , table] = url.pathname.slice(root.length).split('/')
  if (namespace === '') return makeNamespace(namespaces, request)
  if (!namespaces.has(namespace))
    return failure(404, 'NoSuchNamespaceException', `no namespace ${namespace}`)
  if (table === undefined) return makeTable(catalog, namespace, read(request.body))
  const key = `${namespace}.${table}`
  return request.method === 'GET' ? show(catalog, key, request) : change(catalog, key, request)
}

const issue = (catalog: FakeRestCatalog, request: SeenRequest): Reply => {
  const form = new URLSearchParams(request.body)
  if (form.get('client_id') !== 'k2' || form.get('client_secret') !== 'pass:word')
    return failure(401, 'NotAuthorizedException', request.body)
  const token = randomUUID()
  catalog.tokens?.add(token)
  const expires = catalog.expiresIn === undefined ? {} : { expires_in: catalog.expiresIn }
  return { status: 200, body: { access_token: token, token_type: 'bearer', ...expires } }
}

const makeNamespace = (namespaces: Set<string>, { body }: SeenRequest): Reply => {
  const [name = ''] = read(body)['namespace'] as string[]
  if (namespaces.has(name)) return failure(409, 'AlreadyExistsException', name)
  namespaces.add(name)
  return { status: 200, body: { namespace: [name], properties: {} } }
}

const makeTable = ({ tables }: FakeRestCatalog, namespace: string, body: Json): Reply => {
  const key = `${namespace}.${String(body['name'])}`
  if (tables.has(key)) return failure(409, 'AlreadyExistsException', key)
  const { 'format-version': version, ...properties } = body['properties'] as Json
  const schema = body['schema'] as Json & { readonly fields: readonly Json[] }
  const spec = body['partition-spec'] as Json & { readonly fields: readonly Json[] }
  const order = body['write-order'] as Json
  const metadata: Json = {
    'format-version': Number(version),
    'table-uuid': randomUUID(),
    location: body['location'],
    'last-sequence-number': 0,
    'last-updated-ms': Date.now(),
    'last-column-id': 1_000,
    schemas: [schema],
    'current-schema-id': schema['schema-id'],
    'partition-specs': [spec],
    'default-spec-id': spec['spec-id'],
    'last-partition-id': 999 + spec.fields.length,
    'sort-orders': [{ 'order-id': 0, fields: [] }, order],
    'default-sort-order-id': order['order-id'],
    properties,
    'current-snapshot-id': -1,
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    refs: {}
  }
  return resultOf(store(tables, key, metadata))
}

const store = (tables: FakeRestCatalog['tables'], key: string, metadata: Json): StoredTable => {
  const location = `${String(metadata['location'])}/metadata/${randomUUID()}.metadata.json`
  const stored = { location, metadata }
  tables.set(key, stored)
  return stored
}

const resultOf = ({ location, metadata }: StoredTable): Reply => ({
  status: 200,
  body: { 'metadata-location': location, metadata, config: {} },
  etag: `"${createHash('sha1').update(location).digest('hex')}"`
})

const show = ({ tables }: FakeRestCatalog, key: string, { headers }: SeenRequest): Reply => {
  const stored = tables.get(key)
  if (stored === undefined) return failure(404, 'NoSuchTableException', `no table ${key}`)
  const result = resultOf(stored)
  return headers['if-none-match'] === result.etag ? { status: 304, body: null } : result
}

const change = (catalog: FakeRestCatalog, key: string, { body }: SeenRequest): Reply => {
  const stored = catalog.tables.get(key)
  if (stored === undefined) return failure(404, 'NoSuchTableException', `no table ${key}`)
  const { requirements, updates } = read(body) as Record<string, Json[]>
  let next: Json = structuredClone(stored.metadata)
  for (const requirement of requirements ?? []) {
    const problem = unmet(next, requirement)
    if (problem !== null) return problem
  }
  for (const update of updates ?? []) {
    const result = applied(catalog, next, update)
    if ('error' in result) return failure(400, 'BadRequestException', String(result['error']))
    next = result
  }
  const { etag: _, ...reply } = resultOf(store(catalog.tables, key, next))
  return reply
}

const unmet = (metadata: Json, requirement: Json): Reply | null => {
  const refs = metadata['refs'] as Record<string, Json>
  const conflict = (what: string) => failure(409, 'CommitFailedException', `${what} has changed`)
  switch (requirement['type']) {
    case 'assert-table-uuid':
      return requirement['uuid'] === metadata['table-uuid'] ? null : conflict('the table')
    case 'assert-current-schema-id':
      return same(metadata['current-schema-id'], requirement['current-schema-id'])
        ? null
        : conflict('the schema')
    case 'assert-last-assigned-field-id':
      return same(metadata['last-column-id'], requirement['last-assigned-field-id'])
        ? null
        : conflict('the last field id')
    case 'assert-ref-snapshot-id': {
      const head = refs[String(requirement['ref'])]?.['snapshot-id'] ?? null
      return same(head, requirement['snapshot-id']) ? null : conflict('the ref')
    }
    default:
      return failure(400, 'BadRequestException', `requirement ${String(requirement['type'])}`)
  }
}

const same = (left: unknown, right: unknown): boolean => String(left) === String(right)

const applied = (catalog: FakeRestCatalog, metadata: Json, update: Json): Json => {
  const snapshots = metadata['snapshots'] as Json[]
  const log = metadata['snapshot-log'] as Json[]
  switch (update['action']) {
    case 'set-properties':
      return {
        ...metadata,
        properties: { ...(metadata['properties'] as Json), ...(update['updates'] as Json) }
      }
    case 'add-schema': {
      const schema = update['schema'] as Json
      return {
        ...metadata,
        schemas: [...(metadata['schemas'] as Json[]), schema],
        'last-column-id': update['last-column-id']
      }
    }
    case 'set-current-schema': {
      const last = (metadata['schemas'] as Json[]).at(-1)
      return { ...metadata, 'current-schema-id': last?.['schema-id'] }
    }
    case 'add-snapshot': {
      const given = update['snapshot'] as Json & { summary: Record<string, string> }
      if (Number(given['sequence-number']) <= Number(metadata['last-sequence-number']))
        return { error: 'the sequence number is old' }
      const snapshot = { ...given, summary: catalog.keepSummary(given.summary) }
      return {
        ...metadata,
        snapshots: [...snapshots, snapshot],
        'last-sequence-number': given['sequence-number'],
        'last-updated-ms': given['timestamp-ms']
      }
    }
    case 'set-snapshot-ref': {
      const { action: _, 'ref-name': name, ...ref } = update
      const id = ref['snapshot-id']
      const entry = { 'snapshot-id': id, 'timestamp-ms': metadata['last-updated-ms'] }
      return {
        ...metadata,
        refs: { ...(metadata['refs'] as Json), [String(name)]: ref },
        ...(name === 'main' ? { 'current-snapshot-id': id, 'snapshot-log': [...log, entry] } : {})
      }
    }
    case 'remove-snapshots': {
      const gone = new Set((update['snapshot-ids'] as unknown[]).map(String))
      const last = log.findLastIndex((it) => gone.has(String(it['snapshot-id'])))
      return {
        ...metadata,
        snapshots: snapshots.filter((it) => !gone.has(String(it['snapshot-id']))),
        'snapshot-log': log.slice(last + 1)
      }
    }
    default:
      return { error: `update ${String(update['action'])}` }
  }
}
