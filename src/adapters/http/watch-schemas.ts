/**
 * What a page is shown of a running K2: machines, actors and what happened to them, as frames that
 * follow each other. A base and the frames behind it are an episode: it can be kept in a file.
 */
import * as Schema from 'effect/Schema'
import { count } from './answer-schemas.ts'
import { degradation, levelChange } from './system-schemas.ts'

const nullable = <S extends Schema.Top>(schema: S) => Schema.NullOr(schema)
const texts = Schema.Array(Schema.String)
const named = <S extends Schema.Top>(schema: S, description: string) =>
  schema.annotate({ description }) as S
const moment = named(Schema.Finite, 'Milliseconds since 1970')
const number = nullable(Schema.Finite)
const name = nullable(Schema.String)

const edge = Schema.Struct({
  event: named(Schema.String, 'Of `always`: empty'),
  kind: Schema.Literals(['event', 'after', 'always', 'done', 'error']),
  delay: named(name, 'In ms, or the name of the delay'),
  guard: named(name, 'By name; composed ones written out: and(a, not(b))'),
  target: named(name, 'Path of a state; null: stays where it is'),
  actions: texts
}).annotate({ identifier: 'WatchEdge' })

export type WatchEdge = typeof edge.Type

export interface WatchState {
  readonly key: string
  /** Dotted, below the root. */
  readonly path: string
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history'
  readonly initial: string | null
  readonly tags: readonly string[]
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  readonly invoke: readonly string[]
  readonly edges: readonly WatchEdge[]
  readonly states: readonly WatchState[]
}

const state = Schema.Struct({
  key: Schema.String,
  path: named(Schema.String, 'Dotted, below the root; of the root: empty'),
  type: Schema.Literals(['atomic', 'compound', 'parallel', 'final', 'history']),
  initial: named(name, 'Key of a state in it'),
  tags: texts,
  entry: named(texts, 'Actions'),
  exit: named(texts, 'Actions'),
  invoke: named(texts, 'Actors that run while it is active'),
  edges: Schema.Array(edge),
  states: Schema.Array(Schema.suspend((): Schema.Codec<WatchState> => state))
}).annotate({ identifier: 'WatchState' })

const machine = Schema.Struct({ id: Schema.String, root: state }).annotate({
  identifier: 'WatchMachine'
})

export type WatchMachine = typeof machine.Type

const ofBoth = Schema.Struct({ keeper: name, kept: name })
const of = named(
  Schema.Literals(['keeper', 'kept']),
  'Whether it is of who keeps the actor, or of the actor itself'
)

const actor = Schema.Struct({
  path: Schema.String,
  parent: name,
  order: named(count, 'Among its siblings, as they are started'),
  machines: named(ofBoth, 'Ids; null: it is none, or does not run'),
  state: named(ofBoth, 'Paths of the active states, of parallel ones joined with " & "'),
  tags: texts,
  health: Schema.Literals(['healthy', 'degraded', 'unavailable', 'quarantined', 'ended']),
  restarts: count,
  crashes_in_window: count,
  restarts_max: named(nullable(count), 'Crashes in a window that it may have'),
  window_seconds: number,
  backoff_until: nullable(moment),
  since: named(nullable(moment), 'When its state was entered'),
  queue_bytes: number,
  queue_bytes_max: number,
  messages_per_second: number,
  last_error: nullable(Schema.Struct({ tag: Schema.String, message: Schema.String }))
}).annotate({ identifier: 'WatchActor' })

export type WatchActor = typeof actor.Type

/** As the machine's definition has it; without a target it stays where it is. */
const takenEdge = Schema.Struct({ source: Schema.String, event: Schema.String, target: name })

const transition = Schema.Struct({
  at: moment,
  path: named(Schema.String, 'Of the actor'),
  of,
  machine: name,
  event: Schema.String,
  from: Schema.String,
  to: Schema.String,
  taken: named(
    Schema.Array(takenEdge),
    'Edges, in order: that of the event, and those that followed by themselves'
  ),
  guards: named(
    Schema.Array(
      Schema.Struct({ guard: Schema.String, target: name, result: Schema.Boolean })
    ),
    'That were asked, in order: all false but those of the edges that were taken'
  ),
  actions: texts,
  detail: named(name, 'What the event says, as JSON, as far as there is room')
}).annotate({ identifier: 'WatchTransition' })

export type WatchTransition = typeof transition.Type

const mark = Schema.Struct({
  at: moment,
  kind: Schema.Literals([
    'crash', 'waiting', 'recovered', 'quarantined', 'released', 'operator', 'injected'
  ]),
  path: named(name, 'Of the actor, where it is of one'),
  text: Schema.String
}).annotate({ identifier: 'WatchMark' })

export type WatchMark = typeof mark.Type

const edgeCount = Schema.Struct({
  path: Schema.String,
  of,
  ...takenEdge.fields,
  count
}).annotate({ identifier: 'WatchEdgeCount' })

export type WatchEdgeCount = typeof edgeCount.Type

const { history: _history, ...degradationNow } = degradation.fields

const frame = Schema.Struct({
  seq: named(count, 'Of this process; each frame has the next one, unless some were joined'),
  at: moment,
  actors: Schema.optionalKey(named(Schema.Array(actor), 'Those that changed, whole')),
  gone: Schema.optionalKey(named(texts, 'Paths of actors that are there no more')),
  transitions: Schema.optionalKey(Schema.Array(transition)),
  left_out: Schema.optionalKey(named(count, 'Transitions that are not in it, for their number')),
  changes: Schema.optionalKey(Schema.Array(levelChange)),
  marks: Schema.optionalKey(Schema.Array(mark)),
  counts: Schema.optionalKey(
    named(
      Schema.Array(edgeCount),
      'Of a base: how often each edge was taken since the process started'
    )
  ),
  sample: Schema.optionalKey(
    named(Schema.Array(number), 'Each second: a number of each series, in their order')
  ),
  degradation: Schema.optionalKey(
    Schema.Struct(degradationNow).annotate({ identifier: 'WatchDegradation' })
  )
}).annotate({ identifier: 'WatchFrame' })

export type WatchFrame = typeof frame.Type

const series = Schema.Struct({
  name: Schema.String,
  label: Schema.String,
  unit: Schema.String
}).annotate({ identifier: 'WatchSeries' })

export type WatchSeries = typeof series.Type

export const machines = Schema.Struct({ machines: Schema.Array(machine) })

export const episode = Schema.Struct({
  version: Schema.Literal(2),
  k2_version: Schema.String,
  instance: named(Schema.String, 'Of the process: a restart has another'),
  started_at: moment,
  machines: Schema.Array(machine),
  series: Schema.Array(series),
  base: frame,
  frames: named(Schema.Array(frame), 'Oldest first')
}).annotate({ identifier: 'Episode' })

/** All but the frames, which are kept as text. */
export type EpisodeHead = Omit<typeof episode.Type, 'base' | 'frames'>
