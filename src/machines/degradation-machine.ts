/**
 * The degradation manager: which level of degradation the samples of pressure ask for, and what is
 * commanded at it (DESIGN.md part 6).
 *
 *     normal ◄──► soft ◄──► graceful ◄──► aggressive ◄──► circuitBreak
 *        └───────── up: to any level, at once ─────────►
 *        ◄── down: one level, after the cooldown ──
 *
 * Invariants:
 *  1. A level is entered by the very sample that asks for it (`pressure-trends.ts` says what does).
 *  2. Down goes one level at a time, at most once per cooldown, and never while a signal that was
 *     declared is stale, unknown or missing. The cooldown grows with flapping (R38).
 *  3. The first sample settles the level at once; before it nothing is commanded (R39).
 *  4. Trades of tier 1 are all taken at every level but the last (R34). Quotes have a ladder of
 *     their own below the process's: their lag sheds them and nothing else.
 *  5. It is pure: time comes with the samples. Signals that were not declared are ignored.
 */
import { assign, setup } from 'xstate'
import type { IngestPolicy, Level } from './ingest-policy.ts'
import {
  type DegradationContext,
  type DegradationInput,
  type Held,
  initialContext,
  isRankAfter,
  sampledContext
} from './degradation-rules.ts'
import type { LevelChange } from './level-change.ts'
import type { Reading } from './pressure-marks.ts'

interface PressureSampled {
  readonly type: 'pressure.sampled'
  /** Of a clock that never goes back. */
  readonly atMs: number
  readonly readings: readonly Reading[]
  /** What was commanded last, for a manager that has just been restarted (R39). */
  readonly held?: Held
}

export type DegradationEvent = PressureSampled | { readonly type: 'drain.requested' }

type Sampled = { readonly event: PressureSampled }

const sampleOf = ({ event }: Sampled): PressureSampled => event

const degradationSetup = setup({
  types: {
    input: {} as DegradationInput,
    context: {} as DegradationContext,
    events: {} as DegradationEvent,
    tags: {} as 'healthy' | 'degraded'
  },
  guards: {
    /** Whether this sample leads to that level. */
    leadsTo: (
      { context },
      { sample, level }: { readonly sample: PressureSampled; readonly level: Level }
    ) => isRankAfter(context, sample, level)
  },
  actions: {
    takeSample: assign(({ context }, sample: PressureSampled) => sampledContext(context, sample)),
    /** Port: who captures, publishes and answers obeys it. */
    command: (_args, _policy: IngestPolicy) => {},
    /** Port: history, log and metrics. */
    report: (_args, _changes: readonly LevelChange[]) => {}
  }
})

const taken = [
  { type: 'takeSample' as const, params: sampleOf },
  {
    type: 'command' as const,
    params: ({ context }: { readonly context: DegradationContext }) => context.policy!
  },
  {
    type: 'report' as const,
    params: ({ context }: { readonly context: DegradationContext }) => context.changes
  }
]

const movesTo = <const L extends Level>(level: L) => ({
  guard: {
    type: 'leadsTo' as const,
    params: ({ event }: Sampled) => ({ sample: event, level })
  },
  target: level,
  actions: taken
})

const remains = { actions: taken }

export const degradationMachine = degradationSetup.createMachine({
  id: 'degradation',
  context: ({ input }) => initialContext(input),
  on: { 'drain.requested': '.ended' },
  initial: 'normal',
  states: {
    normal: {
      tags: 'healthy',
      on: {
        'pressure.sampled': [
          movesTo('circuitBreak'), movesTo('aggressive'), movesTo('graceful'), movesTo('soft'),
          remains
        ]
      }
    },
    soft: {
      tags: 'degraded',
      on: {
        'pressure.sampled': [
          movesTo('circuitBreak'), movesTo('aggressive'), movesTo('graceful'),
          movesTo('normal'),
          remains
        ]
      }
    },
    graceful: {
      tags: 'degraded',
      on: {
        'pressure.sampled': [
          movesTo('circuitBreak'), movesTo('aggressive'),
          movesTo('soft'),
          remains
        ]
      }
    },
    aggressive: {
      tags: 'degraded',
      on: { 'pressure.sampled': [movesTo('circuitBreak'), movesTo('graceful'), remains] }
    },
    circuitBreak: {
      tags: 'degraded',
      on: { 'pressure.sampled': [movesTo('aggressive'), remains] }
    },
    ended: { type: 'final' }
  }
})
