/** What K2 tells of itself. */
import * as Schema from 'effect/Schema'
import { dataTypes } from '../../market/data-type.ts'
import { count, time } from './answer-schemas.ts'

const nullable = <S extends Schema.Top>(schema: S) => Schema.NullOr(schema)
const share = Schema.Finite
const seconds = Schema.Finite

export const level = Schema.Literals([
  'normal',
  'soft',
  'graceful',
  'aggressive',
  'circuitBreak'
]).annotate({ identifier: 'Level', description: 'Level of degradation' })

const taken = Schema.Struct({ tier_1: share, tier_2: share, tier_3: share })
const unit = Schema.Literals(['bytes', 'records', 'seconds', 'share'])
const marks = Schema.Array(nullable(Schema.Finite))

const signal = Schema.Struct({
  signal: Schema.String,
  data_type: Schema.optionalKey(Schema.Literals(dataTypes)),
  value: nullable(Schema.Finite),
  limit: nullable(Schema.Finite),
  unit,
  age_seconds: nullable(seconds),
  state: Schema.Literals(['fresh', 'stale', 'unknown']),
  level,
  marks: Schema.Struct({ enter: marks, leave: marks })
}).annotate({ identifier: 'PressureSignal' })

export const levelChange = Schema.Struct({
  at: time,
  scope: Schema.Literals(['all', 'quotes']),
  kind: Schema.String,
  from: level,
  to: level,
  signal: nullable(Schema.String),
  value: nullable(Schema.Finite),
  limit: nullable(Schema.Finite),
  unit: nullable(unit),
  threshold: nullable(Schema.Finite),
  dwell_seconds: nullable(seconds),
  cooldown_seconds: seconds,
  action: Schema.String,
  reason: Schema.String
}).annotate({ identifier: 'LevelChange' })

export const degradation = Schema.Struct({
  level: nullable(level),
  quotes_level: nullable(level),
  since: nullable(time),
  policy: nullable(
    Schema.Struct({
      trades_taken: taken,
      quotes_taken: taken,
      are_batches_grown: Schema.Boolean,
      are_quotes_conflated: Schema.Boolean,
      is_spilling: Schema.Boolean,
      is_paused: Schema.Boolean
    })
  ),
  cooldown: nullable(
    Schema.Struct({ seconds, configured_seconds: seconds, until: nullable(time) })
  ),
  injected: nullable(Schema.Struct({ value: share, expires: nullable(time) })),
  signals: Schema.Array(signal),
  history: Schema.Array(levelChange)
}).annotate({ identifier: 'Degradation' })

const terms = Schema.Record(Schema.String, Schema.Int).annotate({
  description: 'Records by where they are'
})

const equation = Schema.Struct({
  equation: Schema.String,
  exchange: Schema.String,
  data_type: Schema.Literals(dataTypes),
  symbol: nullable(Schema.String),
  tier: nullable(Schema.Int),
  partition: nullable(Schema.Int),
  left: terms,
  right: terms,
  relation: Schema.Literals(['equal', 'at_least']),
  left_records: Schema.Int,
  right_records: Schema.Int,
  difference: Schema.Int,
  beside: terms,
  holds: Schema.Boolean,
  broken_since: nullable(time)
}).annotate({ identifier: 'ConservationEquation' })

export const conservation = Schema.Struct({
  holds: Schema.Boolean,
  checked_at: nullable(time),
  broken: count,
  broken_since: nullable(time),
  unit: Schema.Literal('records'),
  totals: Schema.Array(
    Schema.Struct({
      equation: Schema.String,
      exchange: Schema.String,
      data_type: Schema.Literals(dataTypes),
      equations: count,
      broken: count,
      left: terms,
      right: terms,
      imbalance: count
    })
  ),
  equations: Schema.Array(equation)
}).annotate({ identifier: 'Conservation' })

interface ActorStatus {
  readonly id: string
  readonly path: string
  readonly state: string
  readonly tags: readonly string[]
  readonly restarts: number
  readonly since: number | null
  readonly lastError: {
    readonly tag: string
    readonly message: string
    readonly isDependency: boolean
    readonly isRefusal?: boolean
  } | null
  readonly queueBytes?: number
  readonly queueBytesMax?: number
  readonly counters?: Readonly<Record<string, number>>
  readonly children: readonly ActorStatus[]
}

const actor = Schema.Struct({
  id: Schema.String,
  path: Schema.String,
  state: Schema.String,
  tags: Schema.Array(Schema.String),
  restarts: count,
  since: nullable(Schema.Finite).annotate({ description: 'Milliseconds since 1970' }),
  lastError: nullable(
    Schema.Struct({
      tag: Schema.String,
      message: Schema.String,
      isDependency: Schema.Boolean,
      isRefusal: Schema.optionalKey(Schema.Boolean)
    })
  ),
  queueBytes: Schema.optionalKey(Schema.Finite),
  queueBytesMax: Schema.optionalKey(Schema.Finite),
  counters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
  children: Schema.Array(Schema.suspend((): Schema.Codec<ActorStatus> => actor))
}).annotate({ identifier: 'Actor' })

export const actors = Schema.Struct({
  atMs: Schema.Finite,
  root: actor,
  resources: Schema.Array(
    Schema.Struct({
      owner: Schema.String,
      name: Schema.String,
      kind: Schema.String,
      sinceMs: Schema.Finite,
      isLeaked: Schema.Boolean
    })
  ),
  leakCount: count
}).annotate({ identifier: 'Actors' })

const components = Schema.Array(
  Schema.Struct({
    name: Schema.String,
    status: Schema.Literals(['healthy', 'degraded', 'unavailable']),
    detail: Schema.optionalKey(Schema.String)
  }).annotate({ identifier: 'Component' })
)

export const live = Schema.Struct({ status: Schema.Literal('live') })

export const ready = Schema.Struct({
  status: Schema.Literal('ready'),
  level: nullable(level),
  components
})

export const health = Schema.Struct({
  status: Schema.Literals(['healthy', 'degraded', 'unhealthy']),
  version: Schema.String,
  timestamp: time,
  level: nullable(level),
  components
}).annotate({ identifier: 'Health' })
