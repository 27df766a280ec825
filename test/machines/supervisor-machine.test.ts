import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AnyActorRef,
  assign,
  createActor,
  enqueueActions,
  fromCallback,
  setup,
  SimulatedClock
} from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { type Strategy, supervisorFlags } from '../../src/machines/supervisor-flags.ts'
import { supervisorMachine } from '../../src/machines/supervisor-machine.ts'
import type { SupervisorInput } from '../../src/machines/supervisor-setup.ts'
import { childOf, childSpec } from '../../src/machines/supervisor-spec.ts'

const crash = { tag: 'Dropped', message: 'gone', isDependency: false }

/**
 * Stands in for a keeper: speaks its protocol, and goes on only when the test says so. `asked` is
 * asked to end for good, `leaving` to stand down.
 */
const puppet = setup({
  types: {
    context: {} as { readonly id: string; readonly outcome: string },
    events: {} as
      | { type: 'puppet.go' | 'puppet.crash' | 'puppet.park' | 'puppet.release' }
      | { type: 'puppet.end'; outcome: string }
      | { type: 'stop.requested' | 'stand_down.requested' | 'start.requested' | 'limit.reached' }
  },
  actions: {
    tell: enqueueActions(({ context, enqueue, self }, type: string) => {
      const notice = { type, childId: context.id, ...crash, restarts: 0 }
      enqueue.sendTo(self._parent as AnyActorRef, notice)
    })
  }
}).createMachine({
  context: ({ self }) => ({ id: self.id, outcome: 'stopped' }),
  initial: 'starting',
  output: ({ context }) => ({
    _tag: 'ChildEnded',
    outcome: context.outcome,
    crash: context.outcome === 'stopped' || context.outcome === 'completed' ? null : crash
  }),
  states: {
    starting: {
      on: {
        'puppet.go': { target: 'up', actions: { type: 'tell', params: 'child.started' } },
        'puppet.crash': { target: 'down', actions: { type: 'tell', params: 'child.crashed' } },
        'stand_down.requested': 'leaving'
      }
    },
    up: {
      on: {
        'puppet.crash': { target: 'down', actions: { type: 'tell', params: 'child.crashed' } },
        'stand_down.requested': 'leaving'
      }
    },
    leaving: { on: { 'puppet.go': 'standingBy' } },
    down: {
      on: {
        'puppet.go': { target: 'vacated', actions: { type: 'tell', params: 'child.vacated' } },
        'puppet.park': 'quarantined'
      }
    },
    vacated: { on: { 'puppet.go': 'standingBy' } },
    standingBy: {
      entry: { type: 'tell', params: 'child.standing_by' },
      on: { 'start.requested': 'starting' }
    },
    quarantined: {
      entry: { type: 'tell', params: 'child.quarantined' },
      on: { 'puppet.release': 'standingBy' }
    },
    asked: {},
    ended: { type: 'final' }
  },
  on: {
    'puppet.end': { target: '.ended', actions: assign({ outcome: ({ event }) => event.outcome }) },
    'stop.requested': '.asked'
  }
})

const ids = ['a', 'b', 'c']
const specs = ids.map((id) => childSpec({ id, src: 'puppet' }))
const flags = supervisorFlags('s', {}, specs)
const machine = supervisorMachine.provide({ actors: { puppet } })
const start = (input: Partial<SupervisorInput> = {}) => {
  const actor = createActor(machine, {
    id: 's',
    clock: new SimulatedClock(),
    input: { specs, flags, sources: ['puppet'], seed: 1, ...input }
  })
  const failures: Array<unknown> = []
  actor.subscribe({ error: (error) => failures.push(error) })
  actor.start()
  const child = (id: string) => childOf(actor, id)
  const stateOf = (id: string) => child(id)?.getSnapshot().value as string | undefined
  const phaseOf = (id: string) =>
    actor.getSnapshot().context.children.find(({ spec }) => spec.id === id)?.phase
  /** Lets every puppet go on until none can. */
  const settle = () => {
    for (let round = 0; round < 50; round++) {
      for (const id of Object.keys(actor.getSnapshot().children)) {
        if (stateOf(id) === 'asked') child(id)?.send({ type: 'puppet.end', outcome: 'stopped' })
        else child(id)?.send({ type: 'puppet.go' })
      }
    }
  }
  return { actor, child, failures, phaseOf, settle, stateOf }
}

test('every state is reachable', () => {
  const paths = getShortestPaths(machine, {
    input: { specs: specs.slice(0, 2), flags, sources: ['puppet'], seed: 1 },
    events: [
      { type: 'child.started', childId: 'a' },
      { type: 'child.started', childId: 'b' },
      { type: 'child.crashed', childId: 'a', restarts: 1, ...crash },
      { type: 'stop.requested' },
      ...['a', 'b'].flatMap((id) =>
        ['stopped', 'escalated'].map((outcome) => ({
          type: `xstate.done.actor.${id}` as const,
          actorId: id,
          output: { _tag: 'ChildEnded', outcome, crash }
        }))
      )
    ],
    serializeState: ({ value, context }) =>
      JSON.stringify([value, context.children.map(({ phase }) => phase), context.verdict]),
    stopWhen: ({ status, context }) => status !== 'active' || context.crashCount > 2,
    limit: 20_000
  })
  const reached = new Set(paths.map(({ state }) => JSON.stringify(state.value)))
  for (const value of [
    'starting',
    { running: 'sound' },
    { running: 'impaired' },
    'stopped',
    'escalated'
  ]) {
    expect(reached).toContain(JSON.stringify(value))
  }
})

/** What keeps a child alive comes up more often, so that sequences get somewhere. */
const acts =
  'go go go crash crash park release add remove completed failed escalated error stop'.split(' ')

test('invariants hold for any behaviour of the children, under every strategy', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    act: fc.constantFrom(...acts),
    restart: fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const)
  })
  fc.assert(
    fc.property(
      fc.constantFrom<Strategy>('one_for_one', 'one_for_all', 'rest_for_one'),
      fc.array(step, { maxLength: 50 }),
      (strategy, steps) => {
        const { actor, child, failures, phaseOf, settle, stateOf } = start({
          flags: { ...flags, strategy }
        })
        let isAsked = false
        for (const { id, act, restart } of steps) {
          if (actor.getSnapshot().status !== 'active') break
          if (act === 'add') {
            const spec = childSpec({ id, src: 'puppet', restart })
            actor.send({ type: 'child.add_requested', spec })
          } else if (act === 'remove') actor.send({ type: 'child.remove_requested', childId: id })
          else if (act === 'stop') {
            isAsked = true
            actor.send({ type: 'stop.requested' })
          } else if (act === 'error' && child(id) !== undefined) {
            isAsked = true
            actor.send({
              type: `xstate.error.actor.${id}`,
              actorId: id,
              error: new Error('keeper')
            })
          } else if (['go', 'crash', 'park', 'release'].includes(act)) {
            child(id)?.send({ type: `puppet.${act}` })
          } else if (act !== 'error') {
            if (act === 'escalated') isAsked = true
            child(id)?.send({ type: 'puppet.end', outcome: act })
          }
          const snapshot = actor.getSnapshot()
          const { children } = snapshot.context
          expect(snapshot.status).not.toBe('error')
          const phases = children.map(({ phase }) => phase)
          const states = children.map(({ spec }) => stateOf(spec.id))
          // (2) only the last living child is asked, those removed beforehand excepted
          if (snapshot.matches('stopping')) {
            const living = children.filter(({ phase }) => phase !== 'pending' && phase !== 'ended')
            expect(living.slice(0, -1).some(({ phase }) => phase === 'ending')).toBe(false)
          } else if (strategy === 'one_for_one') {
            expect(phases).not.toContain('condemned')
          } else {
            // a group goes down one at a time, and nobody starts meanwhile
            const leaving = states.filter((state) => state === 'leaving').length
            expect(leaving).toBeLessThanOrEqual(1)
            if (leaving === 1) expect(phases).not.toContain('starting')
          }
          // a record for each keeper and a keeper for each living record
          if (snapshot.status === 'active') {
            const living = children
              .filter(({ phase }) => phase !== 'pending' && phase !== 'ended')
              .map(({ spec }) => spec.id)
            expect(Object.keys(snapshot.children).toSorted()).toEqual(living.toSorted())
          } else {
            // (3), (4)
            expect(Object.keys(snapshot.children)).toEqual([])
            expect(snapshot.output).toEqual(snapshot.context.verdict)
          }
          expect(JSON.parse(JSON.stringify(snapshot.context))).toEqual(snapshot.context)
        }
        // Nothing is lost: released and left to itself, every child that is not to end comes up.
        if (!isAsked) {
          for (let round = 0; round < 5; round++) {
            settle()
            for (const { spec } of actor.getSnapshot().context.children) {
              child(spec.id)?.send({ type: 'puppet.release' })
            }
          }
          for (const { spec, phase } of actor.getSnapshot().context.children) {
            if (phase === 'ended') expect(stateOf(spec.id)).toBeUndefined()
            else expect([phaseOf(spec.id), stateOf(spec.id)]).toEqual(['up', 'up'])
          }
        }
        // Whatever happened, a stop ends it once each child has answered.
        if (actor.getSnapshot().status === 'active') actor.send({ type: 'stop.requested' })
        settle()
        expect(actor.getSnapshot().status).toBe('done')
        expect(failures).toEqual([])
      }
    ),
    { numRuns: 1_000 }
  )
})

describe('one event each', () => {
  test('a child that ends while others are still to start lets them start', () => {
    const { actor, child } = start()
    child('a')?.send({ type: 'puppet.end', outcome: 'completed' })
    expect(Object.keys(actor.getSnapshot().children)).toEqual(['b'])
  })

  test('an escalation while starting starts nobody else', () => {
    const { actor, child } = start()
    child('a')?.send({ type: 'puppet.end', outcome: 'escalated' })
    expect(actor.getSnapshot()).toMatchObject({
      status: 'done',
      output: { _tag: 'Escalated', childId: 'a', crash }
    })
  })

  test('a child that failed for good leaves the supervisor impaired', () => {
    const { actor, child } = start()
    for (const id of ids) child(id)?.send({ type: 'puppet.go' })
    expect(actor.getSnapshot().hasTag('healthy')).toBe(true)
    child('b')?.send({ type: 'puppet.end', outcome: 'failed' })
    expect(actor.getSnapshot().hasTag('degraded')).toBe(true)
    expect(actor.getSnapshot().context.children[1]).toMatchObject({
      phase: 'ended',
      lastError: crash
    })
  })

  test('a source that throws when it is made is a failed keeper, not a failed supervisor', () => {
    const broken = supervisorMachine.provide({
      actors: {
        puppet: fromCallback(() => {
          throw new Error('made badly')
        })
      }
    })
    const actor = createActor(broken, { input: { specs, flags, sources: ['puppet'], seed: 1 } })
    const outputs: Array<unknown> = []
    actor.subscribe({
      next: ({ status, output }) => status === 'done' && outputs.push(output),
      error: (error) => outputs.push(error)
    })
    actor.start()
    expect(outputs).toMatchObject([
      { _tag: 'Escalated', childId: 'a', crash: { tag: 'Error', message: 'made badly' } }
    ])
  })
})
