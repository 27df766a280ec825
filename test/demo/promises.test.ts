import { describe, expect, test } from 'vitest'
import type { Verdict } from '../../chaos/oracle/verdict.ts'
import { figuresOf } from '../../demo/figures.ts'
import { foundOf } from '../../demo/judge.ts'
import { isAllHeld, promisesOf } from '../../demo/promises.ts'
import { type DemoRecord, newRecord } from '../../demo/record.ts'
import { changeAt, goodRecord, memorySignal, sampleAt, startMs } from './support/record.ts'

const good = goodRecord()
const found = good.found!

test('a run in which everything held', () => {
  expect(promisesOf(good).filter(({ outcome }) => outcome !== 'held')).toEqual([])
  expect(isAllHeld(good)).toBe(true)
})

/** What is not as it should be, and the promise that this breaks. */
const violations: readonly (readonly [string, Partial<DemoRecord>, RegExp])[] = [
  ['a lost trade', { found: { ...found, lost: 1, landed: found.landed - 1 } }, /^Zero lost/],
  ['a trade that only the count knows of', { found: { ...found, landed: 399_999 } }, /^Zero lost/],
  ['a trade twice', { found: { ...found, duplicate: 1, landed: 400_001 } }, /^Zero duplicate/],
  ['another price', { found: { ...found, wrong: 1 } }, /^Nothing altered/],
  ['an empty table', { found: { ...found, landed: 0 } }, /^Zero lost/],
  ['tier 1 shed', { tier1ShedGaps: 1 }, /^Tier 1 is never shed/],
  ['a level that was not reached', { transitions: good.transitions.slice(0, 2) }, /^Load alone/],
  [
    'injected pressure',
    { transitions: [...good.transitions, changeAt(70, 'normal', 'soft', { signal: 'injected' })] },
    /^Load alone/
  ],
  [
    'a step left out on the way back',
    {
      transitions: [
        ...good.transitions.slice(0, 3),
        changeAt(55, 'aggressive', 'soft', { kind: 'recovered' })
      ]
    },
    /^It recovers one level/
  ],
  ['never normal again', { moments: { ...good.moments, stableMs: undefined! } }, /^It recovers/],
  ['gaps that stay', { moments: { ...good.moments, healedMs: undefined! } }, /^What was let go/],
  [
    'a query without an answer',
    { samples: [...good.samples.slice(0, 3), sampleAt(35, { queryMs: null }), good.samples[3]!] },
    /^Queries are answered/
  ],
  [
    'nothing in the spool',
    { samples: good.samples.map((it) => ({ ...it, k2: { ...it.k2!, spooled: 10 } })) },
    /^Tier 1 keeps flowing/
  ],
  [
    'too much memory',
    { samples: [...good.samples, sampleAt(102, { signals: [memorySignal(306)] })] },
    /^Memory in use/
  ],
  ['a process that died', { unexpectedEnds: ['K2 ended by itself (SIGKILL)'] }, /^No process ends/]
]

test.each(violations)('%s breaks its promise, and that one alone', (_, change, promise) => {
  const record = goodRecord(change)
  const broken = promisesOf(record).filter(({ outcome }) => outcome === 'broken')
  expect(broken.map((it) => it.promise)).toContainEqual(expect.stringMatching(promise))
  expect(broken.length).toBeLessThanOrEqual(3)
  expect(isAllHeld(record)).toBe(false)
})

describe('a run that was broken off', () => {
  const began = newRecord({ variant: 'kafka', seed: 7, isFast: true, startedMs: startMs })

  test('before it began has tried nothing, and held nothing', () => {
    const record = { ...began, ending: { type: 'broken_off', why: 'SIGINT' } as const }
    expect(new Set(promisesOf(record).map(({ outcome }) => outcome))).toEqual(
      new Set(['not tried'])
    )
    expect(isAllHeld(record)).toBe(false)
    expect(figuresOf(record).filter(({ value }) => value !== null)).toEqual([])
  })

  test('at its very end, with everything held, is none that passed', () => {
    const record = goodRecord({ ending: { type: 'broken_off', why: 'SIGINT' } })
    expect(isAllHeld(record)).toBe(false)
  })
})

test('without Kafka, what is promised is that K2 comes back', () => {
  const record = goodRecord({ variant: 'embedded' })
  const names = promisesOf(record).map(({ promise }) => promise)
  expect(names.some((name) => name.includes('Kafka'))).toBe(false)
  expect(promisesOf(record)).toContainEqual(
    expect.objectContaining({ promise: expect.stringContaining('comes back'), outcome: 'held' })
  )
})

test('figures are times between what was seen', () => {
  const values = Object.fromEntries(figuresOf(good).map(({ name, value }) => [name, value]))
  expect(values).toMatchObject({
    'Flood detected': '4.0 s',
    'To aggressive': '9.0 s',
    'Log away': '16.0 s',
    Stable: '25.0 s',
    Healed: '35.0 s',
    'To be healed': '150,000',
    'The same at Binance': '47 s',
    'Weight announced here': '6,250/min',
    'Spool, peak': '3.0 MiB'
  })
})

test.each([
  ['its circuit opens', { name: 'circuit:trades', value: 1, isStale: false }, '3.0 s'],
  ['its lag is stale', { name: 'lag:trades', value: 7, isStale: true }, '3.0 s'],
  ['nothing of that', { name: 'lag:trades', value: 7, isStale: false }, undefined]
])('a dead Kafka is noticed once %s', (_, change, expected) => {
  const signals = [{ ...change, enter: [], unit: 'records' }]
  const figures = figuresOf(goodRecord({ samples: [sampleAt(20), sampleAt(35, { signals })] }))
  const found = figures.find(({ name }) => name === 'Dead Kafka detected')
  expect(found?.value ?? undefined).toBe(expected)
})

describe('what the oracle found', () => {
  const none = { count: 0, examples: [] }
  const verdict: Verdict = {
    ok: true, issued: 100, logged: 0, landed: 90, explained: { before_first_delivery: 10 },
    classes: {
      lost: none, duplicate: none, 'unexplained-hole': none, 'wrong-value': none,
      'wrong-partition': none
    }
  }

  test('nothing is wrong', () => {
    expect(foundOf(verdict)).toMatchObject({
      issued: 100, landed: 90, beforeFirst: 10, lost: 0, duplicate: 0, wrong: 0
    })
  })

  test('an explanation is no excuse: what is missing was not healed', () => {
    const explained = { before_first_delivery: 10, not_delivered: 2, connection_ended: 1 }
    expect(foundOf({ ...verdict, explained })).toMatchObject({
      lost: 3,
      examples: ['2 are missing: not_delivered', '1 are missing: connection_ended']
    })
  })

  test('each class counts', () => {
    const one = { count: 1, examples: ['it'] }
    const classes = { ...verdict.classes, 'unexplained-hole': one, 'wrong-partition': one }
    expect(foundOf({ ...verdict, classes })).toMatchObject({ lost: 1, wrong: 1 })
  })
})
