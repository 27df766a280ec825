import { readdirSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Registry } from 'prom-client'
import {
  counter,
  type Declaration,
  gauge,
  histogram,
  type Labels,
  type MetricKind,
  type NameSet
} from '../../../src/adapters/telemetry/declaration.ts'
import { methodLabel } from '../../../src/adapters/telemetry/label-sets.ts'
import {
  type Metrics,
  metricsByComponent,
  openMetrics
} from '../../../src/adapters/telemetry/metrics.ts'
import { recorderOf } from '../../../src/adapters/telemetry/recorder.ts'

const declarations: ReadonlyArray<readonly [string, Declaration<MetricKind, Labels>]> =
  Object.values(metricsByComponent).flatMap((group) => Object.entries(group))

const valuesOf = async ({ registry }: { readonly registry: Registry }, name: string) =>
  (await registry.getSingleMetric(name)!.get()).values

describe('declarations', () => {
  test('each has a name of its own in base units, and says what it is', () => {
    const names = declarations.map(([, { name }]) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const [, { name, kind, help, unit, buckets }] of declarations) {
      expect(name).toMatch(/^k2_[a-z0-9]+(?:_[a-z0-9]+)*$/)
      expect(help).toMatch(/^[^a-z].*\.$/)
      expect(name.endsWith('_total'), name).toBe(kind === 'counter')
      for (const base of ['seconds', 'bytes'] as const) {
        if (unit === base) expect(name).toMatch(new RegExp(`_${base}(?:_total)?$`))
        else expect(name).not.toMatch(new RegExp(`_${base}(?:_total)?$`))
      }
      expect(buckets, name).toEqual([...buckets].sort((a, b) => a - b))
      expect(buckets.length > 0, name).toBe(kind === 'histogram')
    }
  })

  test('labels are closed sets, or names of a set with a bound; symbols are none', () => {
    for (const [, { name, labels }] of declarations) {
      for (const [label, set] of Object.entries(labels)) {
        expect(label, name).toMatch(/^[a-z][a-z_]*$/)
        expect(['symbol', 'symbols', 'path', 'id'], name).not.toContain(label)
        if ('namesMax' in set) expect(set.namesMax, name).toBeLessThanOrEqual(512)
        else expect(new Set(set).size, name).toBe(set.length)
      }
    }
  })

  test('every one is recorded somewhere in src', () => {
    const sources = (readdirSync('src', { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts'))
      .filter((name) => !/^adapters\/telemetry\/\w+-metrics\./.test(name))
      .map((name) => readFileSync(`src/${name}`, 'utf8'))
      .join('\n')
    const keys = declarations.map(([key]) => key)
    expect(keys.filter((key) => !new RegExp(`\\.${key}\\b`).test(sources))).toEqual([])
  })
})

test('all are exposed, with their help', async () => {
  const { metrics, registry } = openMetrics()
  metrics.published.inc({ topic: 't' }, 5)
  const body = await registry.metrics()
  expect(body).toContain('k2_published_records_total{topic="t"} 5')
  for (const [, { name, help }] of declarations) expect(body).toContain(`# HELP ${name} ${help}`)
})

/** Compiled, never run: what is wrong must not compile. */
const wrong = (metrics: Metrics): void => {
  // @ts-expect-error: there is no such metric
  metrics.feedFrame.inc({ feed: 'f', kind: 'trade' })
  // @ts-expect-error: no such label
  metrics.feedFrames.inc({ feed: 'f', sort: 'trade' })
  // @ts-expect-error: a label is missing
  metrics.feedFrames.inc({ feed: 'f' })
  // @ts-expect-error: a label too many
  metrics.feedFrames.inc({ feed: 'f', kind: 'trade', symbol: 'BTCUSDT' })
  // @ts-expect-error: no such value of a closed set
  metrics.feedFrames.inc({ feed: 'f', kind: 'trades' })
  // @ts-expect-error: some text is none of a closed set
  metrics.feedFrames.inc({ feed: 'f', kind: String(1) })
  // @ts-expect-error: it has labels
  metrics.feedFrames.inc(1)
  // @ts-expect-error: it has none
  metrics.degradationLevel.set({ level: 'soft' }, 1)
  // @ts-expect-error: a counter is not set
  metrics.published.set({ topic: 't' }, 1)
  // @ts-expect-error: a gauge is not observed
  metrics.spoolBytes.observe(1)
  // @ts-expect-error: a name of a counter ends in _total
  counter('k2_things', { help: 'Things.', unit: '1' })
}

test('what is wrong does not compile', () => {
  expect(wrong).toBeTypeOf('function')
})

const opened = () => {
  const names: NameSet = { what: 'things', namesMax: 3 }
  const refused: string[] = []
  const registry = new Registry()
  const context = {
    registry,
    names: new Map(),
    refuse: (metric: string, reason: string) => void refused.push(`${metric} ${reason}`)
  }
  const kind = ['a', 'b'] as const
  const facts = { help: 'For a test.', unit: '1', labels: { name: names, kind } } as const
  return {
    registry,
    refused,
    count: recorderOf(counter('k2_count_total', facts), context),
    level: recorderOf(gauge('k2_level', facts), context),
    took: recorderOf(histogram('k2_took', { ...facts, buckets: [1, 2] }), context)
  }
}

describe('recording', () => {
  test('counts, sets, and observes; what is removed is gone', async () => {
    const it = opened()
    it.count.inc({ name: 'x', kind: 'a' })
    it.count.inc({ name: 'x', kind: 'a' }, 4)
    it.level.set({ name: 'x', kind: 'a' }, -1)
    it.level.inc({ name: 'x', kind: 'a' }, 3)
    it.level.dec({ name: 'x', kind: 'a' })
    it.level.set({ name: 'x', kind: 'b' }, 7)
    it.level.remove({ name: 'x', kind: 'b' })
    it.took.observe({ name: 'x', kind: 'a' }, 1.5)
    const labels = { name: 'x', kind: 'a' }
    expect(await valuesOf(it, 'k2_count_total')).toEqual([{ labels, value: 5 }])
    expect(await valuesOf(it, 'k2_level')).toEqual([{ labels, value: 1 }])
    const buckets = (await valuesOf(it, 'k2_took')).map(({ value }) => value)
    expect(buckets).toEqual([0, 1, 1, 1.5, 1])
    it.level.reset()
    expect(await valuesOf(it, 'k2_level')).toEqual([])
    expect(it.refused).toEqual([])
  })

  test('a total that is counted elsewhere: one that is less begins anew', async () => {
    const it = opened()
    const labels = { name: 'x', kind: 'a' } as const
    const seen: number[] = []
    for (const total of [7, 7, 9, 2, 3]) {
      it.count.advanceTo(labels, total)
      seen.push(...(await valuesOf(it, 'k2_count_total')).map(({ value }) => value))
    }
    expect(seen).toEqual([7, 7, 9, 2, 3])
  })

  test('what cannot be recorded is counted as refused, and never throws', async () => {
    const it = opened()
    const labels = { name: 'x', kind: 'a' } as const
    for (const odd of [NaN, Infinity, -1]) it.count.inc(labels, odd)
    it.count.advanceTo(labels, NaN)
    it.level.set(labels, NaN)
    it.took.observe(labels, -Infinity)
    expect(it.refused).toEqual([
      ...Array.from({ length: 4 }, () => 'k2_count_total value'),
      'k2_level value',
      'k2_took value'
    ])
    for (const name of ['k2_count_total', 'k2_level', 'k2_took'])
      expect(await valuesOf(it, name)).toEqual([])
  })

  test('a label that is none of its set is other', async () => {
    const it = opened()
    it.count.inc({ name: 'x', kind: 'c' as 'a' })
    it.count.inc({ name: 'x', kind: 'd' as 'a' })
    it.count.inc({ name: undefined as unknown as string, kind: 'a' })
    it.count.inc(undefined as never)
    expect(await valuesOf(it, 'k2_count_total')).toEqual([
      { labels: { name: 'x', kind: 'other' }, value: 2 },
      { labels: { name: 'other', kind: 'a' }, value: 1 },
      { labels: { name: 'other', kind: 'other' }, value: 1 }
    ])
    expect(it.refused.length).toBe(5)
  })

  test('names beyond their bound are other, whichever metric they come by', async () => {
    const it = opened()
    for (const name of ['x', 'y', 'z', 'u', 'x']) it.level.set({ name, kind: 'a' }, 1)
    it.count.inc({ name: 'v', kind: 'a' })
    const named = (await valuesOf(it, 'k2_level')).map(({ labels }) => labels['name'])
    expect(named).toEqual(['x', 'y', 'z', 'other'])
    expect(await valuesOf(it, 'k2_count_total')).toMatchObject([{ labels: { name: 'other' } }])
    expect(it.refused).toEqual(['k2_level names', 'k2_count_total names'])
  })
})

test('10,000 odd names add no series beyond the bounds, whatever they are names of', async () => {
  const { metrics, registry } = openMetrics()
  const odd = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), { numRuns: 10_000, seed: 1 })
  const all = metrics as unknown as Record<string, Record<string, (...args: unknown[]) => void>>
  for (const [key, { labels, kind }] of declarations) {
    if (key === 'refusedRecordings') continue
    const record = { counter: 'inc', gauge: 'set', histogram: 'observe' }[kind]
    const names = Object.keys(labels)
    for (const value of odd) {
      const given = Object.fromEntries(names.map((name) => [name, value]))
      all[key]![record]!(...(names.length === 0 ? [] : [given]), 1)
    }
  }
  for (const [, { name, labels }] of declarations) {
    const bound = Math.max(
      1,
      ...Object.values(labels).map((set) => ('namesMax' in set ? set.namesMax : set.length))
    )
    const series = new Set(
      (await valuesOf({ registry }, name)).map(({ labels: { le: _le, ...of } }) =>
        JSON.stringify(of)
      )
    )
    // Of odd names that are given to all labels at once, and `other`.
    expect(series.size, name).toBeLessThanOrEqual(bound + 1)
  }
  const refused = await valuesOf({ registry }, 'k2_telemetry_refused_total')
  expect(refused.find(({ labels }) => labels['metric'] === 'k2_feed_frames_total')).toBeDefined()
}, 60_000)

test('every combination of names has a bound, too', async () => {
  const { metrics, registry } = openMetrics()
  for (let topic = 0; topic < 64; topic++) {
    for (let partition = 0; partition < 512; partition++) {
      metrics.logLagAge.set({ topic: `t${topic}`, partition: `${partition}` }, 1)
    }
  }
  expect((await valuesOf({ registry }, 'k2_log_lag_age_seconds')).length).toBe(2_001)
})

test.each([['GET', 'GET'], ['PURGE', 'other'], ['get', 'other'], ['', 'other']])(
  'method %j is recorded as %s',
  (method, label) => {
    expect(methodLabel(method)).toBe(label)
  }
)
