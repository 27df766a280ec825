/** A change of the level that explains itself: signal, value, threshold, action, on one line. */
import { actionOf, type Level, levels, quotesActionOf } from './ingest-policy.ts'
import type { Step } from './degradation-ladder.ts'
import { nameOf, type Reading } from './pressure-marks.ts'

export interface LevelChange {
  /** What it acts on: all that is captured, or quotes alone (R34). */
  readonly scope: 'all' | 'quotes'
  readonly kind: Step['kind']
  readonly from: Level
  readonly to: Level
  readonly atMs: number
  /** With its data type; null where no signal had a part. */
  readonly signal: string | null
  readonly value: number | null
  readonly limit: number | null
  readonly unit: Reading['unit'] | null
  /** In the unit of the value. */
  readonly threshold: number | null
  /** How long the level before was held. */
  readonly dwellMs: number | null
  /** That has to pass before the next recovery. */
  readonly cooldownMs: number
  readonly action: string
  readonly reason: string
}

export const changeOf = (
  step: Step,
  scope: LevelChange['scope'],
  atMs: number,
  cooldownMs: number
): LevelChange => {
  const { kind, cause, mark, dwellMs } = step
  const to = levels[step.to]
  const limit = cause?.limit ?? null
  const threshold = mark === null ? null : limit === null ? mark : mark * limit
  return {
    scope,
    kind,
    from: levels[step.from],
    to,
    atMs,
    signal: cause === null ? null : nameOf(cause),
    value: cause?.value ?? null,
    limit,
    unit: cause?.unit ?? null,
    threshold,
    dwellMs,
    cooldownMs,
    action: scope === 'all' ? actionOf(to) : quotesActionOf(to),
    reason: reasonOf(step, threshold)
  }
}

const reasonOf = ({ kind, cause, dwellMs }: Step, threshold: number | null): string => {
  if (cause?.value == null || threshold === null) {
    return kind === 'settled' ? 'the first sample after a start' : 'no signal asks for the level'
  }
  const name = nameOf(cause)
  const value = textOf(cause.value, cause.unit)
  const mark = textOf(threshold, cause.unit)
  const of = cause.limit === null ? '' : ` of ${textOf(cause.limit, cause.unit)}`
  if (kind !== 'recovered') return `${name} is ${value}${of}, at or above ${mark}`
  const held = dwellMs === null ? '' : ` after ${textOf(dwellMs / 1_000, 'seconds')}`
  return `all signals are below their marks${held}; the nearest, ${name}, is ${value} < ${mark}`
}

const mebibyte = 1_024 ** 2

const textOf = (value: number, unit: Reading['unit']): string => {
  switch (unit) {
    case 'bytes':
      return `${(value / mebibyte).toFixed(1)} MiB`
    case 'records':
      return `${Math.round(value)} records`
    case 'seconds':
      return `${Number(value.toFixed(3))} s`
    case 'share':
      return `${(value * 100).toFixed(1)} %`
    default:
      return unit satisfies never
  }
}
