import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withFolderLock } from '../../deploy/local/folder-lock.ts'
import {
  changedLayout,
  newClusterId,
  newLayout,
  parseLayout,
  readLayout,
  writeLayout
} from '../../deploy/local/layout.ts'
import { findFreePorts, isFree, portCount, portOf } from '../../deploy/local/ports.ts'
import { identityOf } from '../../deploy/local/process-identity.ts'
import { findStack } from '../../deploy/local/stack.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'k2-stack-test-'))
})

afterEach(async () => rm(folder, { recursive: true, force: true }))

test("a cluster id is never one that Kafka's tools take for a flag", () => {
  // 62 is '-' in base64url.
  const first = [62 << 2, 61 << 2, 0]
  const drawn = first.map((byte) => Buffer.from([byte, ...Array.from({ length: 15 }, () => 7)]))
  expect(drawn[0]!.toString('base64url')).toMatch(/^-/)
  const id = newClusterId(() => drawn.shift()!)
  expect(id).toMatch(/^9[A-Za-z0-9_-]{21}$/)
  expect(drawn).toHaveLength(1)
})

describe('ports', () => {
  test('free ones lie below those that the system gives to clients', async () => {
    const first = await findFreePorts()
    expect(first).toBeGreaterThanOrEqual(20_000)
    expect(first + portCount).toBeLessThanOrEqual(32_768)
    expect(await isFree(first)).toBe(true)
  })

  test('every service and broker has one of its own', () => {
    const kinds = ['kafka', 'kafkaController', 'kafkaProxied', 'kafkaTls', 'kafkaSasl'] as const
    const ofBrokers = [...kinds, 'kafkaSaslTls' as const].flatMap((kind) =>
      [0, 1, 2].map((broker) => portOf(20_000, kind, broker))
    )
    const others = (['registry', 's3', 'catalog', 'postgres', 'prometheus'] as const).map((name) =>
      portOf(20_000, name)
    )
    const all = [...ofBrokers, ...others]
    expect(new Set(all).size).toBe(all.length)
    expect(Math.max(...all)).toBeLessThan(20_000 + portCount)
  })

  test('one that is listened on is not free', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    expect(await isFree(port)).toBe(false)
    server.close()
    await once(server, 'close')
    expect(await isFree(port)).toBe(true)
  })
})

describe('the layout of a folder', () => {
  test('is read back as it was written, by its owner only', async () => {
    const layout = newLayout({ portsFrom: 20_000, brokers: 3, kafka: { tls: true } })
    await writeLayout(folder, layout)
    expect(await readLayout(folder)).toEqual(layout)
    expect((await stat(join(folder, 'stack.json'))).mode & 0o077).toBe(0)
  })

  test('a folder without one has no stack', async () => {
    expect(await readLayout(folder)).toBeUndefined()
    expect(await findStack(folder)).toBeUndefined()
  })

  test('what is none of ours is refused with a remedy', () => {
    expect(() => parseLayout('{', 'f')).toThrow(/f is no JSON: end its processes, remove/)
    expect(() => parseLayout('{"version":0}', 'f')).toThrow(/f is of another version: .*remove/)
  })

  test('what is not asked for stays; what is, replaces', () => {
    const layout = newLayout({ portsFrom: 20_000, kafka: { tls: true } })
    expect(changedLayout(layout, {})).toEqual(layout)
    expect(changedLayout(layout, { portsFrom: 21_000 })).toEqual({ ...layout, portsFrom: 21_000 })
    expect(changedLayout(layout, { kafka: {} })).toEqual({ ...layout, kafka: {} })
    expect(() => changedLayout(layout, { brokers: 3 })).toThrow(
      /brokers: this stack was made with 1.*remove the folder or choose another/
    )
  })

  test.each([80, 65_505, 20_000.5])('portsFrom %s is refused', (portsFrom) => {
    expect(() => newLayout({ portsFrom })).toThrow(
      `portsFrom is ${portsFrom}: allowed are whole numbers from 1024 to 65504`
    )
  })

  test('every broker needs an address of its own to advertise', () => {
    const proxied = [{ host: '127.0.0.1', port: 1 }]
    expect(() => newLayout({ portsFrom: 20_000, brokers: 3, kafka: { proxied } })).toThrow(
      'proxied has 1 addresses for 3 brokers: give one a broker'
    )
  })

  test('a state file left behind by an ended process is no running service', async () => {
    await writeLayout(folder, newLayout({ portsFrom: 20_000 }))
    const stack = (await findStack(folder))!
    const kafka = stack.service('kafka')
    expect(await kafka.condition()).toBe('not started')
    await withFolderLock(join(folder, 'run'), async () => {
      const reused = { ...identityOf(process.pid)!, startTicks: '1' }
      await writeFile(join(folder, 'run', 'kafka.json'), JSON.stringify(reused))
    })
    expect(await kafka.condition()).toBe('ended')
    expect(await kafka.pid()).toBeUndefined()
    await kafka.kill()
    await stack.close()
    expect(await kafka.condition()).toBe('not started')
  })

  test('a service that is not there is refused by name', async () => {
    await writeLayout(folder, newLayout({ portsFrom: 20_000, brokers: 3 }))
    const stack = (await findStack(folder))!
    expect(() => stack.service('kafka')).toThrow(
      /"kafka" is no service of this stack: it has kafka-1, kafka-2, kafka-3/
    )
  })
})

describe('the lock of a folder', () => {
  test('is held while the work lasts, and not after', async () => {
    const lock = join(folder, 'starting.lock')
    await withFolderLock(folder, async () => {
      expect(JSON.parse(await readFile(lock, 'utf8'))).toMatchObject({ pid: process.pid })
      await expect(withFolderLock(folder, async () => 1)).rejects.toThrow(
        new RegExp(`process ${process.pid} is starting services in .*: wait for it, or end it`)
      )
    })
    await expect(withFolderLock(folder, async () => 1)).resolves.toBe(1)
  })

  test('of a holder that died is taken over', async () => {
    const child = spawn('true')
    const identity = { ...identityOf(process.pid)!, pid: child.pid }
    await once(child, 'exit')
    for (const left of [JSON.stringify(identity), '']) {
      await writeFile(join(folder, 'starting.lock'), left)
      await expect(withFolderLock(folder, async () => 1)).resolves.toBe(1)
    }
  })
})
