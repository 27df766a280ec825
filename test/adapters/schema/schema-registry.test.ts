/** What the client does with a registry's answers; the real registry has tests of its own. */
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  openSchemaRegistry,
  type SchemaRegistryEvent,
  type WrittenSchema
} from '../../../src/adapters/schema/schema-registry.ts'

const topic = 'market.crypto.trades.binance'
const subject = `${topic}-value`
const schema = { text: '"int"', fingerprint: '7275d51a3f395c8f' }

interface Answer {
  readonly status: number
  readonly body?: unknown
}

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? undefined : JSON.parse(text)
}

/** Answers by method and path; notes what it was asked. */
const serve = async (answers: Record<string, Answer | undefined>) => {
  const asked: { readonly what: string; readonly body: unknown; readonly login?: string }[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const what = `${request.method} ${request.url}`
      const login = request.headers.authorization
      asked.push({ what, body: await bodyOf(request), ...(login !== undefined && { login }) })
      const answer = answers[what]
      if (answer === undefined) return
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  onTestFinished(close)
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, asked, close }
}

const get = `GET /config/${subject}`
const put = `PUT /config/${subject}`
const post = `POST /subjects/${subject}/versions`
const registered = {
  [get]: { status: 404, body: { error_code: 40408, message: 'not found' } },
  [put]: { status: 200, body: { compatibility: 'BACKWARD' } },
  [post]: { status: 200, body: { id: 17 } }
}

const newCacheFile = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'k2-registry-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'log', 'schemas.json')
}

const open = async (
  urls: readonly string[],
  cacheFile: string,
  change: { readonly username?: string; readonly password?: string; readonly caFile?: string } = {}
) => {
  const events: SchemaRegistryEvent[] = []
  const registry = await Effect.runPromise(
    openSchemaRegistry({
      connection: { urls, requestMsMax: 500, ...change },
      cacheFile,
      observe: (event) => events.push(event)
    })
  )
  const idOf = (of: WrittenSchema = schema) => Effect.runPromise(registry.idOf(topic, of))
  const failureOf = () => Effect.runPromise(Effect.flip(registry.idOf(topic, schema)))
  return { registry, events, idOf, failureOf }
}

const nowhere = 'http://127.0.0.1:1'

describe('the schema registry', () => {
  test('a new subject gets BACKWARD and the schema; lanes that ask together ask once', async () => {
    const { url, asked } = await serve(registered)
    const { idOf, events } = await open([url], await newCacheFile())
    expect(await Promise.all([idOf(), idOf(), idOf()])).toEqual([17, 17, 17])
    expect(asked).toEqual([
      { what: get, body: undefined },
      { what: put, body: { compatibility: 'BACKWARD' } },
      { what: post, body: { schema: '"int"', schemaType: 'AVRO' } }
    ])
    expect(events).toEqual([{ type: 'schema.registered', subject, id: 17 }])
  })

  test.each([
    ['BACKWARD', []],
    [
      'NONE',
      [{ type: 'compatibility.differs', subject, declared: 'BACKWARD', actual: 'NONE' }]
    ]
  ])('compatibility %s of its own is kept, and reported if it differs', async (level, reported) => {
    const config = { status: 200, body: { compatibilityLevel: level } }
    const { url, asked } = await serve({ ...registered, [get]: config })
    const { idOf, events } = await open([url], await newCacheFile())
    expect(await idOf()).toBe(17)
    expect(asked.map(({ what }) => what)).toEqual([get, post])
    expect(events.filter(({ type }) => type === 'compatibility.differs')).toEqual(reported)
  })

  test('with the registry down, a remembered id goes on, after a restart too (R42)', async () => {
    const { url, close } = await serve(registered)
    const cacheFile = await newCacheFile()
    const first = await open([url], cacheFile)
    expect(await first.idOf()).toBe(17)
    close()
    const second = await open([url], cacheFile)
    expect(await second.idOf()).toBe(17)
    const other = { text: '"long"', fingerprint: '00000000000000ff' }
    await expect(second.idOf(other)).rejects.toThrow(
      `the schema registry is unavailable: ${url}: connect ECONNREFUSED`
    )
  })

  test('ids of another registry are not remembered', async () => {
    const { url } = await serve(registered)
    const cacheFile = await newCacheFile()
    await (await open([url], cacheFile)).idOf()
    const { failureOf } = await open([nowhere], cacheFile)
    expect((await failureOf())._tag).toBe('RegistryUnavailable')
  })

  test('what is remembered is made true when the registry is asked', async () => {
    const answers = { ...registered }
    const { url } = await serve(answers)
    const cacheFile = await newCacheFile()
    const { registry, idOf } = await open([url], cacheFile)
    expect(await idOf()).toBe(17)
    answers[post] = { status: 200, body: { id: 18 } }
    expect(await Effect.runPromise(registry.register(topic, schema))).toBe(18)
    expect(await idOf()).toBe(18)
    expect(await (await open([url], cacheFile)).idOf()).toBe(18)
  })

  test('a cache that cannot be read is reported and made anew', async () => {
    const { url } = await serve(registered)
    const cacheFile = await newCacheFile()
    await (await open([url], cacheFile)).idOf()
    await writeFile(cacheFile, '{"version": 1')
    const { events, idOf } = await open([url], cacheFile)
    expect(events).toMatchObject([{ type: 'schema_cache.unreadable' }])
    expect(await idOf()).toBe(17)
    expect(JSON.parse(await readFile(cacheFile, 'utf8'))).toMatchObject({ version: 1 })
  })

  test('an incompatible schema is refused by name (R52)', async () => {
    const message = "READER_FIELD_MISSING_DEFAULT_VALUE, field 'venue'"
    const { url } = await serve({ ...registered, [post]: { status: 409, body: { message } } })
    const { failureOf } = await open([url], await newCacheFile())
    const failure = await failureOf()
    expect(failure._tag).toBe('SchemaIncompatible')
    expect(failure.message).toContain(`subject ${subject} of the schema registry refuses`)
    expect(failure.message).toContain(message)
    expect(failure.message).toContain('give new fields a default, or use a new topic')
  })

  test('what does not serve is followed by the next, which is asked first then', async () => {
    const ill = await serve({ [get]: { status: 503, body: { message: 'starting' } } })
    const silent = await serve({})
    const well = await serve(registered)
    const urls = [nowhere, ill.url, silent.url, well.url]
    const { idOf } = await open(urls, await newCacheFile())
    expect(await idOf()).toBe(17)
    expect([ill, silent, well].map(({ asked }) => asked.length)).toEqual([1, 1, 3])
  })

  test('when no address serves, each is named with its reason, and no secret is', async () => {
    const ill = await serve({ [get]: { status: 401, body: { message: 'Unauthorized' } } })
    const silent = await serve({})
    const login = { username: 'k2', password: 'secret' }
    const { failureOf } = await open([nowhere, ill.url, silent.url], await newCacheFile(), login)
    const { message } = await failureOf()
    expect(message).toContain(`${nowhere}: connect ECONNREFUSED`)
    expect(message).toContain(`${ill.url}: HTTP 401 (Unauthorized): check its user and password`)
    expect(message).toContain(`${silent.url}: no answer within 500 ms`)
    expect(message).not.toContain('secret')
    expect(ill.asked[0]!.login).toBe(`Basic ${Buffer.from('k2:secret').toString('base64')}`)
  })

  test('an answer that makes no sense is an unavailability, not an id', async () => {
    const { url } = await serve({ ...registered, [post]: { status: 200, body: '<html>' } })
    const { failureOf } = await open([url], await newCacheFile())
    expect((await failureOf()).message).toContain('HTTP 200 without a message')
  })

  test('schemas are fetched by id once, and remembered', async () => {
    const { url, asked } = await serve({
      'GET /schemas/ids/5': { status: 200, body: { schema: '"string"' } },
      'GET /schemas/ids/6': { status: 200, body: { schema: 'M', schemaType: 'PROTOBUF' } },
      'GET /schemas/ids/7': { status: 404, body: { message: 'Schema 7 not found' } }
    })
    const cacheFile = await newCacheFile()
    const { registry } = await open([url], cacheFile)
    expect(await Effect.runPromise(registry.schemaOf(5))).toBe('"string"')
    const again = await open([url], cacheFile)
    expect(await Effect.runPromise(again.registry.schemaOf(5))).toBe('"string"')
    expect(asked).toHaveLength(1)
    const unknown = async (id: number) => Effect.runPromise(Effect.flip(registry.schemaOf(id)))
    expect((await unknown(6)).message).toContain('it is of type PROTOBUF')
    expect(await unknown(7)).toMatchObject({ _tag: 'SchemaUnknown', detail: 'Schema 7 not found' })
    const down = await open([nowhere], cacheFile)
    expect((await Effect.runPromise(Effect.flip(down.registry.schemaOf(5))))._tag).toBe(
      'RegistryUnavailable'
    )
  })

  test('a certificate authority that cannot be read is named', async () => {
    const opening = open([nowhere], await newCacheFile(), { caFile: '/no/such/ca.pem' })
    await expect(opening).rejects.toThrow('/no/such/ca.pem')
  })
})
