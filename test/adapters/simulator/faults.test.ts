import { assert, double, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  corruptBytes,
  makeFrameLuck,
  noFaults,
  readFaultFlags,
  readFaultRequest
} from '../../../src/adapters/simulator/faults.ts'
import { makeGeneratorSource } from '../../../src/adapters/simulator/generator-source.ts'
import { ExchangeClient, idsOf, postFaults, tradeOf, withSimulator } from './exchange-client.ts'

const btc = '/stream?streams=btcusdt@trade'

describe('fault requests', () => {
  test.each([
    [{ duplicate: 2 }, /duplicate must be a share/],
    [{ dropAfter: -1 }, /dropAfter must be a whole number/],
    [{ stall: 'yes' }, /stall must be true or false/],
    [{ refuse: 'maybe' }, /refuse must be one of off, websocket, all/],
    [{ floodTier3: 0 }, /floodTier3 must be a factor/],
    [{ halt: 1 }, /halt must be true or false/],
    [{ weightLimit: -1 }, /weightLimit must be a whole number/],
    [{ dupliacte: 0.1 }, /dupliacte is no fault; known are/],
    [{ drop: 'some' }, /drop must be "all" or a connection id/],
    [{ heal: false }, /heal must be true/],
    [{ inject: {} }, /inject must have one of/],
    [{ inject: { textBytes: 1e12 } }, /inject\.textBytes must be/],
    [{ inject: { text: 'x', connection: 'me' } }, /inject\.connection/],
    ['stall', /must be a JSON object/],
    [null, /must be a JSON object/]
  ])('%j is refused by field', (body, problem) => {
    const read = readFaultRequest(body)
    expect('problems' in read && read.problems[0]).toMatch(problem)
  })

  test('every problem is told, and nothing is applied', async () => {
    await withSimulator({}, async ({ restUrl, control }) => {
      const reply = await postFaults(restUrl, { duplicate: 7, skip: -1, stall: true })
      expect(reply.status).toBe(400)
      expect(reply.body.problems).toHaveLength(2)
      expect(control.status().faults).toEqual(noFaults)
      expect((await postFaults(restUrl, '{nonsense')).status).toBe(400)
      expect((await postFaults(restUrl, { drop: 42 })).body.problems[0]).toMatch(
        /no open connection: 42/
      )
    })
  })

  test('flags have the same meaning', () => {
    expect(
      readFaultFlags([
        'drop-after=1000',
        'stall-after=5',
        'duplicate=0.5',
        'flood=20@3',
        'refuse',
        'stall',
        'halt'
      ])
    ).toEqual({
      value: {
        dropAfter: 1_000,
        stallAfter: 5,
        duplicate: 0.5,
        floodTier3: 20,
        refuse: 'all',
        stall: true,
        halt: true
      }
    })
    for (const flag of ['drop-after', 'skip=x', 'flood=20', 'flood=20@4', 'explode']) {
      expect(readFaultFlags([flag])).toHaveProperty('problems')
    }
  })

  test('the control routes answer no web page', async () => {
    await withSimulator({}, async ({ restUrl }) => {
      const form = await fetch(`${restUrl}/control/faults`, {
        method: 'POST',
        body: '{"heal":true}'
      })
      expect(form.status).toBe(415)
      expect((await fetch(`${restUrl}/control/faults`)).status).toBe(405)
      expect((await fetch(`${restUrl}/control/nothing`)).status).toBe(404)
    })
  })
})

describe('luck', () => {
  test('is a function of seed and place, in the share asked for', () => {
    assert(
      property(integer(), double({ min: 0.05, max: 0.95, noNaN: true }), (seed, share) => {
        const luck = makeFrameLuck(seed)
        const again = makeFrameLuck(seed)
        const settings = { ...noFaults, skip: share }
        const skipped = Array.from({ length: 2_000 }, (_, n) => luck(settings, n)!.isSkipped)
        expect(skipped).toEqual(
          Array.from({ length: 2_000 }, (_, n) => again(settings, n)!.isSkipped)
        )
        expect(Math.abs(skipped.filter(Boolean).length / 2_000 - share)).toBeLessThan(0.08)
      }),
      { numRuns: 20 }
    )
  })

  test('a corrupted frame differs and stays ASCII', () => {
    const frame = Buffer.from('{"stream":"btcusdt@trade","data":{"e":"trade","t":123456}}')
    assert(
      property(integer({ min: 0, max: 2 ** 32 - 1 }), (word) => {
        const before = frame.toString()
        const damaged = corruptBytes(frame, word)
        expect(frame.toString()).toBe(before)
        expect(damaged.length).toBeLessThanOrEqual(frame.length)
        expect(damaged.every((byte) => byte < 128)).toBe(true)
      })
    )
    const unchanged = Array.from({ length: 500 }, (_, word) => corruptBytes(frame, word)).filter(
      (damaged) => damaged.equals(frame)
    )
    expect(unchanged.length).toBe(0)
  })
})

describe('faults over a socket', () => {
  test('drop-after cuts each connection after so many frames; the next starts anew', async () => {
    await withSimulator({ faults: { dropAfter: 100 } }, async ({ url, restUrl, control }) => {
      for (const attempt of [1, 2]) {
        const client = await ExchangeClient.open(url + btc)
        const { code } = await client.closed
        expect(code).toBe(1_006)
        expect(client.frames).toHaveLength(100)
        expect(control.status().counts.sent).toBe(100 * attempt)
      }
      expect(control.status().counts).toMatchObject({ sent: 200, dropped: 2 })
      await postFaults(restUrl, { heal: true })
      const healed = await ExchangeClient.open(url + btc)
      await healed.take(150)
    })
  })

  test('halted, nothing is issued; what was due comes once the market opens again', async () => {
    await withSimulator({ speed: 'max' }, async ({ url, issued, control }) => {
      const total = () => Object.values(issued()).reduce((sum, { count }) => sum + count, 0)
      const client = await ExchangeClient.open(url + btc)
      await client.take(50)
      control.request({ halt: true })
      const before = total()
      const other = await ExchangeClient.open(url + btc)
      await new Promise(setImmediate)
      expect(total()).toBe(before)
      expect(other.frames).toHaveLength(0)
      control.request({ heal: true })
      await client.take(client.frames.length + 50)
      const ids = idsOf(client.frames.map(({ text }) => text), 'BTCUSDT')
      expect(ids).toEqual(ids.map((_, index) => ids[0]! + index))
    })
  })

  test('drop cuts one connection or all', async () => {
    await withSimulator({ speed: 1 }, async ({ url, restUrl, control }) => {
      const [first, second] = [
        await ExchangeClient.open(url + btc),
        await ExchangeClient.open(url + btc)
      ]
      const [one] = control.status().connections
      await postFaults(restUrl, { drop: one!.id })
      await first.closed
      expect(second.socket.readyState).toBe(second.socket.OPEN)
      expect(control.status().connections.map(({ closed }) => closed)).toEqual(['fault_drop', null])
      await postFaults(restUrl, { drop: 'all' })
      await second.closed
      expect(control.status().counts.dropped).toBe(2)
    })
  })

  test('a stalled connection keeps its socket; at max the timeline waits for takers', async () => {
    await withSimulator({ faults: { stallAfter: 50 } }, async ({ url, restUrl, control }) => {
      const client = await ExchangeClient.open(url + btc)
      await client.take(50)
      expect(await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 1 })).toMatchObject({ id: 1 })
      expect(client.frames).toHaveLength(51)
      expect(control.status().connections[0]).toMatchObject({ isStalled: true, closed: null })
      const other = await ExchangeClient.open(url + btc)
      await other.take(50)
      expect(control.status().counts.withheld).toBeGreaterThan(0)
      await postFaults(restUrl, { heal: true })
      await client.until(({ frames }) => frames.length > 60)
    })
  })

  test('duplicate, skip and reorder are counted and explain every difference', async () => {
    await withSimulator(
      {
        faults: { duplicate: 0.1, skip: 0.1, reorder: 0.1, dropAfter: 5_000 },
        source: makeGeneratorSource({ seed: 8 })
      },
      async ({ url, control }) => {
        const client = await ExchangeClient.open(url + btc)
        await client.closed
        const ids = idsOf(
          client.frames.map(({ text }) => text),
          'BTCUSDT'
        )
        expect(ids).toHaveLength(5_000)
        const { counts, sent } = control.status().connections[0]!
        const distinct = new Set(ids)
        const [low, high] = [Math.min(...ids), Math.max(...ids)]
        expect(sent['BTCUSDT']).toEqual({ firstId: low, lastId: high, count: 5_000 })
        expect(counts.duplicated).toBeGreaterThan(300)
        // The cut may fall between a frame and its repeat, or while one is kept back.
        expect(counts.duplicated - (ids.length - distinct.size)).toBeLessThanOrEqual(1)
        expect(Math.abs(high - low + 1 - distinct.size - counts.skipped)).toBeLessThanOrEqual(2)
        const swaps = ids.filter((id, index) => id < (ids[index - 1] ?? 0)).length
        expect(Math.abs(swaps - counts.reordered)).toBeLessThanOrEqual(counts.reordered * 0.3)
        expect(swaps).toBeGreaterThan(300)
      }
    )
  })

  test('corrupt frames are a share of all, and the connection survives them', async () => {
    await withSimulator({ faults: { corrupt: 0.2 } }, async ({ url, control, restUrl }) => {
      const client = await ExchangeClient.open(url + btc)
      const texts = await client.take(2_000)
      const isWhole = (text: string) => {
        try {
          return /^\d+\.\d{8}$/.test(tradeOf(text).data.p)
        } catch {
          return false
        }
      }
      const broken = texts.filter((text) => !isWhole(text)).length
      expect(broken).toBeGreaterThan(150)
      await postFaults(restUrl, { corrupt: 0 })
      const { corrupted, sent } = control.status().counts
      expect(corrupted / sent).toBeGreaterThan(0.15)
      expect(corrupted / sent).toBeLessThan(0.25)
    })
  })

  test('the same seed damages the same frames', async () => {
    const now = () => Date.UTC(2026, 0, 5)
    const run = async (seed: number): Promise<ReadonlyArray<string>> => {
      const seen: Array<string> = []
      await withSimulator(
        { seed, now, faults: { corrupt: 0.3, skip: 0.2, dropAfter: 300 } },
        async ({ url }) => {
          const client = await ExchangeClient.open(url + btc)
          await client.closed
          seen.push(...client.frames.map(({ text }) => text))
        }
      )
      return seen
    }
    const first = await run(5)
    expect(first).toHaveLength(300)
    expect(await run(5)).toEqual(first)
    expect(await run(6)).not.toEqual(first)
  })

  test('refuse ends new connections, REST only if told so; the control routes stay', async () => {
    await withSimulator({ speed: 1 }, async ({ url, restUrl, control }) => {
      const open = await ExchangeClient.open(url + btc)
      await postFaults(restUrl, { refuse: 'websocket' })
      await expect(ExchangeClient.open(url + btc)).rejects.toThrow()
      expect((await fetch(`${restUrl}/api/v3/time`)).status).toBe(200)
      await postFaults(restUrl, { refuse: 'all' })
      await expect(fetch(`${restUrl}/api/v3/time`)).rejects.toThrow()
      expect(control.status().counts.refused).toBe(1)
      await postFaults(restUrl, { heal: true })
      await ExchangeClient.open(url + btc)
      expect(open.socket.readyState).toBe(open.socket.OPEN)
    })
  })

  test('inject sends text, binary and oversized frames', async () => {
    await withSimulator(
      { speed: 1, source: makeGeneratorSource({ seed: 1, rate: 1 }) },
      async ({ url, restUrl, control }) => {
        const client = await ExchangeClient.open(`${url}/ws`)
        await postFaults(restUrl, { inject: { text: '{"hello":"world"}' } })
        await postFaults(restUrl, { inject: { base64: 'AAECAw==' } })
        const { id } = control.status().connections[0]!
        await postFaults(restUrl, { inject: { textBytes: 2_000_000, connection: id } })
        await postFaults(restUrl, { inject: { binaryBytes: 200 } })
        const [text, binary, large, filler] = await client.take(4)
        expect(text).toBe('{"hello":"world"}')
        expect(client.frames[1]!.isBinary).toBe(true)
        expect(binary).toBe('AAECAw==')
        expect(large).toHaveLength(2_000_000)
        expect(Buffer.from(filler!, 'base64')).toHaveLength(200)
        expect(control.status().counts.injected).toBe(4)
      }
    )
  })

  test('a flood multiplies what a tier sends, with consecutive ids, and in history', async () => {
    let nowMs = Date.UTC(2026, 0, 5)
    await withSimulator({ speed: 1, now: () => nowMs }, async ({ url, restUrl, control }) => {
      const client = await ExchangeClient.open(`${url}/stream?streams=dogeusdt@trade/btcusdt@trade`)
      await postFaults(restUrl, { floodTier3: 50 })
      nowMs += 10_000
      await client.until(
        ({ frames }) => frames.length > 0 && tradeOf(frames.at(-1)!.text).data.E > nowMs - 50
      )
      const texts = client.frames.map(({ text }) => text)
      const doge = idsOf(texts, 'DOGEUSDT')
      expect(doge.length).toBeGreaterThan(idsOf(texts, 'BTCUSDT').length * 3)
      expect(doge).toEqual(doge.map((_, index) => doge[0]! + index))
      const history = await fetch(
        `${restUrl}/api/v3/historicalTrades?symbol=DOGEUSDT&fromId=${doge[0]}&limit=1000`
      )
      const told = (await history.json()) as ReadonlyArray<{
        id: number
        time: number
        price: string
      }>
      const sent = texts
        .map(tradeOf)
        .filter(({ data }) => data.s === 'DOGEUSDT')
        .slice(0, told.length)
      expect(told.map(({ id, time, price }) => [id, time, price])).toEqual(
        sent.slice(0, 1_000).map(({ data }) => [data.t, data.T, data.p])
      )
      expect(control.status().faults.floodTier3).toBe(50)
    })
  })
})
