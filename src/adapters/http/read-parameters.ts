/**
 * How a client says of which state of a table it asks: now, a snapshot, or a point that was
 * answered before.
 */
import * as Schema from 'effect/Schema'
import type { ReadFrom } from './api-deps.ts'
import { type Parameter, timeParameter } from './parameters.ts'
import { type FieldError, invalidParameters } from './problem.ts'

const textOf = (pattern: RegExp) => Schema.String.check(Schema.isPattern(pattern))

const tokenText = textOf(/^[A-Za-z0-9._-]{1,4096}$/u)

const snapshotIdPattern = /^[0-9]{1,19}$/u

export const isSnapshotId = (text: string): boolean => snapshotIdPattern.test(text)

export const snapshotIdParameter = {
  schema: textOf(snapshotIdPattern),
  remedy: 'a snapshot_id, as /v1/snapshots lists it',
  example: '4611686018427387904'
}

/** Of an address that names none. */
export const invalidSnapshotId = invalidParameters([
  { field: 'snapshot_id', detail: 'is not valid', remedy: snapshotIdParameter.remedy }
])

export const readParameters = {
  read_token: {
    schema: tokenText,
    remedy: 'meta.read_token of an answer, as it came: the same query gives the same data again'
  },
  cursor: {
    schema: tokenText,
    remedy:
      'pagination.next_cursor of an answer, as it came, with the same query: the rows behind it'
  },
  snapshot_id: snapshotIdParameter,
  as_of: {
    ...timeParameter,
    remedy: `the snapshot that was current then: ${timeParameter.remedy}`
  },
  tag: {
    schema: textOf(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/u),
    remedy: 'the name of a tag of the table'
  }
} satisfies Readonly<Record<string, Parameter<unknown>>>

/** As fields of a body. */
export const readFields = {
  ...readParameters,
  as_of: { ...readParameters.as_of, schema: Schema.Union([timeParameter.schema, Schema.Int]) }
}

interface ReadValues {
  readonly read_token?: string
  readonly cursor?: string
  readonly snapshot_id?: string
  /** Microseconds. */
  readonly as_of?: number
  readonly tag?: string
}

/** Undefined: now. */
export const readFromOf = (values: ReadValues): ReadFrom | undefined => {
  const { read_token: token, cursor } = values
  const choice = choiceOf(values)
  if (token === undefined && cursor === undefined && choice === undefined) return undefined
  return {
    ...(token === undefined ? {} : { token }),
    ...(cursor === undefined ? {} : { cursor }),
    ...(choice === undefined ? {} : { choice })
  }
}

const choiceOf = ({ snapshot_id: id, as_of: asOfUs, tag }: ReadValues): ReadFrom['choice'] => {
  if (id !== undefined) return { kind: 'snapshot', snapshotId: id }
  if (asOfUs !== undefined) return { kind: 'time', atMs: Math.floor(asOfUs / 1_000) }
  return tag === undefined ? undefined : { kind: 'tag', name: tag }
}

/** Of those that cannot be given together, all but the first. */
export const readFaults = (
  values: Readonly<Record<string, unknown>>,
  nowMs: number
): readonly FieldError[] => {
  const asOfUs = values['as_of']
  return [
    ...together(values, ['snapshot_id', 'as_of', 'tag']),
    ...together(values, ['cursor', 'read_token']),
    ...(typeof asOfUs === 'number' && asOfUs > nowMs * 1_000
      ? [
          {
            field: 'as_of',
            detail: 'is in the future',
            remedy: 'leave it out for what is there now; meta.read_token brings that back'
          }
        ]
      : [])
  ]
}

const together = (
  values: Readonly<Record<string, unknown>>,
  names: readonly string[]
): readonly FieldError[] =>
  names
    .filter((name) => values[name] !== undefined)
    .slice(1)
    .map((field) => ({
      field,
      detail: 'is given together with another of its kind',
      remedy: `give one of ${names.join(', ')}`
    }))

export const timesInOrder = (from: unknown, to: unknown): readonly FieldError[] =>
  typeof from === 'number' && typeof to === 'number' && from > to
    ? [
        {
          field: 'end_time',
          detail: 'is before start_time',
          remedy: 'start_time is inclusive, end_time exclusive: end_time must not be smaller'
        }
      ]
    : []
