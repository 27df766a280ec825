/**
 * Services behind a certificate authority of one's own: the REST catalog and the object store (one
 * client), the schema registry (another). Kafka's are in `kafka-faults.test.ts`.
 */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import * as Effect from 'effect/Effect'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makeRegistryHttp } from '../../../src/adapters/schema/registry-http.ts'
import { makeHttpClient } from '../../../src/adapters/web/http-client.ts'
import { type Certificate, hasOpenssl, selfSigned } from '../../support/certificates.ts'

const serverWith = async ({ key, cert }: Certificate): Promise<string> => {
  const server = createServer({ key, cert }, (_request, response) => response.end('["it"]'))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const clients: Readonly<
  Record<string, (url: string, caFile: string | undefined) => Effect.Effect<unknown, Error>>
> = {
  'of catalog and object store': (url, tlsCaFile) => {
    const client = makeHttpClient({ tlsCaFile, connectionsMax: 1 })
    onTestFinished(() => client.close())
    const request = { url: `${url}/v1/config`, headers: {}, deadlineMs: 10_000 }
    return Effect.map(client.send({ ...request, method: 'GET' }), ({ status, body }) => ({
      status,
      body: JSON.parse(Buffer.from(body).toString()) as unknown
    }))
  },
  'of the schema registry': (url, caFile) =>
    makeRegistryHttp({ urls: [url], caFile, requestMsMax: 10_000 }).ask({
      method: 'GET',
      path: '/subjects'
    })
}

describe.skipIf(!hasOpenssl)('a certificate authority of one’s own (needs openssl)', () => {
  test.each(Object.entries(clients))('the client %s trusts it if told to', async (_name, ask) => {
    const certificate = selfSigned()
    const url = await serverWith(certificate)
    const answer = await Effect.runPromise(ask(url, certificate.caFile))
    expect(answer).toEqual({ status: 200, body: ['it'] })
    const refused = Effect.runPromise(ask(url, undefined))
    await expect(refused).rejects.toThrow(/self-signed certificate/)
  })

  test.each(Object.entries(clients))('the client %s trusts no other one', async (_name, ask) => {
    const url = await serverWith(selfSigned())
    const other = Effect.runPromise(ask(url, selfSigned().caFile))
    await expect(other).rejects.toThrow(/certificate/)
  })

  test('a file that is not there is told by its name', () => {
    const missing = '/nowhere/authority.pem'
    for (const ask of Object.values(clients)) {
      expect(() => ask('https://127.0.0.1:1', missing)).toThrow(missing)
    }
  })
})
