/** The life of a process of the stack, with a small server of the tests' own as the service. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findFreePorts } from '../../deploy/local/ports.ts'
import { ServiceProcess } from '../../deploy/local/service-process.ts'
import type { ServiceSpec } from '../../deploy/local/services/service-spec.ts'

let folder = ''
let port = 0
let service: ServiceProcess

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'k2-service-test-'))
  port = await findFreePorts()
  service = serviceOf(listening)
})

afterEach(async () => {
  await service.kill()
  await rm(folder, { recursive: true, force: true })
})

/** Says what it does; ends when it is asked to. */
const listening = `
  console.log('starting as ' + process.env.GREETING)
  process.on('SIGTERM', () => { console.log('ending'); process.exit(0) })
  require('node:net').createServer((socket) => socket.end()).listen(PORT, '127.0.0.1')
`
const deaf = listening.replace(/process\.on\('SIGTERM'.*/, "process.on('SIGTERM', () => {})")

const serviceOf = (script: string, change: Partial<ServiceSpec> = {}): ServiceProcess =>
  new ServiceProcess(folder, {
    name: 'probe',
    service: 's3',
    folder,
    ports: [port],
    prepare: async () => ({
      program: process.execPath,
      args: ['-e', script.replace('PORT', String(port))],
      env: { GREETING: 'a service' }
    }),
    notReadyBecause: async () => refusal(),
    readyMsMax: 30_000,
    stopSignal: 'SIGTERM',
    stopMsMax: 10_000,
    ...change
  })

/** Undefined when somebody listens. */
const refusal = async (): Promise<string | undefined> => {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  } finally {
    socket.destroy()
  }
}

describe('a service', () => {
  test('is started once, and is found by whoever comes later', async () => {
    expect(await service.condition()).toBe('not started')
    await service.start()
    const pid = await service.pid()
    expect(await refusal()).toBeUndefined()
    const found = serviceOf(listening)
    expect(await found.condition()).toBe('running')
    await found.start()
    expect(await found.pid()).toBe(pid)
    expect(await service.logTail(5)).toBe('starting as a service')
  })

  test('that is killed has ended, frees its port, and starts again with its log kept', async () => {
    await service.start()
    const pid = await service.pid()
    await service.kill()
    expect(await service.condition()).toBe('ended')
    expect(await refusal()).toBe('ECONNREFUSED')
    await service.start()
    expect(await service.pid()).not.toBe(pid)
    expect(await service.logTail(5)).toBe('starting as a service\nstarting as a service')
  })

  test('is asked to end, also while it is paused', async () => {
    await service.start()
    await service.pause()
    expect(await service.condition()).toBe('paused')
    await expect(service.start()).rejects.toThrow('probe is paused: resume it')
    await service.stop()
    expect(await service.condition()).toBe('not started')
    expect(await service.logTail(1)).toBe('ending')
  })

  test('that does not end when asked is killed', async () => {
    service = serviceOf(deaf, { stopMsMax: 300 })
    await service.start()
    await service.stop()
    expect(await service.condition()).toBe('not started')
    expect(await refusal()).toBe('ECONNREFUSED')
  })

  test('goes on after a pause', async () => {
    await service.start()
    await service.pause()
    await service.resume()
    expect(await service.condition()).toBe('running')
  })

  test('that ends before it is ready fails with what it said', async () => {
    service = serviceOf("console.error('no disk'); process.exit(3)")
    await expect(service.start()).rejects.toThrow(
      /probe ended before it was ready\nnewest lines of .*probe\.log:\nno disk|probe ended at once/
    )
  })

  test('that never becomes ready fails with the reason and what it said', async () => {
    service = serviceOf(listening, {
      readyMsMax: 2_000,
      notReadyBecause: async () => 'it warms up'
    })
    await expect(service.start()).rejects.toThrow(
      /waited 2 s for probe to be ready in vain: it warms up\nnewest lines of .*probe\.log:/
    )
    // It can still be ended: whoever started it did not lose it.
    expect(await service.condition()).toBe('running')
  })

  test('whose port is taken is not started', async () => {
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    await expect(service.start()).rejects.toThrow(
      `port ${port} of probe is taken: end what listens there, or choose other ports`
    )
    expect(await service.condition()).toBe('not started')
    other.close()
    await once(other, 'close')
  })

  test('whose program is missing says so', async () => {
    service = serviceOf('', { prepare: async () => ({ program: '/no/such', args: [] }) })
    await expect(service.start()).rejects.toThrow('probe: /no/such cannot be run; is it installed?')
  })

  test('that does not run cannot be paused', async () => {
    await expect(service.pause()).rejects.toThrow('probe does not run: start it first')
  })

  test('leaves a note from which it is known again', async () => {
    await service.start()
    const note = JSON.parse(await readFile(join(folder, 'run', 'probe.json'), 'utf8'))
    expect(note).toEqual({
      pid: await service.pid(),
      startTicks: expect.stringMatching(/^\d+$/),
      bootId: expect.stringMatching(/^[0-9a-f-]{36}$/)
    })
  })
})
