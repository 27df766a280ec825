/** The degradation manager: what it sees and does, and pressure that an operator injects. */
import * as Effect from 'effect/Effect'
import type { ApiDeps, PressureRequest } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { type FieldError, invalidParameters, problemResponse } from './problem.ts'
import { route, type Route } from './route.ts'

const pressurePath = '/v1/system/pressure'
/** Levels that pressure can be injected up to. */
const levels = ['soft', 'graceful', 'aggressive', 'circuitBreak'] as const
const expiresSecondsMax = 3_600

export const degradationRoutes = (deps: ApiDeps): readonly Route[] => {
  const shown = (correlationId: string): Response =>
    envelopeResponse(JSON.stringify(deps.degradation()), undefined, {
      correlationId,
      nowMs: deps.nowMs()
    })
  return [
    route(
      '/v1/system/degradation',
      'Level of degradation: why, since when, and what it commands',
      {},
      ({ correlationId }) => Effect.sync(() => shown(correlationId))
    ),
    {
      ...route(
        pressurePath,
        'Injects pressure: {"level" or "value", "expires_seconds"}',
        {},
        ({ body, correlationId }) =>
          Effect.sync(() => {
            const read = readPressure(body)
            const errors = 'errors' in read ? read.errors : refused(deps.inject(read.request))
            return errors.length > 0
              ? problemResponse(invalidParameters(errors), correlationId)
              : shown(correlationId)
          })
      ),
      method: 'POST',
      readsBody: true,
      scope: 'admin'
    },
    {
      ...route(pressurePath, 'Takes injected pressure away', {}, ({ correlationId }) =>
        Effect.sync(() => {
          deps.clearPressure()
          return shown(correlationId)
        })
      ),
      method: 'DELETE',
      scope: 'admin'
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

type Read = { readonly request: PressureRequest } | { readonly errors: readonly FieldError[] }

const known = new Set(['signal', 'level', 'value', 'expires_seconds'])

const readPressure = (body: unknown): Read => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return {
      errors: [{ field: 'body', detail: 'is no JSON object', remedy: 'send {"level": "soft", …}' }]
    }
  }
  const given = body as Readonly<Record<string, unknown>>
  const level = levels.find((it) => it === given['level'])
  const value = numberIn(given['value'], 0, 1)
  const expiresSeconds = numberIn(given['expires_seconds'], 1, expiresSecondsMax)
  const errors: readonly FieldError[] = [
    ...Object.keys(given)
      .filter((name) => !known.has(name))
      .map((name) => ({
        field: name.slice(0, 64),
        detail: 'is not a field of this request',
        remedy: `fields are ${[...known].join(', ')}`
      })),
    ...fault(given['signal'] !== undefined && given['signal'] !== 'injected', {
      field: 'signal',
      detail: 'cannot be injected',
      remedy: 'leave it out, or send "injected": all others are measured'
    }),
    ...fault(('level' in given) === ('value' in given), {
      field: 'level',
      detail: 'and value exclude each other, and one is needed',
      remedy: 'send either'
    }),
    ...fault('level' in given && level === undefined, {
      field: 'level',
      detail: 'is none that pressure raises',
      remedy: `one of ${levels.join(', ')}`
    }),
    ...fault('value' in given && value === undefined, {
      field: 'value',
      detail: 'is no share',
      remedy: 'a number from 0 to 1, which acts as that share of the memory would'
    }),
    ...fault(expiresSeconds === undefined, {
      field: 'expires_seconds',
      detail: 'is missing or not valid',
      remedy: `a number of seconds from 1 to ${expiresSecondsMax}`
    })
  ]
  if (errors.length > 0 || expiresSeconds === undefined) return { errors }
  return {
    request: level === undefined ? { value: value!, expiresSeconds } : { level, expiresSeconds }
  }
}

const fault = (isFault: boolean, error: FieldError): readonly FieldError[] =>
  isFault ? [error] : []

const numberIn = (value: unknown, min: number, max: number): number | undefined =>
  typeof value === 'number' && value >= min && value <= max ? value : undefined
