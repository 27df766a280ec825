import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { readJson } from '../../../src/adapters/http/body.ts'
import { bodyBytesMax } from '../../../src/adapters/http/guards.ts'
import { fakeDeps } from './support.ts'

const path = '/v1/system/pressure'
const json = { 'content-type': 'application/json' }

const requestOf = (chunks: Iterable<Uint8Array>) => {
  const source = chunks[Symbol.iterator]()
  let taken = 0
  let isCancelled = false
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const { done, value } = source.next()
      if (done === true) return controller.close()
      taken += 1
      controller.enqueue(value)
    },
    cancel: () => {
      isCancelled = true
    }
  })
  const init = { method: 'POST', headers: json, body, duplex: 'half' } as RequestInit
  return {
    request: new Request('http://127.0.0.1:8000/', init),
    taken: () => taken,
    isCancelled: () => isCancelled
  }
}

const endless = function* () {
  for (;;) yield new Uint8Array(65_536).fill(0x20)
}

describe('a body', () => {
  test('that comes in pieces is one value', async () => {
    const text = Buffer.from('{"symbol":"Ωμέγα"}')
    const pieces = Array.from(text, (byte) => Uint8Array.of(byte))
    expect(await readJson(requestOf(pieces).request)).toEqual({ value: { symbol: 'Ωμέγα' } })
  })

  test.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])]
  ])('that is %s is refused', async (_, bytes) => {
    const read = await readJson(requestOf([bytes]).request)
    expect(read).toMatchObject({ problem: { status: 400, code: 'invalid_body' } })
  })

  test('that is empty is none', async () => {
    expect(await readJson(requestOf([]).request)).toEqual({ value: undefined })
    expect(await readJson(new Request('http://127.0.0.1/'))).toEqual({ value: undefined })
  })

  test('without an end is read up to its limit, and let go', async () => {
    const { request: posted, taken, isCancelled } = requestOf(endless())
    expect(await readJson(posted)).toMatchObject({ problem: { status: 413 } })
    expect(isCancelled()).toBe(true)
    // Streams may read one chunk ahead.
    expect(taken()).toBeLessThanOrEqual(bodyBytesMax / 65_536 + 2)
  })

  test('in chunks is refused over a socket, too, however much of it there is', async () => {
    const server = createServer(getRequestListener(makeApp(fakeDeps()).fetch))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const sent = request({ port, path, method: 'POST', headers: json })
    // It is cut off while it sends.
    sent.on('error', () => undefined)
    const status = new Promise<number | undefined>((resolve) =>
      sent.on('response', (response) => resolve(response.resume().statusCode))
    )
    const chunk = Buffer.alloc(65_536, 0x20)
    const more = () => {
      while (!sent.destroyed && sent.write(chunk));
    }
    sent.on('drain', more)
    more()
    expect(await status).toBe(413)
    sent.destroy()
    server.closeAllConnections()
  })
})
