/** Records of runs that never were. */
import {
  type DemoRecord,
  type K2Counts,
  type Level,
  newRecord,
  type Sample,
  type Transition
} from '../../../demo/record.ts'

export const startMs = Date.UTC(2026, 0, 5)
const mebibyte = 1_024 ** 2

/** In mebibytes. */
export const memorySignal = (value: number) => ({
  name: 'memory',
  value: value * mebibyte,
  isStale: false,
  enter: [214, 244, 275, 290].map((mark) => mark * mebibyte),
  unit: 'bytes'
})

const counts = (change: Partial<K2Counts> = {}): K2Counts => ({
  published: 0, spooled: 0, landed: 0, shed: 0, healed: 0, pendingTrades: 0, openGaps: 0,
  residentBytes: 300 * mebibyte, spoolBytes: 0, spoolRecords: 0,
  ...change
})

export const sampleAt = (
  seconds: number,
  change: Partial<Omit<Sample, 'k2'>> & { readonly k2?: Partial<K2Counts> | null } = {}
): Sample => ({
  atMs: startMs + seconds * 1_000,
  level: 'normal',
  signals: [
    {
      name: 'lag:trades', value: 0, isStale: false, unit: 'records',
      enter: [20_000, 40_000, 70_000, null]
    },
    memorySignal(100)
  ],
  issued: 0,
  issuedTier1: 0,
  queryMs: 5,
  ...change,
  k2: change.k2 === null ? null : counts(change.k2)
})

export const changeAt = (
  seconds: number,
  from: Level,
  to: Level,
  change: Partial<Transition> = {}
): Transition => ({
  atMs: startMs + seconds * 1_000,
  kind: 'escalated',
  from,
  to,
  signal: 'lag:trades',
  reason: `lag:trades took it from ${from} to ${to}`,
  action: 'it acts',
  ...change
})

const recovered = { kind: 'recovered' } as const

/** A run with Kafka in which everything that is promised held. */
export const goodRecord = (change: Partial<DemoRecord> = {}): DemoRecord => ({
  ...newRecord({ variant: 'kafka', seed: 7, isFast: false, startedMs: startMs }),
  endedMs: startMs + 120_000,
  ending: { type: 'finished' },
  act: 'the verdict',
  moments: {
    floodMs: startMs + 20_000,
    killedMs: startMs + 32_000,
    floodEndMs: startMs + 40_000,
    restartedMs: startMs + 48_000,
    stableMs: startMs + 65_000,
    healedMs: startMs + 100_000,
    judgedMs: startMs + 118_000
  },
  samples: [
    sampleAt(10, { issued: 10_000, issuedTier1: 1_000 }),
    sampleAt(31, { level: 'aggressive', issued: 200_000, issuedTier1: 20_000 }),
    sampleAt(33, {
      level: 'aggressive', issued: 240_000, issuedTier1: 24_000, k2: { spooled: 10 }
    }),
    sampleAt(39, {
      level: 'aggressive', issued: 380_000, issuedTier1: 40_000,
      k2: { spooled: 15_510, spoolRecords: 15_500, spoolBytes: 3 * mebibyte, shed: 150_000 }
    }),
    sampleAt(66, { k2: { openGaps: 150_000, pendingTrades: 150_000, shed: 150_000 } }),
    sampleAt(101, { k2: { healed: 150_000, shed: 150_000, landed: 400_000 } })
  ],
  transitions: [
    changeAt(24, 'normal', 'soft'),
    changeAt(26, 'soft', 'graceful'),
    changeAt(29, 'graceful', 'aggressive'),
    changeAt(55, 'aggressive', 'graceful', recovered),
    changeAt(60, 'graceful', 'soft', recovered),
    changeAt(65, 'soft', 'normal', recovered)
  ],
  marks: [
    { atMs: startMs, kind: 'act', text: 'setting up' },
    { atMs: startMs + 32_000, kind: 'fault', text: 'kill -9 of Kafka' },
    { atMs: startMs + 48_000, kind: 'mended', text: 'Kafka answers again' }
  ],
  capacity: { perSecond: 11_000, lineBytesPerSecond: 200_000 },
  rates: { calm: { 1: 120, 2: 700, 3: 180 }, flood: { 1: 2_700, 2: 18_700, 3: 5_000 } },
  memoryBytesMax: 305 * mebibyte,
  venue: { weightLimit: 6_250, shed: 150_000 },
  tier1ShedGaps: 0,
  found: {
    issued: 405_000, landed: 400_000, beforeFirst: 5_000, lost: 0, duplicate: 0, wrong: 0,
    examples: []
  },
  ...change
})
