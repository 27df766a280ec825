/** The services that programs take from their environment, built once per process. */
import { BinanceSocket, binanceSocketDefaults } from '../adapters/exchange/binance-socket.ts'
import { observeSocket } from './ingest/feed-telemetry.ts'
import type { Shared } from './shared.ts'

export const appLayer = ({ config, telemetry, nowMs, policy }: Shared) =>
  BinanceSocket.layer({
    ...binanceSocketDefaults,
    staleMs: config.binanceStaleMs,
    nowUs: () => nowMs() * 1_000,
    isGrown: () => policy.current?.areBatchesGrown === true,
    observe: observeSocket(telemetry)
  })
