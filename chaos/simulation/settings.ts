/** How K2 is set up in a run: small, so that bounds are met, and different from seed to seed. */
import { type Config, readConfig } from '../../src/adapters/config/config.ts'
import type { Random } from '../random.ts'

export interface Setup {
  readonly settings: Config
  /** Undefined: the log is embedded. */
  readonly hasBroker: boolean
  /** Landers in processes of their own, beside that of K2 itself. */
  readonly otherLanders: number
  readonly hasCatalogService: boolean
  /** A child may crash so often within a minute. */
  readonly restartsMax: number
  readonly tradesPerSecond: number
  /** How long faults strike. */
  readonly faultMs: number
}

export const partitionCount = 2

const base = readConfig(
  {
    K2_DATA_DIR: '/data',
    K2_FEEDS: 'binance',
    K2_DATA_TYPES: 'trades',
    K2_REFERENCE_INTERVAL: 'off',
    K2_LOG_PARTITIONS: String(partitionCount),
    K2_LOG_FLUSH_INTERVAL: '5ms',
    K2_KAFKA_SEND_TIMEOUT: '1s'
  },
  []
)

export const setupOf = (random: Random): Setup => {
  const hasBroker = random.next() < 0.5
  const isTight = random.next() < 0.35
  const settings: Config = {
    ...base,
    roles: ['ingest', 'land'],
    commitAgeMs: Math.round(random.between(600, 2_500)),
    commitRowsMax: random.pick([20, 100, 1_000]),
    snapshotsMax: random.pick([3, 1_000]),
    publishBytesMax: random.pick([9_000, 9_000, 64_000]),
    logDiskBytesMax: isTight ? random.pick([24_000, 60_000]) : random.pick([400_000, 4_000_000]),
    spoolBytesMax: isTight ? random.pick([24_000, 60_000]) : 2_000_000
  }
  return {
    settings,
    hasBroker,
    otherLanders: hasBroker ? random.pick([0, 1, 1]) : 0,
    hasCatalogService: random.next() < 0.5,
    restartsMax: random.pick([0, 1, 30, 30]),
    tradesPerSecond: random.pick([6, 12, 30]),
    faultMs: Math.round(random.between(5_000, 10_000))
  }
}
