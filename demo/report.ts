/**
 * The page that a run leaves: one file that needs nothing else, made of the run's record alone, so
 * that of what did not happen nothing is said but that. Pure.
 */
import { type Chart, escaped, type Line, type Span, svgOf } from './charts.ts'
import { count, figuresOf } from './figures.ts'
import { isAllHeld, type Kept, promisesOf } from './promises.ts'
import {
  type DemoRecord,
  levels,
  memoryOf,
  type Sample,
  totalOf,
  type Transition
} from './record.ts'
import { reportStyle } from './report-style.ts'
import { ratesOf } from './view.ts'

/** Some seconds: it is the run of things that is to be seen, not each commit. */
const looksOfRate = 8

export const reportOf = (record: DemoRecord): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>K2: how it failed and came back</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
${header(record)}
${section('Verdict', verdict(record))}
${section('Figures', figures(record))}
${section('What happened', charts(record))}
${section('Every change of the level', transitions(record))}
${section('What was done', actsOf(record))}
${footer(record)}
</main>
</body>
</html>
`

const section = (title: string, body: string): string =>
  `<section>\n<h2>${escaped(title)}</h2>\n${body}\n</section>`

const endOf = ({ ending }: DemoRecord): string => {
  if (ending.type === 'finished') return 'finished'
  return ending.type === 'running' ? 'is still running' : `was broken off: ${ending.why}`
}

const header = (record: DemoRecord): string => {
  const isHeld = isAllHeld(record)
  const { ending, variant, startedMs, endedMs } = record
  const headline = isHeld
    ? 'Every promise held'
    : ending.type === 'finished'
      ? 'A promise was broken'
      : `The run ${endOf(record)}`
  const what = variant === 'kafka' ? 'Kafka was killed in the midst of it' : 'K2 was killed in it'
  const isKilled = record.moments.killedMs !== undefined
  const story = isKilled ? `A flooded market, and ${what}.` : `It came to: ${record.act}.`
  const seconds = endedMs === undefined ? '' : `, ${Math.round((endedMs - startedMs) / 1_000)} s`
  return `<header>
<p class="name">K2, the resilience demonstration</p>
<h1 class="${isHeld ? 'held' : 'broken'}">${escaped(headline)}</h1>
<p>${escaped(story)} ${dateOf(startedMs)}${seconds}, seed ${record.seed}.</p>
</header>`
}

const dateOf = (ms: number): string =>
  `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`

const verdict = (record: DemoRecord): string => {
  const rows = promisesOf(record).map(
    ({ promise, outcome, detail }: Kept) =>
      `<tr><td><span class="badge ${outcome.replace(' ', '-')}">${outcome}</span></td>` +
      `<td>${escaped(promise)}</td><td>${escaped(detail)}</td></tr>`
  )
  const examples = record.found?.examples ?? []
  const list = examples.map((text) => `<li>${escaped(text)}</li>`).join('')
  return (
    `<div class="wide"><table class="verdict">${rows.join('')}</table></div>` +
    (list === '' ? '' : `<p>The oracle found:</p><ul class="examples">${list}</ul>`)
  )
}

const figures = (record: DemoRecord): string => {
  const shown = figuresOf(record).map(
    ({ name, value, about }) =>
      `<div><dt>${escaped(name)}</dt><dd>${escaped(value ?? '–')}</dd>` +
      `<p>${escaped(value === null ? 'did not come to it' : about)}</p></div>`
  )
  return `<dl>${shown.join('')}</dl>${loadText(record)}`
}

const loadText = ({ capacity, rates }: DemoRecord): string => {
  if (capacity === undefined || rates === undefined) return ''
  const { calm, flood } = rates
  return `<p>The tables lie behind a line of ${count(capacity.lineBytesPerSecond)} bytes/s, through
which about ${count(capacity.perSecond)} trades land per second; that was measured, and states the
flood: ${count(totalOf(calm))} trades/s at ease, ${count(totalOf(flood))} in the flood, of which
${count(flood[1])} are of tier 1, ${count(flood[2])} of tier 2 and ${count(flood[3])} of tier 3. No
pressure was injected.</p>`
}

const charts = (record: DemoRecord): string => {
  const { samples, marks, startedMs } = record
  const [first] = samples
  const last = samples.at(-1)
  if (first === undefined || last === undefined) return '<p>Nothing was seen.</p>'
  const span: Span = {
    originMs: startedMs,
    fromMs: first.atMs,
    toMs: last.atMs,
    faults: marks.filter(({ kind }) => kind === 'fault' || kind === 'mended')
  }
  const drawn = chartsOf(record).map((chart) => {
    const names = chart.lines.map(({ name, color }) => `<span class="${color}">${name}</span>`)
    const legend = chart.lines.length > 1 ? `<span class="legend">${names.join('')}</span>` : ''
    const title = `${escaped(chart.title)} <small>${escaped(chart.unit)}</small>`
    return `<figure><figcaption>${title}${legend}</figcaption>${svgOf(chart, span)}</figure>`
  })
  const legend = span.faults.map(
    ({ kind, text, atMs }) =>
      `<li class="${kind}">${clock(atMs - startedMs)} ${escaped(text)}</li>`
  )
  return `<ul class="faults">${legend.join('')}</ul>${drawn.join('')}`
}

const chartsOf = ({ samples }: DemoRecord): readonly Chart[] => {
  const line = (name: string, color: Line['color'], of: (sample: Sample) => number | null) => ({
    name,
    color,
    points: samples.map((sample) => ({ atMs: sample.atMs, value: of(sample) }))
  })
  const rate = (name: string, color: Line['color'], of: (sample: Sample) => number | null) => {
    const rates = ratesOf(samples, of, looksOfRate)
    const points = rates.map((value, index) => ({ atMs: samples[index + 1]!.atMs, value }))
    return { name, color, points }
  }
  const mebibytes = (value: number | null) => (value === null ? null : value / 1_024 ** 2)
  const signal = (name: string) => (sample: Sample) =>
    sample.signals.find((it) => it.name === name)?.value ?? null
  return [
    {
      title: 'Level',
      unit: 'as K2 says it',
      steps: levels,
      lines: [line('level', 'a', ({ level }) => (level === null ? null : levels.indexOf(level)))]
    },
    {
      title: 'Overdue lag',
      unit: 'trades',
      lines: [line('lag', 'a', signal('lag:trades'))],
      marks: marksOf(samples, 'lag:trades', 1)
    },
    {
      title: 'Memory in use',
      unit: 'MiB',
      lines: [line('memory', 'a', (sample) => mebibytes(memoryOf(sample)))],
      marks: marksOf(samples, 'memory', 1_024 ** 2)
    },
    {
      title: 'Trades',
      unit: 'per second',
      lines: [
        rate('issued', 'a', ({ issued }) => issued),
        rate('landed', 'b', ({ k2 }) => k2?.landed ?? null),
        rate('shed', 'c', ({ k2 }) => k2?.shed ?? null)
      ]
    },
    {
      title: 'Spool',
      unit: 'trades that wait for the log',
      lines: [line('spool', 'a', ({ k2 }) => k2?.spoolRecords ?? null)]
    },
    {
      title: 'Missing and healed',
      unit: 'trades',
      lines: [
        line('missing', 'a', ({ k2 }) => k2?.openGaps ?? null),
        line('healed', 'b', ({ k2 }) => k2?.healed ?? null)
      ]
    },
    {
      title: 'Answer to a query',
      unit: 'ms',
      lines: [line('query', 'a', ({ queryMs }) => queryMs)]
    }
  ]
}

const marksOf = (samples: readonly Sample[], name: string, per: number) => {
  const seen = samples.flatMap(({ signals }) => signals.filter((it) => it.name === name)).at(-1)
  return (seen?.enter ?? []).flatMap((value, index) =>
    value === null ? [] : [{ value: value / per, name: levels[index + 1] ?? '' }]
  )
}

const transitions = ({ transitions: changes, startedMs }: DemoRecord): string => {
  if (changes.length === 0) return '<p>The level did not change.</p>'
  const rows = changes.map(
    ({ atMs, from, to, reason, action }: Transition) =>
      `<tr><td>${clock(atMs - startedMs)}</td><td>${from} → <b>${to}</b></td>` +
      `<td>${escaped(reason)}<br><small>${escaped(action)}</small></td></tr>`
  )
  return `<div class="wide"><table>${rows.join('')}</table></div>`
}

const actsOf = ({ marks, startedMs }: DemoRecord): string => {
  const rows = marks.map(
    ({ atMs, kind, text }) =>
      `<tr class="${kind}"><td>${clock(atMs - startedMs)}</td><td>${escaped(text)}</td></tr>`
  )
  return `<div class="wide"><table>${rows.join('')}</table></div>`
}

const footer = ({ variant, seed, isFast, episodeFile }: DemoRecord): string => {
  const flags = [
    ...(variant === 'embedded' ? ['--embedded'] : []),
    ...(isFast ? ['--fast'] : []),
    `--seed ${seed}`
  ].join(' ')
  const name = escaped(episodeFile ?? '')
  const episode =
    episodeFile === undefined
      ? ''
      : `<p>Every moment of it, to be looked at again: save <a href="${name}" download>${name}</a>,
start a K2 (<code>npm start</code>) and open the file on its page.</p>`
  return `<footer>${episode}<p>Again: <code>npm run demo -- ${flags}</code>. The table was held
against the exchange's own record by chaos/oracle, without K2: icebird names its files, DuckDB reads
them.</p>
</footer>`
}

const clock = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
