/** The health check of the image, run as the container engine runs it, against a server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { makeApp } from '../../src/adapters/http/app.ts'
import { accessOf, fakeDeps } from '../adapters/http/support.ts'
import { readDockerfile } from './deploy-files.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

const listen = async (status?: number): Promise<number> => {
  const app = makeApp(fakeDeps({ access: accessOf('k'.repeat(32)) }))
  const server = createServer((request, response) => {
    void (async () => {
      const answer = await app.request(`http://k2:8000${request.url}`)
      response.writeHead(status ?? answer.status).end(await answer.text())
    })()
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const check = async (port: number): Promise<number | null> => {
  const text = readDockerfile('deploy/Dockerfile').find(({ name }) => name === 'HEALTHCHECK')?.text
  const [program, ...args] = JSON.parse(/CMD (\[.*\])$/.exec(text ?? '')?.[1] ?? '') as string[]
  expect(program).toBe('node')
  const env = { PATH: process.env['PATH'], K2_HTTP_PORT: String(port) }
  const child = spawn(process.execPath, args, { env, stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

test('healthy while K2 answers, without a key', async () => {
  expect(await check(await listen())).toBe(0)
})

test('unhealthy when it answers with an error, or not at all', async () => {
  expect(await check(await listen(500))).toBe(1)
  const gone = await listen()
  const [server] = servers.splice(-1)
  await new Promise((resolve) => server?.close(resolve))
  expect(await check(gone)).toBe(1)
})
