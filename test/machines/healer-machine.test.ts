import { describe, expect, test } from 'vitest'
import { createActor, type EventObject, SimulatedClock } from 'xstate'
import { stateTextOf } from '../../src/actors/state-text.ts'
import {
  type HealClaim,
  type HealRequest,
  type HealTerms,
  healTermsDefault
} from '../../src/machines/heal-facts.ts'
import { healerMachine } from '../../src/machines/healer-machine.ts'
import {
  type HealerInput,
  type HealOutcome,
  type HealPace,
  type HealReport,
  type LookInput,
  type LookReport,
  paceOf
} from '../../src/machines/healer-protocol.ts'
import { policyOf } from '../../src/machines/ingest-policy.ts'
import type { OpenHole } from '../../src/market/open-hole.ts'
import { manualPort } from './support/feed.ts'

const input: HealerInput = {
  terms: { ...healTermsDefault, graceMs: 0 },
  lookMs: 2_000,
  landMs: 250,
  slowMs: 1_000,
  shares: { full: 0.8, slow: 0.2 },
  requestWeight: 25,
  backoff: { msMin: 100, msMax: 1_000, factor: 2, jitterRatio: 0, upMsMin: 5_000 },
  jitterSeed: 1
}

const startMs = 1_000_000
const hole: OpenHole = {
  exchange: 'BINANCE', symbol: 'BTCUSDT', epoch: 0, fromId: 5, toId: 4_000, sinceUs: null,
  reason: null, afterUs: null, beforeUs: null, endedUs: null
}
const unavailable = Object.assign(new Error('gone'), {
  _tag: 'VenueUnavailable',
  isDependency: true
})

const startHealer = (terms: HealTerms = input.terms) => {
  const clock = new SimulatedClock()
  const nowMs = () => startMs + clock.now()
  const none = () => ({ inputs: [] as unknown[], commands: [] })
  const looks = { inputs: [] as LookInput[], commands: [] }
  const heals = { inputs: [] as HealRequest[], commands: [] }
  const claims: HealClaim[] = []
  const failures: string[] = []
  const actor = createActor(
    healerMachine.provide({
      actors: {
        watch: manualPort<void, void, EventObject>(none() as never),
        look: manualPort<LookReport, LookInput, EventObject>(looks),
        heal: manualPort<HealReport, HealRequest, EventObject>(heals)
      },
      actions: {
        claim: (_, given) => void claims.push(...given),
        reportFailure: (_, { port }) => void failures.push(port)
      }
    }),
    { input: { ...input, terms }, clock }
  )
  const errors: unknown[] = []
  actor.subscribe({ error: (error) => errors.push(error) })
  actor.start()
  const child = (id: string) => actor.getSnapshot().children[id]!
  const done = (id: string, output: object) =>
    child(id).send({ type: 'port.done', output } as never)
  const healer = {
    actor, clock, errors, claims, failures, looks, heals,
    state: () => stateTextOf(actor.getSnapshot()),
    tags: () => [...actor.getSnapshot().tags],
    pace: (pace: HealPace) => actor.send({ type: 'pace.changed', pace, atMs: nowMs() }),
    fail: (id: string, error: unknown) =>
      child(id).send({ type: 'port.failed', error } as never),
    looked: (holes: readonly OpenHole[], change: Partial<LookReport> = {}) =>
      done('look', {
        atMs: nowMs(),
        seen: String(holes.length),
        look: {
          atMs: nowMs(), holes, landedMs: { BTCUSDT: nowMs() }, tiers: { BTCUSDT: 1 }
        },
        announced: null,
        charge: null,
        limited: null,
        ...change
      } satisfies LookReport),
    healed: (outcome: HealOutcome = 'healed', change: Partial<HealReport> = {}) => {
      const { wanted } = heals.inputs.at(-1)!
      const none = { skipped: [], rejected: [] }
      const read = { type: 'read', atMs: nowMs(), published: wanted, ...none } as const
      done('heal', {
        atMs: nowMs(),
        outcome,
        answer: outcome === 'useless' ? { type: outcome, atMs: nowMs() } : read,
        charge: { atMs: nowMs(), weight: 25, usedWeight: null },
        limited: null,
        ...change
      } satisfies HealReport)
    }
  }
  return healer
}

/** With a hole that is being asked for. */
const healing = (pace: HealPace = 'full') => {
  const healer = startHealer()
  healer.pace(pace)
  healer.looked([hole])
  expect(healer.state()).toBe('healing')
  return healer
}

describe('the level', () => {
  test.each([
    ['normal', 'full'],
    ['soft', 'slow'],
    ['graceful', 'stopped'],
    ['aggressive', 'stopped'],
    ['circuitBreak', 'stopped']
  ] as const)('%s: %s', (level, pace) => {
    expect(paceOf(policyOf(level))).toBe(pace)
  })

  test('until it is known, nothing is asked', () => {
    expect(paceOf(undefined)).toBe('stopped')
    const healer = startHealer()
    healer.clock.increment(60_000)
    expect(healer.state()).toBe('paused')
    expect(healer.looks.inputs).toEqual([])
    healer.pace('stopped')
    expect(healer.state()).toBe('paused')
    healer.pace('full')
    expect(healer.state()).toBe('looking')
  })

  test('above soft stops whatever goes on, at once; what was asked is asked again', () => {
    const healer = healing()
    healer.pace('stopped')
    expect(healer.state()).toBe('paused')
    expect(healer.actor.getSnapshot().children['heal']).toBeUndefined()
    healer.clock.increment(60_000)
    expect(healer.state()).toBe('paused')
    healer.pace('full')
    healer.looked([hole])
    expect(healer.state()).toBe('healing')
    expect(healer.heals.inputs[1]).toEqual(healer.heals.inputs[0])
  })

  test('soft is slower: a pause after each request, and a smaller share of the budget', () => {
    const healer = healing('slow')
    healer.healed()
    expect(healer.state()).toBe('resting')
    healer.clock.increment(999)
    expect(healer.state()).toBe('resting')
    healer.clock.increment(1)
    expect(healer.state()).toBe('looking')
    healer.looked([hole], {
      charge: { atMs: startMs, weight: 25, usedWeight: 1_200 * 0.2 }
    })
    expect(healer.state()).toBe('exhausted')
  })

  test('soft in the middle of a request lets it end', () => {
    const healer = healing()
    healer.pace('slow')
    expect(healer.state()).toBe('healing')
    healer.healed()
    expect(healer.state()).toBe('resting')
  })
})

describe('healing', () => {
  test('goes on piece by piece, with a look when it is due', () => {
    const healer = healing()
    for (let round = 1; round <= 3; round++) {
      healer.clock.increment(500)
      healer.healed()
      expect(healer.state()).toBe('healing')
    }
    healer.clock.increment(500)
    healer.healed()
    expect(healer.state()).toBe('looking')
    expect(healer.heals.inputs.map(({ fromId }) => fromId)).toEqual([4, 1_003, 2_002, 3_001])
  })

  test('nothing can be seen: a look that waits, not one after the other', () => {
    const healer = startHealer()
    healer.pace('full')
    healer.looked([], { seen: null, look: null })
    expect(healer.state()).toBe('idle')
    expect(healer.looks.inputs.at(-1)).toEqual({ unless: null, isPatient: true })
  })

  test('nothing is missing: idle, looking until something is', () => {
    const healer = startHealer()
    healer.pace('full')
    healer.looked([])
    expect(healer.state()).toBe('idle')
    healer.clock.increment(60_000)
    expect(healer.looks.inputs).toEqual([
      { unless: null, isPatient: false },
      { unless: '0', isPatient: true }
    ])
    healer.looked([hole])
    expect(healer.state()).toBe('healing')
  })

  test('nothing to ask yet: waiting, until the next look', () => {
    const healer = startHealer()
    healer.pace('full')
    const look = { atMs: startMs, holes: [hole], landedMs: {}, tiers: {} }
    healer.looked([], { look })
    expect(healer.state()).toBe('waiting')
    healer.clock.increment(2_000)
    expect(healer.state()).toBe('looking')
  })

  test('what was published has to land first: a look soon', () => {
    const healer = startHealer({ ...input.terms, unlandedMax: 1_000 })
    healer.pace('full')
    healer.looked([hole])
    for (const _ of [1, 2]) {
      healer.clock.increment(10)
      healer.healed()
    }
    expect(healer.state()).toBe('waiting')
    healer.clock.increment(249)
    expect(healer.state()).toBe('waiting')
    healer.clock.increment(1)
    expect(healer.state()).toBe('looking')
    healer.looked([{ ...hole, fromId: 2_003 }])
    expect(healer.state()).toBe('healing')
    expect(healer.heals.inputs.at(-1)).toMatchObject({ wanted: [{ from: 2_003 }] })
  })

  test('what cannot be told changes nothing that is known', () => {
    const healer = healing()
    healer.healed()
    const { plan } = healer.actor.getSnapshot().context
    healer.clock.increment(2_000)
    healer.healed()
    healer.looked([], { look: null, seen: null })
    expect(healer.actor.getSnapshot().context.plan.lanes).toHaveLength(plan.lanes.length)
  })

  test('what is written off is claimed, once', () => {
    const healer = healing()
    const never = { from: 7, to: 8 }
    const answer = { type: 'read', atMs: startMs, published: [], skipped: [never], rejected: [] }
    healer.healed('nothing', { answer: answer as HealReport['answer'] })
    healer.healed()
    expect(healer.claims).toMatchObject([{ reason: 'never_issued', fromId: 7, toId: 8 }])
  })
})

describe('a venue that is away', () => {
  test('is waited for, longer each time, and costs no hole an attempt', () => {
    const healer = healing()
    for (const waitMs of [100, 200, 400, 800, 1_000, 1_000]) {
      healer.fail('heal', unavailable)
      expect(healer.state()).toBe('backingOff')
      expect(healer.tags()).toEqual(['degraded', 'waiting'])
      healer.clock.increment(waitMs - 1)
      expect(healer.state()).toBe('backingOff')
      healer.clock.increment(1)
      healer.looked([hole])
      expect(healer.state()).toBe('healing')
    }
    expect(healer.claims).toEqual([])
    healer.healed()
    healer.fail('heal', unavailable)
    healer.clock.increment(100)
    expect(healer.state()).toBe('looking')
    expect(healer.failures).toEqual(Array(7).fill('heal'))
  })

  test('so are table and log', () => {
    const healer = startHealer()
    healer.pace('full')
    healer.fail('look', unavailable)
    expect(healer.state()).toBe('backingOff')
    expect(healer.failures).toEqual(['look'])
  })

  test.each(['useless', 'no_room'] as const)('an answer that is %s backs off, too', (outcome) => {
    const healer = healing()
    healer.healed(outcome)
    expect(healer.state()).toBe('backingOff')
  })

  test('what is no dependency is a crash, of which the supervisor hears', () => {
    const healer = healing()
    healer.fail('heal', new Error('a defect'))
    expect(healer.actor.getSnapshot().status).toBe('error')
    expect(healer.errors).toMatchObject([{ message: 'a defect' }])
  })
})

describe('the budget', () => {
  test('is kept to what the venue announced, and waited for', () => {
    const healer = startHealer()
    healer.pace('full')
    const announced = { limit: 200, intervalMs: 60_000, skewMs: 0 }
    healer.looked([hole], { announced })
    healer.healed('healed', { charge: { atMs: startMs, weight: 25, usedWeight: 160 } })
    expect(healer.state()).toBe('exhausted')
    const windowEndMs = Math.ceil(startMs / 60_000) * 60_000 + 500
    healer.clock.increment(windowEndMs - startMs - 1)
    expect(healer.state()).toBe('exhausted')
    healer.clock.increment(1)
    healer.looked([hole])
    expect(healer.state()).toBe('healing')
  })

  test('a refusal is respected, whatever brought it', () => {
    const healer = healing()
    const answer = { type: 'abandoned', atMs: startMs } as const
    healer.healed('limited', { answer, limited: { retryAfterMs: 120_000 } })
    expect(healer.state()).toBe('exhausted')
    healer.clock.increment(119_999)
    expect(healer.state()).toBe('exhausted')
    healer.clock.increment(1)
    healer.looked([], { look: null, limited: { retryAfterMs: 7_000 } })
    expect(healer.state()).toBe('exhausted')
    healer.clock.increment(7_000)
    healer.looked([hole])
    expect(healer.state()).toBe('healing')
    expect(healer.claims).toEqual([])
  })
})

test('drains from anywhere', () => {
  for (const healer of [startHealer(), healing()]) {
    healer.actor.send({ type: 'drain.requested' })
    expect(healer.actor.getSnapshot().status).toBe('done')
  }
})
