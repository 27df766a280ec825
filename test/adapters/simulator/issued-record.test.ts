import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { issuedHeader } from '../../../src/adapters/simulator/issued-record.ts'
import type { SimulatorEvent } from '../../../src/adapters/simulator/simulator.ts'
import { ExchangeClient, withSimulator } from './exchange-client.ts'

const newFolder = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'k2-issued-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'record')
}

const linesOf = (directory: string, name: string): readonly string[] => {
  const text = readFileSync(join(directory, name), 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  return text.trimEnd().split('\n')
}

interface Issued {
  readonly values: string
  readonly deliveries: number
}

/** By symbol and id. */
const issuedIn = (directory: string): ReadonlyMap<string, Issued> => {
  const [header, ...lines] = linesOf(directory, 'trades.csv')
  expect(header).toBe(issuedHeader)
  return new Map(
    lines.map((line) => {
      const [symbol, id, price, quantity, tradeMs, , deliveries] = line.split(',')
      const values = `${Number(price)} ${Number(quantity)} ${tradeMs}`
      return [`${symbol}:${id}`, { values, deliveries: Number(deliveries) }]
    })
  )
}

test('every trade is recorded with its values and with how many got it', async () => {
  const directory = newFolder()
  const received: { s: string; t: number; p: string; q: string; T: number }[] = []
  let issued = 0
  await withSimulator({ issuedRecord: { directory } }, async ({ url, issued: ranges }) => {
    const one = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade/ethusdt@trade`)
    const other = await ExchangeClient.open(`${url}/stream?streams=ethusdt@trade`)
    await other.take(200)
    const texts = await one.take(2_000)
    received.push(...texts.map((text) => (JSON.parse(text) as { data: never }).data))
    other.socket.terminate()
    issued = Object.values(ranges()).reduce((sum, { count }) => sum + count, 0)
  })
  const record = issuedIn(directory)
  expect(record.size).toBeGreaterThanOrEqual(issued)
  for (const { s, t, p, q, T } of received) {
    const found = record.get(`${s}:${t}`)!
    expect(found.values).toBe(`${Number(p)} ${Number(q)} ${T}`)
    expect(found.deliveries).toBeGreaterThan(0)
  }
  const of = (symbol: string) =>
    [...record].filter(([key]) => key.startsWith(`${symbol}:`)).map(([, it]) => it.deliveries)
  expect(new Set(of('BTCUSDT'))).toEqual(new Set([1]))
  expect(of('ETHUSDT')).toContain(2)
  expect(new Set(of('DOGEUSDT'))).toEqual(new Set([0]))
})

test('what faults keep from everybody is issued, and delivered to nobody', async () => {
  const directory = newFolder()
  const faults = { corrupt: 0.2, skip: 0.2 }
  await withSimulator({ issuedRecord: { directory }, faults }, async ({ url }) => {
    const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
    await client.take(500)
  })
  const btc = [...issuedIn(directory)].filter(([key]) => key.startsWith('BTCUSDT:'))
  const lost = btc.filter(([, { deliveries }]) => deliveries === 0).length / btc.length
  expect(lost).toBeGreaterThan(0.2)
  expect(lost).toBeLessThan(0.55)
})

test('connections that ended are recorded with the reason', async () => {
  const directory = newFolder()
  await withSimulator({ issuedRecord: { directory } }, async ({ url, control }) => {
    const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
    await client.take(10)
    control.request({ drop: 'all' })
    await client.closed
    await expect.poll(() => linesOf(directory, 'connections.csv')).toHaveLength(2)
  })
  expect(linesOf(directory, 'connections.csv')[1]).toMatch(/^1,\d{13},\d{13},fault_drop$/)
})

test('it is bounded, and says where it ends', async () => {
  const directory = newFolder()
  const events: SimulatorEvent[] = []
  await withSimulator(
    { issuedRecord: { directory, bytesMax: 100_000 }, observe: (event) => events.push(event) },
    async ({ url }) => {
      const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      await client.take(3_000)
    }
  )
  const lines = linesOf(directory, 'trades.csv')
  expect(lines.at(-1)).toBe('#full')
  expect(readFileSync(join(directory, 'trades.csv')).length).toBeLessThan(101_000)
  const ends = events.filter(({ type }) => type === 'issued_record.ended')
  expect(ends).toEqual([{ type: 'issued_record.ended', reason: 'it has reached 100000 bytes' }])
})

test('a record is never written over, and without the option there is none', async () => {
  const directory = newFolder()
  const quiet = { issuedRecord: { directory } }
  await withSimulator(quiet, async () => undefined)
  await expect(withSimulator(quiet, async () => undefined)).rejects.toThrow(/its record: .*EEXIST/)
  const unused = newFolder()
  await withSimulator({}, async () => undefined)
  expect(existsSync(unused)).toBe(false)
})
