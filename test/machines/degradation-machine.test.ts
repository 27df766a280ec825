import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph'
import {
  type DegradationEvent,
  degradationMachine
} from '../../src/machines/degradation-machine.ts'
import { type DegradationInput, historyMax } from '../../src/machines/degradation-rules.ts'
import {
  type IngestPolicy,
  type Level,
  levels,
  policyOf
} from '../../src/machines/ingest-policy.ts'
import { nameOf, type Reading, type Signal } from '../../src/machines/pressure-marks.ts'
import {
  allSignals,
  cooldownMs,
  presets,
  type Pressures,
  readingsOf,
  runOf
} from './support/degradation.ts'

const rankOf = (level: Level): number => levels.indexOf(level)

/** Signals that raise the level by one sample alone, with the name of their reading. */
const plain = [
  'memory', 'in_flight:trades', 'spool', 'disk', 'retention', 'loop_delay', 'circuit:trades',
  'injected'
].map((name) => [name, presets.marks[name.split(':')[0] as Signal]] as const)

const below = (mark: number): number => mark - mark / 1_000_000

describe('thresholds', () => {
  const entering = plain.flatMap(([name, { enter }]) =>
    enter.flatMap((mark, index) =>
      mark === null ? [] : [[name, levels[index + 1]!, mark] as const]
    )
  )

  test('every signal has marks of at least one level', () => {
    expect(new Set(entering.map(([name]) => name)).size).toBe(plain.length)
    expect(entering.length).toBeGreaterThan(20)
  })

  test.each(entering)('%s enters %s at %d, and not below', (name, level, mark) => {
    const one = runOf()
    one.sample({})
    expect(one.sample({ [name]: below(mark) })).toBe(levels[rankOf(level) - 1])
    expect(one.sample({ [name]: mark })).toBe(level)
    const other = runOf()
    other.sample({})
    expect(other.sample({ [name]: mark })).toBe(level)
  })

  const leaving = plain.flatMap(([name, { enter, leave }]) =>
    leave.flatMap((mark, index) =>
      mark === null ? [] : [[name, levels[index + 1]!, mark, enter[index]!] as const]
    )
  )

  test.each(leaving)('%s leaves %s below %d, and not at it', (name, level, mark, enter) => {
    const run = runOf()
    run.sample({})
    expect(run.sample({ [name]: enter })).toBe(level)
    expect(run.sample({ [name]: mark }, { afterMs: 10 * cooldownMs })).toBe(level)
    expect(run.sample({ [name]: below(mark) })).toBe(levels[rankOf(level) - 1])
  })

  test.each(leaving)('%s leaves %s once the cooldown is over, and not before', (name, level) => {
    const run = runOf()
    run.sample({})
    const enter = presets.marks[name.split(':')[0] as Signal].enter[rankOf(level) - 1]!
    run.sample({ [name]: enter })
    expect(run.sample({}, { afterMs: cooldownMs - 1 })).toBe(level)
    expect(run.sample({}, { afterMs: 1 })).toBe(levels[rankOf(level) - 1])
  })

  test('every level is left for the one below, each after a cooldown of its own', () => {
    const run = runOf()
    run.sample({})
    run.sample({ memory: 1 })
    const path = Array.from({ length: 5 }, () => run.sample({}, { afterMs: cooldownMs }))
    expect(path).toEqual(['aggressive', 'graceful', 'soft', 'normal', 'normal'])
  })

  test('a level is left when all signals are below its mark, whichever entered it', () => {
    const run = runOf()
    run.sample({})
    run.sample({ memory: 0.85 })
    expect(run.sample({ spool: 0.4 }, { afterMs: cooldownMs })).toBe('graceful')
    expect(run.sample({ spool: 0.39 })).toBe('soft')
  })
})

describe('lag (R25)', () => {
  const { enter, leave } = presets.marks.lag

  test.each([0, 1, 2])('enters level %d at its mark by one sample', (index) => {
    const run = runOf()
    run.sample({})
    expect(run.sample({ 'lag:trades': enter[index]! - 1 })).toBe(levels[index])
    expect(run.sample({ 'lag:trades': enter[index]! })).toBe(levels[index + 1])
  })

  test.each([0, 1, 2, 3])('leaves level %d below its mark', (index) => {
    const run = runOf()
    run.sample({})
    for (let n = 0; n < 3; n++) run.sample({ 'lag:trades': enter[index]! })
    const level = levels[index + 1]!
    expect(run.level()).toBe(level)
    expect(run.sample({ 'lag:trades': leave[index]! }, { afterMs: 10 * cooldownMs })).toBe(level)
    expect(run.sample({ 'lag:trades': leave[index]! - 1 })).toBe(levels[index])
  })

  test('level 4 needs three samples in a row; one below, or one unknown, begins anew', () => {
    const top = enter[3]!
    for (const between of [top - 1, null, 'stale'] as const) {
      const run = runOf()
      run.sample({})
      const lags = [top, top, between, top, top, top]
      const path = lags.map((lag) => run.sample({ 'lag:trades': lag }))
      expect(path).toEqual([
        ...Array.from({ length: 5 }, () => 'aggressive'),
        'circuitBreak'
      ])
    }
  })

  test('a lag that fell in each of the last three samples never raises', () => {
    const run = runOf({ signals: [{ signal: 'lag', dataType: 'trades' }, { signal: 'injected' }] })
    const backlog = [5_000_000, 4_900_000, 4_800_000, 4_700_000]
    run.sample({ 'lag:trades': backlog[0]! }, { hasCaughtUp: false })
    for (const lag of backlog.slice(1)) {
      expect(run.sample({ 'lag:trades': lag }, { hasCaughtUp: false })).toBe('normal')
    }
    // It has fallen three times by now, so that it may not raise once the lander has caught up.
    expect(run.sample({ 'lag:trades': 4_600_000 })).toBe('normal')
    expect(run.sample({ 'lag:trades': 4_600_000 })).toBe('aggressive')
  })

  test('until the lander has caught up once, only a lag raises that is above all it was', () => {
    const run = runOf({ lagTrendMs: 5_000 })
    // What was not watched for so long is not known to rise.
    const rising = [520_000, 530_000, 600_000]
    const sawing = [550_000, 590_000, 540_000, 580_000, 599_999]
    for (const lag of [...rising, ...sawing]) {
      expect(run.sample({ 'lag:trades': lag }, { hasCaughtUp: false })).toBe('normal')
    }
    expect(run.sample({ 'lag:trades': 610_000 }, { hasCaughtUp: false })).toBe('graceful')
  })

  test('the same measurement is not three samples', () => {
    const sample = (ageMs: number) =>
      readingsOf({}).map((reading) =>
        nameOf(reading) === 'lag:trades' ? { ...reading, value: 6_000_000, ageMs } : reading
      )
    const actor = createActor(degradationMachine, { input: presets }).start()
    actor.send({ type: 'pressure.sampled', atMs: 0, readings: readingsOf({}) })
    for (const ageMs of [0, 250, 500, 750]) {
      actor.send({ type: 'pressure.sampled', atMs: 1_000 + ageMs, readings: sample(ageMs) })
    }
    expect(actor.getSnapshot().value).toBe('aggressive')
    expect(actor.getSnapshot().context.trends['lag:trades']).toMatchObject({ tops: 1 })
  })

  test('the scenario that made the rule: 5 M backlog, landed faster than it grows', () => {
    const run = runOf()
    // Lands 60,000 a second in commits of 131,072; 20,000 a second arrive.
    let lag = 5_000_000
    let unlanded = 0
    const path = new Set<Level>()
    for (let second = 0; second < 125; second++) {
      lag += 20_000
      unlanded += 60_000
      if (unlanded >= 131_072) {
        lag = Math.max(0, lag - unlanded)
        unlanded = 0
      }
      path.add(run.sample({ 'lag:trades': lag }, { hasCaughtUp: lag < 20_000 }))
    }
    expect([...path]).toEqual(['normal'])
  })
})

describe('quotes (R34)', () => {
  test('their lag acts on them alone, by a ladder of its own', () => {
    const run = runOf()
    run.sample({})
    expect(run.sample({ 'lag:quotes': 1_000_000 })).toBe('normal')
    const { policy, history } = run.context()
    expect(policy).toEqual({
      ...policyOf('normal'),
      quotesTaken: { 1: 0, 2: 0, 3: 0 },
      areQuotesConflated: true
    })
    expect(history).toMatchObject([
      { scope: 'quotes', from: 'normal', to: 'aggressive', signal: 'lag:quotes' }
    ])
    run.sample({}, { afterMs: cooldownMs })
    expect(run.context().quotes.rank).toBe(2)
    expect(run.level()).toBe('normal')
  })

  test('that of trades acts on quotes as well', () => {
    const run = runOf()
    run.sample({})
    run.sample({ 'lag:trades': 600_000 })
    expect(run.context().policy).toEqual(policyOf('graceful'))
  })

  test('an unknown lag of quotes holds nothing but their own ladder', () => {
    const run = runOf()
    run.sample({})
    run.sample({ memory: 0.75 })
    expect(run.sample({ 'lag:quotes': null }, { afterMs: cooldownMs })).toBe('normal')
  })
})

describe('stale and unknown', () => {
  const names = allSignals
    .map(nameOf)
    .filter((name) => name !== 'lag:quotes' && name !== 'resident')

  test.each(names.flatMap((name) => [[name, null] as const, [name, 'stale'] as const]))(
    '%s: %s freezes the way down and raises nothing',
    (name, state) => {
      const run = runOf()
      run.sample({})
      expect(run.sample({ [name]: state })).toBe('normal')
      const other = name === 'memory' ? 'spool' : 'memory'
      run.sample({ [other]: 0.76 })
      const held = run.level()
      expect(held).not.toBe('normal')
      for (let n = 0; n < 10; n++) {
        expect(run.sample({ [name]: state }, { afterMs: cooldownMs })).toBe(held)
      }
      expect(run.sample({}, { afterMs: 1 })).toBe(levels[rankOf(held) - 1])
    }
  )

  test('a declared signal that no sample has is unknown', () => {
    const actor = createActor(degradationMachine, { input: presets }).start()
    actor.send({ type: 'pressure.sampled', atMs: 0, readings: readingsOf({ memory: 0.75 }) })
    const rest = readingsOf({}).filter(({ signal }) => signal !== 'disk')
    actor.send({ type: 'pressure.sampled', atMs: 10 * cooldownMs, readings: rest })
    expect(actor.getSnapshot().value).toBe('soft')
    actor.send({ type: 'pressure.sampled', atMs: 20 * cooldownMs, readings: readingsOf({}) })
    expect(actor.getSnapshot().value).toBe('normal')
  })

  test('a signal whose marks are all off is switched off, unknown or not', () => {
    const off = [null, null, null, null]
    const run = runOf({ marks: { ...presets.marks, disk: { enter: off, leave: off } } })
    run.sample({})
    expect(run.sample({ disk: 1 })).toBe('normal')
    run.sample({ memory: 0.75, disk: null })
    expect(run.sample({ disk: null }, { afterMs: cooldownMs })).toBe('normal')
  })

  test('a signal that was declared absent is ignored', () => {
    const actor = createActor(degradationMachine, {
      input: { ...presets, signals: [{ signal: 'memory' }] }
    }).start()
    const readings = readingsOf({ spool: 1, disk: null })
    actor.send({ type: 'pressure.sampled', atMs: 0, readings })
    expect(actor.getSnapshot().value).toBe('normal')
    expect(actor.getSnapshot().context.readings.map(nameOf)).toEqual(['memory'])
  })
})

describe('resident memory (R13)', () => {
  test('raises after three rises in a row, and never holds', () => {
    const run = runOf()
    run.sample({ resident: 0.7 })
    expect([0.75, 0.8, 0.85].map((resident) => run.sample({ resident }))).toEqual([
      'normal',
      'normal',
      'graceful'
    ])
    expect(run.sample({ resident: 0.85 }, { afterMs: cooldownMs })).toBe('soft')
    expect(run.sample({ resident: 0.85 }, { afterMs: cooldownMs })).toBe('normal')
  })

  test('high and steady raises nothing, however long, and neither does noise', () => {
    const run = runOf()
    for (let n = 0; n < 20; n++) {
      expect(run.sample({ resident: 0.99 })).toBe('normal')
    }
    for (let n = 0; n < 20; n++) {
      expect(run.sample({ resident: 0.9 + n * 0.004 })).toBe('normal')
    }
  })
})

describe('the first sample (R39)', () => {
  test('before it nothing is commanded; it settles the level without a cooldown', () => {
    for (const [injected, level] of [[0.1, 'normal'], [0.96, 'circuitBreak']] as const) {
      const run = runOf()
      expect(run.context().policy).toBeNull()
      expect(run.sample({ injected })).toBe(level)
      expect(run.context().policy).toEqual(policyOf(level))
    }
  })

  test.each(levels)('of a restarted manager: %s is kept, raised or left at once', (level) => {
    const held = { policy: policyOf(level), quotesLevel: level }
    expect(runOf().sample({}, { held })).toBe('normal')
    expect(runOf().sample({ disk: null }, { held })).toBe(level)
    expect(runOf().sample({ memory: 0.96 }, { held })).toBe('circuitBreak')
  })

  test('what was shed comes back on the ramp then, too', () => {
    const run = runOf()
    run.sample({}, { held: { policy: policyOf('graceful'), quotesLevel: 'graceful' } })
    expect(run.context().policy?.tradesTaken[3]).toBe(0.25)
    expect(run.context().history).toMatchObject([
      { kind: 'settled', from: 'graceful', to: 'normal', reason: expect.stringContaining('start') },
      { scope: 'quotes', kind: 'settled', from: 'graceful', to: 'normal' }
    ])
  })

  test('held is of no account later', () => {
    const run = runOf()
    run.sample({})
    const held = { policy: policyOf('soft'), quotesLevel: 'soft' } as const
    expect(run.sample({}, { held })).toBe('normal')
  })
})

describe('the way back', () => {
  const { stepMs } = presets.ramp

  test('shares rise step by step; an escalation takes them away at once', () => {
    const run = runOf()
    run.sample({})
    run.sample({ memory: 0.85 })
    run.sample({}, { afterMs: cooldownMs })
    const taken = () => run.context().policy!.tradesTaken
    expect(run.level()).toBe('soft')
    expect(taken()).toEqual({ 1: 1, 2: 1, 3: 0.25 })
    run.sample({}, { afterMs: stepMs - 1 })
    expect(taken()[3]).toBe(0.25)
    run.sample({}, { afterMs: 1 })
    expect(taken()[3]).toBe(0.5)
    run.sample({ memory: 0.85 })
    expect(taken()).toEqual({ 1: 1, 2: 1, 3: 0 })
    run.sample({}, { afterMs: 8 * cooldownMs })
    for (let n = 0; n < 3; n++) run.sample({}, { afterMs: stepMs })
    expect(taken()).toEqual({ 1: 1, 2: 1, 3: 1 })
  })

  test('a next recovery goes on from what is taken by then', () => {
    const run = runOf({ cooldownMs: 1_000, ramp: { steps: [0.25, 0.5, 1], stepMs: 4_000 } })
    run.sample({})
    run.sample({ memory: 0.92 })
    run.sample({})
    expect(run.context().policy!.tradesTaken).toEqual({ 1: 1, 2: 0.25, 3: 0 })
    run.sample({})
    expect(run.context().policy!.tradesTaken).toEqual({ 1: 1, 2: 0.4375, 3: 0.25 })
  })

  test('tier 1 comes back whole', () => {
    const run = runOf()
    run.sample({ memory: 0.96 })
    expect(run.context().policy!.tradesTaken[1]).toBe(0)
    run.sample({}, { afterMs: cooldownMs })
    expect(run.context().policy).toEqual(policyOf('aggressive'))
  })

  test('a policy that stays as it is stays the same object', () => {
    const run = runOf()
    run.sample({})
    const { policy } = run.context()
    run.sample({ memory: 0.5 })
    expect(run.context().policy).toBe(policy)
  })
})

describe('no action raises the signal that caused it (R20)', () => {
  const cases: readonly (readonly [string, Pressures, Partial<IngestPolicy>])[] = [
    ['memory at soft', { memory: 0.7 }, { level: 'soft', areBatchesGrown: false }],
    ['batches in flight', { 'in_flight:trades': 0.25 }, { level: 'soft', areBatchesGrown: false }],
    ['lag', { 'lag:trades': 100_000 }, { level: 'soft', areBatchesGrown: true }],
    ['lag at aggressive', { 'lag:trades': 1_000_000 }, { level: 'aggressive', isSpilling: true }],
    ['the spool itself', { spool: 0.75 }, { level: 'aggressive', isSpilling: false }],
    ['the disk', { disk: 0.97 }, { level: 'aggressive', isSpilling: false }],
    ['memory with a full spool', { memory: 0.9, spool: 0.8 }, { isSpilling: false }],
    ['memory with a half-full spool', { memory: 0.9, spool: 0.5 }, { isSpilling: true }]
  ]
  test.each(cases)('%s', (_name, pressures, expected) => {
    const run = runOf()
    run.sample({})
    run.sample(pressures)
    expect(run.context().policy).toMatchObject(expected)
  })

  test('spilling waits until the spool is below its leave mark again', () => {
    const run = runOf()
    run.sample({})
    const spills = [0.74, 0.75, 0.7, 0.61, 0.59].map((spool) => {
      run.sample({ memory: 0.92, spool })
      return run.context().policy!.isSpilling
    })
    expect(spills).toEqual([true, false, false, false, true])
  })
})

describe('every change explains itself', () => {
  test('signal, value, threshold, dwell, action and reason', () => {
    const run = runOf()
    run.sample({})
    run.sample({ memory: 0.5 }, { afterMs: 5_000 })
    run.sample({ memory: 0.825 })
    const escalatedMs = run.atMs()
    run.sample({ memory: 0.5, spool: 0.1 }, { afterMs: cooldownMs })
    expect(run.context().history).toEqual([
      {
        scope: 'all', kind: 'escalated', from: 'normal', to: 'graceful', atMs: escalatedMs,
        signal: 'memory', value: 0.825, limit: 1, unit: 'share', threshold: 0.8,
        dwellMs: 6_000, cooldownMs,
        action: 'shed trades of tier 3 and quotes of tiers 2 and 3',
        reason: 'memory is 82.5 % of 100.0 %, at or above 80.0 %'
      },
      {
        scope: 'all', kind: 'recovered', from: 'graceful', to: 'soft', atMs: run.atMs(),
        signal: 'memory', value: 0.5, limit: 1, unit: 'share', threshold: 0.72,
        dwellMs: cooldownMs, cooldownMs,
        action: 'throttle: larger batches, quotes conflated, healing and maintenance slow down',
        reason:
          'all signals are below their marks after 30 s; the nearest, memory, is 50.0 % < 72.0 %'
      }
    ])
  })

  test('of several signals the one that asks for most is named', () => {
    const run = runOf()
    run.sample({})
    run.sample({ memory: 0.71, spool: 0.8, disk: 0.98 })
    expect(run.context().changes).toMatchObject([{ to: 'aggressive', signal: 'spool' }])
  })

  test('history is bounded', () => {
    const run = runOf({ cooldownMs: 1_000 })
    for (let n = 0; n < 1_000; n++) {
      run.sample(n % 2 === 0 ? { memory: 0.75 } : {}, { afterMs: 16_000 })
    }
    expect(run.context().history).toHaveLength(historyMax)
  })

  test('ports are told of each sample, in the order of their effect', () => {
    const told: string[] = []
    const actor = createActor(
      degradationMachine.provide({
        actions: {
          command: (_, { level }) => told.push(`command ${level}`),
          report: (_, changes) => told.push(...changes.map(({ to }) => `report ${to}`))
        }
      }),
      { input: presets }
    ).start()
    const sample = (atMs: number, memory: number) =>
      actor.send({ type: 'pressure.sampled', atMs, readings: readingsOf({ memory }) })
    sample(0, 0.1)
    sample(1_000, 0.75)
    expect(told).toEqual(['command normal', 'command soft', 'report soft'])
    actor.send({ type: 'drain.requested' })
    expect(actor.getSnapshot().status).toBe('done')
  })
})

describe('flapping (R38)', () => {
  const enterings = [0.7, 0.8, 0.9, 0.95]

  test.each(enterings.flatMap((mark) => [4, 8, 16, 40, 80, 200].map((s) => [mark, s] as const)))(
    'a sawtooth at %d, period %d s, recovers at most once per cooldown',
    (mark, periodS) => {
      const run = runOf()
      const recoveries: number[] = []
      let transitions = 0
      const seconds = 1_200
      for (let second = 0; second < seconds; second++) {
        const memory = second % periodS < periodS / 2 ? mark + 0.001 : 0.1
        run.sample({ memory })
        for (const { kind, atMs } of run.context().changes) {
          transitions += 1
          if (kind === 'recovered') recoveries.push(atMs)
        }
      }
      const gaps = recoveries.slice(1).map((atMs, index) => atMs - recoveries[index]!)
      expect(gaps.every((ms) => ms >= cooldownMs)).toBe(true)
      expect(transitions).toBeLessThanOrEqual(2 * recoveries.length + 4)
      // A cooldown that doubles leaves little to a sawtooth that is faster than it.
      if (periodS <= 40) expect(transitions).toBeLessThanOrEqual(20)
    }
  )

  test('a re-escalation within two cooldowns doubles it, to eight; holding makes it good', () => {
    const run = runOf()
    run.sample({})
    const times: number[] = []
    const cooldown = () => cooldownMs * run.context().process.cooldownTimes
    for (let n = 0; n < 6; n++) {
      run.sample({ memory: 0.75 })
      times.push(run.context().process.cooldownTimes)
      expect(run.sample({}, { afterMs: cooldown() - 1 })).toBe('soft')
      expect(run.sample({}, { afterMs: 1 })).toBe('normal')
    }
    expect(times).toEqual([1, 2, 4, 8, 8, 8])
    run.sample({}, { afterMs: 2 * cooldown() - 1 })
    expect(run.context().process.cooldownTimes).toBe(8)
    run.sample({}, { afterMs: 1 })
    expect(run.context().process.cooldownTimes).toBe(1)
    run.sample({ memory: 0.75 })
    expect(run.context().process.cooldownTimes).toBe(1)
  })
})

describe('states and transitions (xstate/graph)', () => {
  const sampled = (atMs: number, pressures: Pressures): DegradationEvent => ({
    type: 'pressure.sampled',
    atMs,
    readings: readingsOf(pressures)
  })
  // Far enough apart for any cooldown, and right behind one another.
  const times = [0, 1, 2, 3, 4, 5].flatMap((n) => [n * 1_000_000, n * 1_000_000 + 1])
  const events = times.flatMap((atMs) =>
    [0.1, 0.75, 0.85, 0.92, 0.96].map((memory) => sampled(atMs, { memory }))
  )
  type Snapshot = ReturnType<ReturnType<typeof runOf>['context']>
  const textOf = ({ value, context }: { value: unknown; context: Snapshot }) =>
    `${String(value)} ${context.process.changedMs}`
  const options = {
    input: presets,
    events: [...events, { type: 'drain.requested' } as const],
    serializeState: (snapshot: unknown) => textOf(snapshot as never),
    stopWhen: (snapshot: unknown) => (snapshot as { status: string }).status !== 'active',
    limit: 200_000
  }

  test('every one is reached, and no other', () => {
    const map = getAdjacencyMap(degradationMachine, options as never) as unknown as Record<
      string,
      { state: Snapshotted; transitions: Record<string, { state: Snapshotted }> }
    >
    const seen = new Set(
      Object.values(map).flatMap(({ state, transitions }) =>
        Object.values(transitions).flatMap((next) =>
          state.value === next.state.value ? [] : [`${state.value} > ${next.state.value}`]
        )
      )
    )
    const expected = levels.flatMap((from, rank) => [
      `${from} > ended`,
      ...levels.slice(rank + 1).map((to) => `${from} > ${to}`),
      ...(rank > 0 ? [`${from} > ${levels[rank - 1]}`] : [])
    ])
    expect([...seen].sort()).toEqual(expected.sort())
  })

  test('there is a path to each level, and from the worst one back', () => {
    const paths = getShortestPaths(degradationMachine, options as never) as unknown as readonly {
      readonly state: Snapshotted
      readonly steps: readonly unknown[]
    }[]
    const stepsTo = (level: string) =>
      Math.min(...paths.filter(({ state }) => state.value === level).map((it) => it.steps.length))
    // One step is xstate's own start.
    for (const level of levels.slice(1)) expect(stepsTo(level)).toBe(2)
  })

  interface Snapshotted {
    readonly value: string
  }
})

describe('any signals', () => {
  const names = allSignals.map(nameOf)
  const pressure = (name: string) => {
    const { enter, leave } = presets.marks[name.split(':')[0] as Signal]
    const marks = [...enter, ...leave].flatMap((mark) => (mark === null ? [] : [mark]))
    return fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.constantFrom(...marks.flatMap((mark) => [mark, below(mark)])) },
      { weight: 1, arbitrary: fc.double({ min: 0, max: 2 * Math.max(...marks), noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(null, 'stale' as const) }
    )
  }
  const step = fc.record({
    afterMs: fc.oneof(
      { weight: 3, arbitrary: fc.constant(1_000) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 * cooldownMs }) }
    ),
    hasCaughtUp: fc.boolean(),
    pressures: fc.record(Object.fromEntries(names.map((name) => [name, pressure(name)])))
  })

  /** What a plain signal asks for, said a second time and more simply. */
  const asked = (pressures: Pressures): number =>
    Math.max(
      0,
      ...plain.map(([name, { enter }]) => {
        const at = pressures[name]
        if (typeof at !== 'number') return 0
        return enter.filter((mark) => mark !== null && at >= mark).length
      })
    )

  test('the invariants hold', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const run = runOf()
        let recoveredMs = -Infinity
        let before = run.level()
        let isFirst = true
        for (const { pressures, afterMs, hasCaughtUp } of steps) {
          const after = run.sample(pressures, { afterMs, hasCaughtUp })
          const change = rankOf(after) - rankOf(before)
          // Escalation within one sample.
          expect(rankOf(after)).toBeGreaterThanOrEqual(asked(pressures))
          if (change < 0 && !isFirst) {
            expect(change).toBe(-1)
            expect(run.atMs() - recoveredMs).toBeGreaterThanOrEqual(cooldownMs)
            recoveredMs = run.atMs()
            const holding = names.filter((name) => !['resident', 'lag:quotes'].includes(name))
            expect(holding.every((name) => typeof pressures[name] === 'number')).toBe(true)
          }
          const { policy, changes } = run.context()
          expect(policy?.level).toBe(after)
          expect(policy?.tradesTaken[1]).toBe(after === 'circuitBreak' ? 0 : 1)
          const own = changes.filter(({ scope }) => scope === 'all')
          expect(own.map(({ from, to }) => [from, to])).toEqual(
            change === 0 ? [] : [[before, after]]
          )
          before = after
          isFirst = false
        }
      }),
      { numRuns: 500 }
    )
  })

  test('the same samples lead to the same changes', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const pathOf = () => {
          const run = runOf()
          for (const { pressures, ...rest } of steps) run.sample(pressures, rest)
          return run.context()
        }
        expect(pathOf()).toEqual(pathOf())
      }),
      { numRuns: 100 }
    )
  })
})

describe('a recorded sequence', () => {
  interface Recording {
    readonly input: DegradationInput
    readonly samples: readonly { readonly atMs: number; readonly readings: readonly Reading[] }[]
    readonly path: readonly unknown[]
  }

  test('gives the recorded path', () => {
    const { input, samples, path } = JSON.parse(
      readFileSync(new URL('./fixtures/pressure-recording.json', import.meta.url), 'utf8')
    ) as Recording
    const actor = createActor(degradationMachine, { input }).start()
    for (const sample of samples) actor.send({ type: 'pressure.sampled', ...sample })
    const taken = actor
      .getSnapshot()
      .context.history.map(({ scope, from, to, atMs, signal, value, threshold }) => ({
        scope, from, to, atMs, signal, value, threshold
      }))
    expect(samples.length).toBeGreaterThan(40)
    expect(path.length).toBe(4)
    expect(taken).toEqual(path)
  })
})
