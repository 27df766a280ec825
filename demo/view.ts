/**
 * What is shown of a run while it goes on: lines of text, of its record alone. Pure.
 *
 * On a terminal the same lines are written again in place; without one, a line now and then.
 */
import { count } from './figures.ts'
import {
  type DemoRecord,
  type Level,
  levels,
  type Mark,
  type Sample,
  type Transition
} from './record.ts'
import { sparkline } from './sparkline.ts'

export interface ViewOptions {
  readonly nowMs: number
  readonly columns: number
  readonly hasColor: boolean
}

const eventsShown = 6
/** Commits come once a second: from one look to the next they would be all or nothing. */
const looksOfRate = 4
const labelWidth = 13
const valueWidth = 16
const acts = {
  kafka: [
    'setting up',
    'measuring what lands per second',
    'calm',
    'flood',
    'Kafka is dead',
    'Kafka starts again',
    'the spool drains',
    'healing',
    'the market closes',
    'the verdict'
  ],
  embedded: [
    'setting up',
    'measuring what lands per second',
    'calm',
    'flood',
    'K2 is dead',
    'K2 starts again',
    'catching up',
    'healing',
    'the market closes',
    'the verdict'
  ]
} as const

/** All of it, for a terminal. */
export const screenOf = (record: DemoRecord, options: ViewOptions): readonly string[] => {
  const { columns } = options
  const sample = record.samples.at(-1)
  const width = Math.max(10, Math.min(60, columns - labelWidth - valueWidth - 2))
  const lines = [
    progress(record, options),
    '',
    ladder(sample?.level ?? null, options),
    '',
    ...signalLines(record, width),
    ...rateLines(record, width),
    '',
    ledger(sample),
    '',
    ...events(record, eventsShown)
  ]
  return lines.map((line) => cut(line, columns))
}

const progress = (record: DemoRecord, { nowMs }: ViewOptions): string => {
  const all: readonly string[] = acts[record.variant]
  const at = all.indexOf(record.act) + 1
  const bar = all.map((_, index) => (index < at ? '■' : '□')).join('')
  return `K2 demo  ${bar}  ${at}/${all.length}  ${record.act}  ${clock(nowMs - record.startedMs)}`
}

const clock = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

const colors: Readonly<Record<Level, number>> = {
  normal: 32,
  soft: 33,
  graceful: 33,
  aggressive: 31,
  circuitBreak: 35
}

const ladder = (level: Level | null, { hasColor }: ViewOptions): string => {
  const steps = levels.map((step) => {
    const text = step === level ? `[${step}]` : ` ${step} `
    return step === level && hasColor ? `\u001B[1;${colors[step]}m${text}\u001B[0m` : text
  })
  return `${'level'.padEnd(labelWidth)}${steps.join(' ')}${level === null ? '  no answer' : ''}`
}

const line = (label: string, spark: string, value: string): string =>
  `${label.padEnd(labelWidth)}${spark}  ${value}`

/** Each against its mark of aggressive: a full bar has reached it. */
const signalLines = ({ samples }: DemoRecord, width: number): readonly string[] =>
  [
    ['lag:trades', 'lag', (value: number) => `${count(value)} trades`],
    ['memory', 'memory', mebibytes],
    ['in_flight:trades', 'in flight', mebibytes],
    ['circuit:trades', 'circuit open', (value: number) => `${value.toFixed(1)} s`]
  ].map(([name, label, shown]) => {
    const series = samples.slice(-width).map(({ signals }) => {
      const signal = signals.find((it) => it.name === name)
      return signal === undefined ? null : signal
    })
    const latest = series.at(-1)
    const mark = latest?.enter.findLast((it, index) => it !== null && index <= 2) ?? undefined
    const spark = sparkline(series.map((it) => it?.value ?? null), width, mark)
    const value = latest == null ? '–' : (shown as (value: number) => string)(latest.value)
    return line(label as string, spark, value)
  })

const mebibytes = (bytes: number): string => `${(bytes / 1_024 ** 2).toFixed(0)} MiB`

const rateLines = ({ samples }: DemoRecord, width: number): readonly string[] => {
  const recent = samples.slice(-width - 1)
  const shown = (label: string, of: (sample: Sample) => number | null) => {
    const rates = ratesOf(recent, of, looksOfRate)
    const latest = rates.at(-1)
    return line(label, sparkline(rates, width), latest == null ? '–' : `${count(latest)}/s`)
  }
  return [
    shown('issued', ({ issued }) => issued),
    shown('landed', ({ k2 }) => k2?.landed ?? null),
    shown('spool', ({ k2 }) => k2?.spooled ?? null),
    shown('healed', ({ k2 }) => k2?.healed ?? null)
  ]
}

/** Per second, of totals, over so many looks; null where one is not known, or began anew. */
export const ratesOf = (
  samples: readonly Sample[],
  of: (sample: Sample) => number | null,
  over = 1
): readonly (number | null)[] =>
  samples.slice(1).map((sample, index) => {
    const before = samples[Math.max(0, index + 1 - over)]!
    const [from, to] = [of(before), of(sample)]
    const ms = sample.atMs - before.atMs
    return from === null || to === null || to < from || ms <= 0 ? null : ((to - from) * 1_000) / ms
  })

const ledger = (sample: Sample | undefined): string => {
  const k2 = sample?.k2
  if (k2 == null) return `${'ledger'.padEnd(labelWidth)}no answer`
  const parts = [
    `${count(k2.shed)} shed`,
    `${count(k2.spoolRecords)} in the spool`,
    `${count(k2.openGaps)} missing`,
    `${count(k2.healed)} healed`
  ]
  return `${'ledger'.padEnd(labelWidth)}${parts.join('  ·  ')}`
}

const events = (record: DemoRecord, shownMax: number): readonly string[] => {
  const all = [
    ...record.marks.map((mark) => ({ atMs: mark.atMs, text: markLine(mark) })),
    ...record.transitions.map((change) => ({ atMs: change.atMs, text: changeLine(change) }))
  ].toSorted((left, right) => left.atMs - right.atMs)
  return all
    .slice(-shownMax)
    .map(({ atMs, text }) => `${clock(atMs - record.startedMs).padStart(6)}  ${text}`)
}

export const markLine = ({ kind, text }: Mark): string =>
  ({ act: `— ${text}`, fault: `✗ ${text}`, mended: `✓ ${text}`, seen: `  ${text}` })[kind]

export const changeLine = ({ from, to, reason }: Transition): string =>
  `${levels.indexOf(to) > levels.indexOf(from) ? '▲' : '▼'} ${from} → ${to}: ${reason}`

const cut = (text: string, columns: number): string => {
  const visible = text.replaceAll(colorPattern, '')
  return visible.length <= columns ? text : `${visible.slice(0, Math.max(0, columns - 1))}…`
}

// oxlint-disable-next-line no-control-regex
const colorPattern = /\u001B\[[\d;]*m/g

/** One line of how things stand, where there is no terminal. */
export const statusLine = (record: DemoRecord): string => {
  const sample = record.samples.at(-1)
  const [before] = record.samples.slice(-3)
  const rate = (of: (sample: Sample) => number | null) => {
    if (sample === undefined || before === undefined) return '–'
    const [value] = ratesOf([before, sample], of)
    return value == null ? '–' : `${count(value)}/s`
  }
  const lag = sample?.signals.find(({ name }) => name === 'lag:trades')?.value
  return [
    `level ${sample?.level ?? 'unknown'}`,
    `issued ${rate(({ issued }) => issued)}`,
    `landed ${rate(({ k2 }) => k2?.landed ?? null)}`,
    `lag ${lag === undefined ? '–' : count(lag)}`,
    ledger(sample).slice(labelWidth)
  ].join('  ')
}

export const timeOf = (record: DemoRecord, atMs: number): string =>
  clock(atMs - record.startedMs).padStart(5)
