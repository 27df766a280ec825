/** How K2 is set up in a run: small, so that bounds are met, and different from seed to seed. */
import { type Config, readConfig } from '../../src/adapters/config/config.ts'
import type { WeightLimit } from '../../src/machines/weight-budget.ts'
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
  /** The level of degradation is managed, and obeyed. */
  readonly hasLadder: boolean
  /** What is missing is told in the ledger, and fetched again. */
  readonly hasHealing: boolean
  /** The venue leaves ids out, and issues what no record can have. */
  readonly hasOddIds: boolean
  /** Request weight that the venue allows, and within how long. */
  readonly weight: WeightLimit
}

/** In the order in which they are drawn: a run without either is as cheap as it was. */
const shares = { whole: 0.27, ladder: 0.1 }

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
  const isTight = random.next() < 0.45
  const kind = random.next()
  const hasHealing = kind < shares.whole
  const commitAgeMs = Math.round(random.between(600, 2_500))
  const settings: Config = {
    ...base,
    roles: ['ingest', 'land'],
    commitAgeMs,
    gapGraceMs: random.pick([200, 800]),
    degradationMs: 500,
    cooldownMs: random.pick([600, 1_500]),
    rampStepMs: random.pick([200, 500]),
    ...lagMarks(random.pick([4, 12])),
    ...(random.next() < 0.4 ? deaf : {}),
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
    faultMs: Math.round(random.between(3_000, 6_500)),
    hasLadder: kind < shares.whole + shares.ladder,
    hasHealing,
    hasOddIds: hasHealing && random.next() < 0.25,
    weight: random.pick([
      { limit: 6_000, intervalMs: 60_000 },
      { limit: 150, intervalMs: 10_000 }
    ])
  }
}

/** Of what waits: so that some spool comes to its end all the same. */
const off = [null, null, null, null]
const deaf: Partial<Config> = {
  spoolEnter: off, spoolLeave: off, inFlightEnter: off, inFlightLeave: off
}

/** So that some trades that do not land are pressure. */
const lagMarks = (softRecords: number): Pick<Config, 'lagEnter' | 'lagLeave'> => ({
  lagEnter: [1, 2, 4, 8].map((times) => times * softRecords),
  lagLeave: [0.75, 1.5, 3, 6].map((times) => times * softRecords)
})
