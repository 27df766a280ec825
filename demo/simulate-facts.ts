/** How things stand with a running K2, in lines for a person. Pure. */
import { count } from './figures.ts'
import type { Sample, Transition } from './record.ts'
import { ratesOf } from './view.ts'

/** Of two looks a little after one another. */
export const factsOf = (before: Sample, sample: Sample): readonly string[] => {
  const { k2, level, queryMs } = sample
  if (k2 === null || level === null) return ['K2 does not answer']
  const rate = (of: (sample: Sample) => number | null): string => {
    const [perSecond] = ratesOf([before, sample], of)
    return perSecond == null ? '–' : `${count(perSecond)}/s`
  }
  return [
    `level     ${level}`,
    `signals   ${signalsText(sample)}`,
    `rates     issued ${rate(({ issued }) => issued)}, published ` +
      `${rate((it) => it.k2?.published ?? null)}, spooled ` +
      `${rate((it) => it.k2?.spooled ?? null)}, landed ${rate((it) => it.k2?.landed ?? null)}`,
    `gaps      ${count(k2.openGaps)} trades missing, ${count(k2.shed)} shed and ` +
      `${count(k2.healed)} healed since K2 was started`,
    `spool     ${count(k2.spoolRecords)} records that wait for the log`,
    `query     ${queryMs === null ? 'no answer' : `newest trades in ${queryMs} ms`}`
  ]
}

const signalsText = ({ signals }: Sample): string =>
  signals
    .filter(({ name }) => /^(?:lag|memory|in_flight|circuit|loop_delay|injected)/.test(name))
    .map(({ name, value, unit }) => `${name} ${valueText(value, unit)}`)
    .join(', ')

const valueText = (value: number, unit: string): string => {
  if (unit === 'bytes') return `${(value / 1_024 ** 2).toFixed(1)} MiB`
  if (unit === 'seconds') return `${value.toFixed(2)} s`
  return unit === 'records' ? `${count(value)} records` : String(Number(value.toFixed(3)))
}

/** What K2's history says since a look. */
export const changesSince = (
  atMs: number,
  transitions: readonly Transition[]
): readonly string[] =>
  transitions
    .filter((change) => change.atMs > atMs)
    .map(({ from, to, reason }) => `${from} → ${to}: ${reason}`)
