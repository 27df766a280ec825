/** `docs/metrics.md`, from what the metrics say of themselves. */
import type { Declaration, Labels, MetricKind } from '../src/adapters/telemetry/declaration.ts'
import { metricsByComponent } from '../src/adapters/telemetry/metrics.ts'
import { partSignals } from './part-signals.ts'
import { seedMetrics } from './seed-metrics.ts'

type AnyDeclaration = Declaration<MetricKind, Labels>

export const metricDocs = (): string => `# Metrics

Generated from the declarations by \`npm run generate\`. Do not edit.

Every process of K2 exposes these at \`GET /metrics\`, whatever its \`K2_ROLES\` are;
\`k2 metrics\` shows them. A label has the values that stand here, or names of a set that is
bounded: what is beyond the bound, or none of the values, is counted as \`other\`, and by
\`k2_telemetry_refused_total\`. Symbols are never a label. A metric has at most 2,000 series.

${Object.entries(metricsByComponent)
  .map(([component, metrics]) => section(component, Object.values(metrics)))
  .join('\n')}
## What each part tells

| part | rate | errors | duration | saturation |
|---|---|---|---|---|
${Object.entries(partSignals)
  .map(([part, { rate, errors, duration, saturation }]) =>
    `| ${[part, ...[rate, errors, duration, saturation].map(names)].join(' | ')} |`
  )
  .join('\n')}

## Names of the seed

What became of the metrics of the Python system that K2 follows. A name is kept where it means
the same; \`k2_kafka_…\` are there only where Kafka is the log, since the embedded log has no
broker: what holds for either log is named \`k2_published_…\` and \`k2_log_…\`. Its standard
labels (service, environment, component, asset class) are for the scraper to add.

| there | here |
|---|---|
${Object.entries(seedMetrics)
  .map(([name, decision]) => `| \`${name}\` | ${cell(decision)} |`)
  .join('\n')}
`

const section = (component: string, metrics: readonly AnyDeclaration[]): string => `## ${component}

| metric | type, unit | labels | |
|---|---|---|---|
${metrics.map(row).join('\n')}
`

const row = ({ name, kind, unit, labels, help }: AnyDeclaration): string => {
  const what = unit === '1' ? kind : `${kind}, ${unit}`
  const of = Object.entries(labels).map(([label, set]) => `\`${label}\`: ${valuesOf(set)}`)
  return `| \`${name}\` | ${what} | ${of.join('<br>')} | ${cell(help)} |`
}

const names = (list: string): string =>
  list.split(', ').map((name) => `\`${name}\``).join(', ')

const valuesOf = (set: Labels[string]): string =>
  'namesMax' in set ? `${set.what} (≤ ${set.namesMax})` : set.join(', ')

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`)
