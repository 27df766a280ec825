import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { metricDocs } from '../../../scripts/metric-docs.ts'
import { partSignals } from '../../../scripts/part-signals.ts'
import { seedMetrics } from '../../../scripts/seed-metrics.ts'
import { metricsByComponent } from '../../../src/adapters/telemetry/metrics.ts'

const names = new Set(
  Object.values(metricsByComponent).flatMap((group) =>
    Object.values(group).map(({ name }): string => name)
  )
)

test('docs/metrics.md is what the metrics say of themselves (npm run generate)', () => {
  const page = new URL('../../../docs/metrics.md', import.meta.url)
  expect(readFileSync(page, 'utf8')).toBe(metricDocs())
})

test('of each metric of the seed: kept under its name, or what has its place is there', () => {
  expect(Object.keys(seedMetrics).length).toBe(56)
  for (const [name, decision] of Object.entries(seedMetrics)) {
    if (decision.startsWith('kept')) expect(names, name).toContain(`k2_${name}`)
    else expect(names, name).not.toContain(`k2_${name}`)
    for (const [other] of decision.matchAll(/\bk2_[a-z_]+[a-z]\b/g)) expect(names).toContain(other)
  }
})

test('each part tells its rate, errors, duration and saturation by metrics that are there', () => {
  expect(Object.keys(partSignals).length).toBe(13)
  for (const [part, signals] of Object.entries(partSignals)) {
    for (const list of Object.values(signals)) {
      for (const name of list.split(', ')) expect(names, part).toContain(name)
    }
  }
})
