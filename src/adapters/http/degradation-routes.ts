/** The degradation manager: what it sees and does, and pressure that an operator injects. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { json, valueEnvelope } from './answer-schemas.ts'
import type { ApiDeps, PressureRequest } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { type Decoded, required } from './parameters.ts'
import { type FieldError, invalidParameters, problemResponse } from './problem.ts'
import { postRoute, route, type Route } from './route.ts'
import { degradation } from './system-schemas.ts'

const pressurePath = '/v1/system/pressure'
/** Levels that pressure can be injected up to. */
const levels = ['soft', 'graceful', 'aggressive', 'circuitBreak'] as const
const expiresSecondsMax = 3_600

const between = (minimum: number, maximum: number) =>
  Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

const fields = {
  signal: {
    schema: Schema.Literal('injected'),
    remedy: 'leave it out, or send "injected": all others are measured'
  },
  level: { schema: Schema.Literals(levels), remedy: `one of ${levels.join(', ')}` },
  value: {
    schema: between(0, 1),
    remedy: 'a number from 0 to 1, which acts as that share of the memory would'
  },
  expires_seconds: required({
    schema: between(1, expiresSecondsMax),
    remedy: `a number of seconds from 1 to ${expiresSecondsMax}`
  })
}

const responses = { 200: json('What it sees and does', valueEnvelope(degradation)) }

export const degradationRoutes = (deps: ApiDeps): readonly Route[] => {
  const shown = (correlationId: string): Response =>
    envelopeResponse(JSON.stringify(deps.degradation()), undefined, {
      correlationId,
      nowMs: deps.nowMs()
    })
  return [
    {
      ...route(
        '/v1/system/degradation',
        'Level of degradation: why, since when, and what it commands',
        {},
        ({ correlationId }) => Effect.sync(() => shown(correlationId))
      ),
      responses
    },
    {
      ...postRoute(pressurePath, 'Injects pressure', fields, ({ body, correlationId }) =>
        Effect.sync(() => {
          const errors = refused(deps.inject(requestOf(body)))
          return errors.length > 0
            ? problemResponse(invalidParameters(errors), correlationId)
            : shown(correlationId)
        })
      ),
      scope: 'admin',
      responses,
      check: ({ level, value }) => ((level === undefined) === (value === undefined) ? [either] : [])
    },
    {
      ...route(pressurePath, 'Takes injected pressure away', {}, ({ correlationId }) =>
        Effect.sync(() => {
          deps.clearPressure()
          return shown(correlationId)
        })
      ),
      method: 'DELETE',
      scope: 'admin',
      responses
    }
  ]
}

const refused = (outcome: 'injected' | 'level_off'): readonly FieldError[] =>
  outcome === 'injected'
    ? []
    : [
        {
          field: 'level',
          detail: 'has no mark: K2_DEGRADATION_MEMORY_ENTER is off there',
          remedy: 'name a level that has one'
        }
      ]

const either: FieldError = {
  field: 'level',
  detail: 'and value exclude each other, and one is needed',
  remedy: 'send either'
}

const requestOf = ({ level, value, expires_seconds }: Decoded<typeof fields>): PressureRequest =>
  level === undefined
    ? { value: value!, expiresSeconds: expires_seconds }
    : { level, expiresSeconds: expires_seconds }
