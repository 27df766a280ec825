/**
 * A fuzzer made from the document of the API asks a running K2: no 500, no status that is not in
 * the document, no answer that is not as it says, nothing accepted that it forbids, and no crash.
 * 2,000 requests; K2_FUZZ_REQUESTS asks for another number, `npm run ci:full` for 20,000.
 */
import { expect, test } from 'vitest'
import { k2Fixture } from '../support/k2-process.ts'
import { fuzz, schemathesis } from '../support/schemathesis/schemathesis.ts'

const k2s = k2Fixture()
const firstSeed = Number(process.env['K2_FUZZ_SEED'] ?? Date.now() % 1_000_000)
const requestsMin = Number(process.env['K2_FUZZ_REQUESTS'] ?? 2_000)
const msMax = 600_000 + requestsMin * 150

/** Of each operation in one run, of which there are as many as it takes: 2,000 requests are one. */
const examplesMax = requestsMin > 2_000 ? 400 : 30

/**
 * They change how all others are answered, end K2, or do not end; `openapi.test.ts` asks them.
 */
const excludedPaths = [
  '/v1/system/pressure', '/v1/system/drain', '/v1/replay/stream', '/v1/system/watch'
]

test(
  `${requestsMin} requests made from the document`,
  async (context) => {
    const found = schemathesis()
    if ('missing' in found) {
      context.skip(found.missing)
      return
    }
    const k2 = k2s.start({ K2_DATA_DIR: k2s.dataFolder() })
    const url = await k2.ready()
    await k2.atLeast('k2_landed_records', 1, { topic: 'market.crypto.trades.simulated' })
    let asked = 0
    for (let seed = firstSeed; asked < requestsMin; seed++) {
      const options = { url, seed, examplesMax, excludedPaths }
      const { requests, isSound, output } = await fuzz(found.command, options)
      expect(isSound, `seed ${seed}\n${output}`).toBe(true)
      expect(requests).toBeGreaterThan(0)
      asked += requests
    }
    process.stderr.write(`fuzzer: ${asked} requests, seeds from ${firstSeed}\n`)
    expect(k2.hasEnded).toBe(false)
    expect((await k2.get('/health')).status).toBe(200)
    const failures = k2.log.filter(({ event }) => event === 'http.request_failed')
    expect(failures).toEqual([])
    k2.kill('SIGINT')
    expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
  },
  msMax
)
