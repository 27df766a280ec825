/**
 * Everything at once, in half a minute: what dashboards, alerts and the runbook are tried with.
 * A market that floods, frames that are no records, cut connections, pressure up to aggressive,
 * while clients ask, some of them wrongly.
 *
 * Whatever happens, the exchange is well and no pressure is injected afterwards.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { findK2 } from './simulate-k2.ts'

/** Of a K2 that is to go through it: what else takes minutes takes seconds. */
export const stormSettings = {
  K2_SIMULATOR_RATE: '600',
  K2_COMMIT_AGE: '500ms',
  K2_DEGRADATION_COOLDOWN: '3s',
  K2_DEGRADATION_RAMP_STEP: '500ms',
  K2_GAP_GRACE: '1s',
  K2_HEALING: 'on',
  K2_COMPACTION_INTERVAL: '3s',
  K2_ROLLUP_INTERVAL: '2s',
  K2_SLOW_QUERY: '1ms'
} as const

export interface StormOptions {
  readonly url: string
  /** How long each part takes. */
  readonly partMs: number
  readonly say: (text: string) => void
}

const askedPaths = [
  '/v1/trades?symbol=BTCUSDT&limit=100',
  '/v1/trades?limit=0',
  '/v1/candles?symbol=BTCUSDT&interval=1m',
  '/v1/quotes?symbol=ETHUSDT&limit=1000',
  '/v1/symbols',
  '/v1/stats',
  '/v1/gaps',
  '/nowhere',
  '/health'
]
const askMs = 40
const strangeFrames = 20

export const storm = async ({ url, partMs, say }: StormOptions): Promise<void> => {
  const k2 = await findK2({ url, apiKey: undefined, exchange: undefined })
  const over = new AbortController()
  const asking = (async () => {
    for (let at = 0; !over.signal.aborted; at++) {
      await fetch(`${url}${askedPaths[at % askedPaths.length] ?? ''}`)
        .then((response) => response.arrayBuffer())
        .catch((error: unknown) => say(`no answer: ${String(error)}`))
      await delay(askMs)
    }
  })()
  try {
    say('the market is calm')
    await delay(partMs)
    say('frames are double, out of order, and some of them no records')
    await k2.controlExchange({ duplicate: 0.05, reorder: 0.02 })
    for (let count = 0; count < strangeFrames; count++) {
      await k2.controlExchange({ inject: { text: '{"e":"trade","s":"BTCUSDT"}' } })
      await delay(partMs / strangeFrames)
    }
    say('every connection is cut')
    await k2.controlExchange({ heal: true })
    await k2.controlExchange({ drop: 'all' })
    await delay(partMs / 2)
    say('the market floods, and pressure comes to aggressive')
    await k2.controlExchange({ floodTier2: 5, floodTier3: 5 })
    await k2.injectPressure('aggressive', 600)
    await delay(partMs)
    say('all is well again')
    await k2.controlExchange({ heal: true, floodTier2: 1, floodTier3: 1 })
    await k2.clearPressure()
    await delay(2 * partMs)
  } finally {
    over.abort()
    await asking
    await k2.controlExchange({ heal: true, floodTier2: 1, floodTier3: 1 })
    await k2.clearPressure()
  }
}
