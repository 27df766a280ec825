/**
 * What a user does: start, look, stop, start again; twice at once by mistake; with wrong settings.
 */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { checkedData, Exactness } from '../support/exactness.ts'
import { k2 } from '../support/k2-command.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { namesIn } from '../support/warehouse.ts'

const k2s = k2Fixture()
const testMsMax = 180_000

/** A refused start says so within this time, also on a busy machine. */
const refusalMsMax = 45_000
const [trades, quotes] = checkedData('simulated')

/** Asks what runs by command, over the API and beside it, and has it drain. */
const drainByCommand = async (url: string, dataFolder: string): Promise<void> => {
  const status = await k2('status', '--url', url)
  expect(status.printed).toMatch(/^K2 \S+ is \w+, at level /)
  expect(status.printed).toMatch(/\nlanding\/lander:trades +healthy/)
  const latest = ['query', 'trades', '--symbol', 'BTCUSDT', '--limit', '1', '--format', 'ndjson']
  expect((await k2(...latest, '--url', url)).printed).toMatch(/^\{"message_id":"SIMULATED:BTCUSDT/)
  const beside = await k2(...latest, '--data-dir', dataFolder)
  expect(beside.printed, beside.complaints).toMatch(/^\{"message_id":"SIMULATED:BTCUSDT/)
  expect((await k2('status', '--data-dir', dataFolder)).printed).toMatch(/process \d+ has it open/)
  const level = await k2('level', '--url', url)
  expect(level.printed).toMatch(/^the level is \w/)
  const drained = await k2('drain', '--url', url, '--reason', 'a test')
  expect(drained).toMatchObject({ code: 0, complaints: '' })
}

describe('stopping', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(
      `${signal} drains: all that was accepted has landed, and the next start goes on there`,
      async () => {
        const dataFolder = k2s.dataFolder()
        const exactness = new Exactness(dataFolder, trades)
        const quotesExactness = new Exactness(dataFolder, quotes)
        const publishedOf = async ({ topic }: typeof trades) =>
          (await k2.metric('k2_published_records_total', { topic })) ?? 0
        const settings = { K2_DATA_DIR: dataFolder, K2_SIMULATOR_RATE: '2000' }
        const k2 = k2s.start(settings)
        await k2.ready()
        await k2.atLeast('k2_landed_records', 1, { topic: trades.topic })
        await k2.atLeast('k2_published_records_total', 2_000, { topic: trades.topic })
        const published = await publishedOf(trades)
        const publishedQuotes = await publishedOf(quotes)
        k2.kill(signal)
        // Code 0: within K2_SHUTDOWN_TIMEOUT.
        expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
        expect(k2.log.filter(({ level }) => level === 'error')).toEqual([])
        const first = await exactness.check(published)
        expect(first.landed).toBe(first.logged)
        const firstQuotes = await quotesExactness.check(publishedQuotes)
        expect(firstQuotes.landed).toBe(firstQuotes.logged)
        expect(firstQuotes.landed).toBeGreaterThan(0)

        const again = k2s.start(settings)
        await again.ready()
        await again.atLeast('k2_landed_records', first.landed + 1, { topic: trades.topic })
        const { status, text } = await again.get('/v1/trades?symbol=BTCUSDT&limit=5')
        expect(status, text).toBe(200)
        expect((JSON.parse(text) as { readonly data: readonly unknown[] }).data).toHaveLength(5)
        if (signal === 'SIGINT') again.kill(signal)
        else await drainByCommand(await again.url(), dataFolder)
        expect(await again.exit(), again.describe()).toEqual({ code: 0, signal: null })
        const second = await exactness.check(first.logged)
        expect(second.landed).toBe(second.logged)
        expect(second.landed).toBeGreaterThan(first.landed)
      },
      testMsMax
    )
  }

  test(
    'a signal before anything has started ends it as well',
    async () => {
      const dataFolder = k2s.dataFolder()
      const k2 = k2s.start({ K2_DATA_DIR: dataFolder })
      await k2.wrote(/lander\.started|K2 .* is running/)
      k2.kill('SIGINT')
      expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
    },
    testMsMax
  )
})

describe('starts that are refused', () => {
  test(
    'a second K2 on the same folder says whose it is and leaves the first one alone',
    async () => {
      const dataFolder = k2s.dataFolder()
      const first = k2s.start({ K2_DATA_DIR: dataFolder })
      await first.ready()
      const second = k2s.start({ K2_DATA_DIR: dataFolder })
      const exit = await second.exit(refusalMsMax)
      expect(exit.signal).toBe(null)
      expect(exit.code).not.toBe(0)
      expect(second.stderr).toContain(`process ${first.pid} has the log open`)
      const { topic } = trades
      const landed = (await first.metric('k2_landed_records', { topic })) ?? 0
      await first.atLeast('k2_landed_records', landed + 1, { topic })
      first.kill('SIGINT')
      expect(await first.exit(), first.describe()).toEqual({ code: 0, signal: null })
    },
    testMsMax
  )

  test(
    'a port in use is named with the setting that changes it',
    async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      try {
        const k2 = k2s.start({ K2_DATA_DIR: k2s.dataFolder(), K2_HTTP_PORT: String(port) })
        const exit = await k2.exit(refusalMsMax)
        expect(exit.signal).toBe(null)
        expect(exit.code).not.toBe(0)
        expect(k2.stderr).toContain('K2_HTTP_PORT')
        expect(k2.stderr).toContain(String(port))
      } finally {
        await new Promise((resolve) => server.close(resolve))
      }
    },
    testMsMax
  )

  test(
    'wrong settings are all listed, and nothing is made',
    async () => {
      const dataFolder = k2s.dataFolder()
      const k2 = k2s.start(
        { K2_DATA_DIR: dataFolder, K2_COMMIT_AGE: 'soon', K2_FEEDS: 'kraken', K2_HTP_PORT: '1' },
        { args: ['--http-port', '99999', '--nonsense'] }
      )
      expect(await k2.exit(refusalMsMax)).toEqual({ code: 2, signal: null })
      const lines = k2.stderr.split('\n')
      const faults: readonly (readonly string[])[] = [
        ['K2_COMMIT_AGE', '"soon"'],
        ['K2_FEEDS', '"kraken"', 'simulated', 'binance'],
        ['K2_HTP_PORT', 'K2_HTTP_PORT'],
        ['--http-port', '"99999"', '65535'],
        ['--nonsense']
      ]
      for (const words of faults) {
        const isTold = (line: string) => words.every((word) => line.replace(',', '').includes(word))
        expect(lines.some(isTold), `${words.join(' ')} in\n${k2.stderr}`).toBe(true)
      }
      expect(k2.stdout).toBe('')
      expect(namesIn(dataFolder)).toEqual([])
    },
    testMsMax
  )
})

test(
  '--help explains every setting and ends well',
  async () => {
    const k2 = k2s.start({}, { args: ['--help'] })
    expect(await k2.exit(refusalMsMax)).toEqual({ code: 0, signal: null })
    for (const word of ['K2_HTTP_PORT', '--http-port', '8000', 'K2_DATA_DIR', 'K2_FEEDS']) {
      expect(k2.stdout).toContain(word)
    }
    expect(k2.stderr).toBe('')
  },
  testMsMax
)
