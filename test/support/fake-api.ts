/** The API of a K2 that answers as the test says, and remembers what it was asked. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach } from 'vitest'

export interface FakeApi {
  url: string
  answer: { readonly status: number; readonly text: string }
  readonly seen: IncomingMessage[]
}

/** A new one for each test of the file, which answers this until it is told otherwise. */
export const fakeApi = (text: string): FakeApi => {
  const api: FakeApi = { url: '', answer: { status: 200, text }, seen: [] }
  const server = createServer((request, response) => {
    api.seen.push(request)
    const { status, text: body } = api.answer
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  beforeEach(async () => {
    api.seen.length = 0
    api.answer = { status: 200, text }
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => new Promise((resolve) => server.close(resolve)))
  return api
}
