/**
 * Settings of the degradation manager: how much memory there is, how often pressure is sampled, and
 * the marks of each signal. Marks are checked as a whole: levels rise, and each is left below where
 * it is entered (R33).
 */
import { optional, setting } from './setting.ts'
import { bytes, duration, type Kind } from './values.ts'

const MiB = 1_024 ** 2
const TiB = 1_024 ** 4
const levelCount = 4

/** Of soft, graceful, aggressive and circuit break; null: by this signal there is no such level. */
type Marks = readonly (number | null)[]

const marks = ({ unit, parse }: Kind<number>): Kind<Marks> => ({
  unit: `list of ${unit}`,
  parse: (text) => {
    const texts = text.split(',').map((part) => part.trim())
    const found: (number | null)[] = []
    for (const part of texts) {
      const parsed = part === 'off' ? { value: null } : parse(part)
      if ('allowed' in parsed) {
        return { allowed: `four marks, comma-separated; "${part}" should be ${parsed.allowed}` }
      }
      found.push(parsed.value)
    }
    const isRising = found.every((mark, index) => {
      const last = found[index - 1]
      return last === undefined || mark === null || (last !== null && mark > last)
    })
    return found.length === levelCount && isRising
      ? { value: found }
      : {
          allowed:
            'four marks, comma-separated, each higher than the one before: of soft, graceful, ' +
            'aggressive and circuit break; off where there is no such level, nor a later one'
        }
  }
})

const share: Kind<number> = {
  unit: 'percent',
  parse: (text) => {
    const value = /^\d{1,3}(?:\.\d{1,2})?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN
    return value > 0 && value <= 100
      ? { value: Number((value / 100).toFixed(4)) }
      : { allowed: 'a share above 0 % and up to 100 %, such as 70%' }
  }
}

const records: Kind<number> = {
  unit: 'records',
  parse: (text) =>
    /^[1-9]\d{0,14}$/.test(text)
      ? { value: Number(text) }
      : { allowed: 'a number of records, such as 100000' }
}

const seconds: Kind<number> = {
  unit: 'duration',
  parse: (text) => {
    const parsed = duration(1, 86_400_000).parse(text)
    return 'value' in parsed ? { value: parsed.value / 1_000 } : parsed
  }
}

const about = {
  enter: (what: string) => `Marks at which ${what} raises the level: soft, graceful, aggressive, \
circuit break.`,
  leave: (what: string) => `Marks below which ${what} must be for these levels to be left.`
}

const enter = <A>(variable: `K2_${string}`, kind: Kind<A>, preset: string, what: string) =>
  setting(variable, kind, preset, [preset, about.enter(what)])

const leave = <A>(variable: `K2_${string}`, kind: Kind<A>, preset: string, what: string) =>
  setting(variable, kind, preset, [preset, about.leave(what)])

const shares = marks(share)
const times = marks(seconds)
const counts = marks(records)

export const degradationSettings = {
  memoryBytesMax: optional('K2_MEMORY_LIMIT', bytes(64 * MiB, 1 * TiB), [
    '4GiB',
    'Memory that this process may use, DuckDB and worker threads included; by default 2GiB, or ' +
      'what its control group has if that is less. Pressure is measured against it.'
  ]),
  degradationMs: setting('K2_DEGRADATION_INTERVAL', duration(50, 60_000), '1s', [
    '500ms',
    'How often pressure is sampled.'
  ]),
  cooldownMs: setting('K2_DEGRADATION_COOLDOWN', duration(100, 3_600_000), '30s', [
    '10s',
    'Time after a change of the level before it may fall by one; more after flapping.'
  ]),
  rampStepMs: setting('K2_DEGRADATION_RAMP_STEP', duration(50, 600_000), '5s', [
    '2s',
    'What was shed comes back by a quarter, by half and in full, so long after one another.'
  ]),
  memoryEnter: enter('K2_DEGRADATION_MEMORY_ENTER', shares, '70%,80%,90%,95%', 'memory'),
  memoryLeave: leave('K2_DEGRADATION_MEMORY_LEAVE', shares, '63%,72%,81%,85.5%', 'memory'),
  residentEnter: enter(
    'K2_DEGRADATION_RESIDENT_ENTER',
    shares,
    '70%,80%,90%,95%',
    'resident memory, while it rises,'
  ),
  residentLeave: leave(
    'K2_DEGRADATION_RESIDENT_LEAVE',
    shares,
    '63%,72%,81%,85.5%',
    'resident memory, which never holds a level,'
  ),
  lagEnter: enter(
    'K2_DEGRADATION_LAG_ENTER',
    counts,
    '100000,500000,1000000,5000000',
    'the overdue lag of a data type'
  ),
  lagLeave: leave(
    'K2_DEGRADATION_LAG_LEAVE',
    counts,
    '50000,250000,500000,2500000',
    'the overdue lag of a data type'
  ),
  inFlightEnter: enter(
    'K2_DEGRADATION_IN_FLIGHT_ENTER',
    shares,
    '25%,50%,75%,90%',
    'the use of K2_PUBLISH_BYTES'
  ),
  inFlightLeave: leave(
    'K2_DEGRADATION_IN_FLIGHT_LEAVE',
    shares,
    '20%,40%,60%,72%',
    'the use of K2_PUBLISH_BYTES'
  ),
  spoolEnter: enter(
    'K2_DEGRADATION_SPOOL_ENTER',
    shares,
    '25%,50%,75%,90%',
    'the use of K2_SPOOL_LIMIT'
  ),
  spoolLeave: leave(
    'K2_DEGRADATION_SPOOL_LEAVE',
    shares,
    '20%,40%,60%,72%',
    'the use of K2_SPOOL_LIMIT'
  ),
  diskEnter: enter(
    'K2_DEGRADATION_DISK_ENTER',
    shares,
    '90%,94%,97%,99%',
    'the use of K2_DISK_LIMIT'
  ),
  diskLeave: leave(
    'K2_DEGRADATION_DISK_LEAVE',
    shares,
    '87%,92%,95%,97.5%',
    'the use of K2_DISK_LIMIT'
  ),
  retentionEnter: enter(
    'K2_DEGRADATION_RETENTION_ENTER',
    shares,
    '50%,off,off,off',
    "the age of the oldest record that has not landed, of the topic's retention,"
  ),
  retentionLeave: leave(
    'K2_DEGRADATION_RETENTION_LEAVE',
    shares,
    '40%,off,off,off',
    "the age of the oldest record that has not landed, of the topic's retention,"
  ),
  loopDelayEnter: enter(
    'K2_DEGRADATION_LOOP_DELAY_ENTER',
    times,
    '100ms,250ms,500ms,1s',
    'the 99th percentile of the event-loop delay'
  ),
  loopDelayLeave: leave(
    'K2_DEGRADATION_LOOP_DELAY_LEAVE',
    times,
    '80ms,200ms,400ms,800ms',
    'the 99th percentile of the event-loop delay'
  ),
  circuitEnter: enter(
    'K2_DEGRADATION_CIRCUIT_ENTER',
    times,
    '1s,60s,off,off',
    'the time that a circuit to the event log has been open, at least 1s once it is,'
  ),
  circuitLeave: leave(
    'K2_DEGRADATION_CIRCUIT_LEAVE',
    times,
    '500ms,30s,off,off',
    'the time that a circuit to the event log has been open'
  )
} as const

type MarksKey =
  | 'memory'
  | 'resident'
  | 'lag'
  | 'inFlight'
  | 'spool'
  | 'disk'
  | 'retention'
  | 'loopDelay'
  | 'circuit'

const marksKeys: readonly MarksKey[] = [
  'memory',
  'resident',
  'lag',
  'inFlight',
  'spool',
  'disk',
  'retention',
  'loopDelay',
  'circuit'
]

type DegradationConfig = Readonly<Record<`${MarksKey}${'Enter' | 'Leave'}`, Marks>> & {
  readonly degradationMs: number
  readonly cooldownMs: number
}

const levelNames = ['soft', 'graceful', 'aggressive', 'circuit break']

/** What is wrong between settings that are right one by one. */
export const degradationFaults = (config: DegradationConfig): readonly string[] => [
  ...marksKeys.flatMap((key) => marksFaults(config, key)),
  ...(config.degradationMs > config.cooldownMs
    ? [
        `K2_DEGRADATION_INTERVAL is ${config.degradationMs}ms, but must not exceed ` +
          `K2_DEGRADATION_COOLDOWN (${config.cooldownMs}ms): sample more often, or wait longer`
      ]
    : [])
]

const marksFaults = (config: DegradationConfig, key: MarksKey): readonly string[] => {
  const { variable: leaveName } = degradationSettings[`${key}Leave`]
  const { variable: enterName } = degradationSettings[`${key}Enter`]
  const entered = config[`${key}Enter`]
  return config[`${key}Leave`].flatMap((left, index) => {
    const mark = entered[index] ?? null
    if (left === null && mark === null) return []
    const level = levelNames[index]!
    if (left === null || mark === null) {
      const [off, on] = left === null ? [leaveName, enterName] : [enterName, leaveName]
      const remedy = 'give both a mark, or both off'
      return [`${on} has a mark of ${level}, but ${off} has off there: ${remedy}`]
    }
    return left < mark
      ? []
      : [
          `${leaveName} must be below ${enterName} at each level, but at ${level} it is not: ` +
            `lower it there, or raise ${enterName}`
        ]
  })
}
