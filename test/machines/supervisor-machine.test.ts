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
import { supervisorMachine } from '../../src/machines/supervisor-machine.ts'
import { childOf, childSpec } from '../../src/machines/supervisor-spec.ts'

const crash = { tag: 'Dropped', message: 'gone', isDependency: false }

/** Stands in for a keeper: does what the test says, and answers a stop only when told to end. */
const puppet = setup({
  types: {
    context: {} as { readonly id: string; readonly outcome: string },
    events: {} as
      | { type: 'puppet.start' }
      | { type: 'puppet.crash' }
      | { type: 'puppet.end'; outcome: string }
      | { type: 'stop.requested' }
  },
  actions: {
    tell: enqueueActions(({ context, enqueue, self }, params: { readonly type: string }) => {
      enqueue.sendTo(self._parent as AnyActorRef, {
        ...params,
        childId: context.id,
        ...crash,
        restarts: 0
      })
    })
  }
}).createMachine({
  context: ({ self }) => ({ id: self.id, outcome: 'stopped' }),
  initial: 'living',
  output: ({ context }) => ({
    _tag: 'ChildEnded',
    outcome: context.outcome,
    crash: context.outcome === 'stopped' || context.outcome === 'completed' ? null : crash
  }),
  states: {
    living: {
      on: {
        'puppet.start': { actions: { type: 'tell', params: { type: 'child.started' } } },
        'puppet.crash': { actions: { type: 'tell', params: { type: 'child.crashed' } } },
        'stop.requested': { target: 'asked' }
      }
    },
    asked: {},
    ended: { type: 'final' }
  },
  on: {
    'puppet.end': { target: '.ended', actions: assign({ outcome: ({ event }) => event.outcome }) }
  }
})

const ids = ['a', 'b', 'c']
const specs = ids.map((id) => childSpec({ id, src: 'puppet' }))
const machine = supervisorMachine.provide({ actors: { puppet } })
const start = () => {
  const actor = createActor(machine, {
    id: 's',
    clock: new SimulatedClock(),
    input: { specs, sources: ['puppet'], seed: 1 }
  })
  const failures: Array<unknown> = []
  actor.subscribe({ error: (error) => failures.push(error) })
  actor.start()
  const child = (id: string) => childOf(actor, id)
  return { actor, child, failures }
}

test('every state is reachable', () => {
  const paths = getShortestPaths(machine, {
    input: { specs: specs.slice(0, 2), sources: ['puppet'], seed: 1 },
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
      JSON.stringify([
        value,
        context.children.map(({ phase }) => phase),
        context.escalation !== null
      ]),
    stopWhen: ({ status }) => status !== 'active',
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

test('invariants hold for any behaviour of the children', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    act: fc.constantFrom(
      'start',
      'start',
      'crash',
      'stopped',
      'completed',
      'failed',
      'escalated',
      'add',
      'remove',
      'error',
      'stop'
    )
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const { actor, child, failures } = start()
      const started = new Set<string>()
      for (const { id, act } of steps) {
        if (actor.getSnapshot().status !== 'active') break
        if (act === 'start') child(id)?.send({ type: 'puppet.start' })
        else if (act === 'crash') child(id)?.send({ type: 'puppet.crash' })
        else if (act === 'add') {
          actor.send({ type: 'child.add_requested', spec: childSpec({ id, src: 'puppet' }) })
        } else if (act === 'remove') actor.send({ type: 'child.remove_requested', childId: id })
        else if (act === 'stop') actor.send({ type: 'stop.requested' })
        else if (act === 'error') {
          if (child(id) !== undefined) {
            actor.send({
              type: `xstate.error.actor.${id}`,
              actorId: id,
              error: new Error('keeper')
            })
          }
        } else child(id)?.send({ type: 'puppet.end', outcome: act })
        if (act === 'start' && child(id) !== undefined) started.add(id)
        const snapshot = actor.getSnapshot()
        const { children } = snapshot.context
        expect(snapshot.status).not.toBe('error')
        // (1) nothing stands before a living child that has never started
        if (snapshot.matches('starting')) {
          expect(children.filter(({ phase }) => phase === 'starting').length).toBeLessThanOrEqual(1)
          const pending = children.findIndex(({ phase }) => phase === 'pending')
          expect(
            children
              .slice(Math.max(pending, 0))
              .some(({ phase }) => pending >= 0 && phase !== 'pending')
          ).toBe(false)
        }
        // (2) only the last living child is asked, those removed beforehand excepted
        if (snapshot.matches('stopping')) {
          const living = children.filter(({ phase }) => phase !== 'pending' && phase !== 'ended')
          expect(living.slice(0, -1).some(({ phase }) => phase === 'ending')).toBe(false)
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
          expect(snapshot.output?._tag).toBe(
            snapshot.context.escalation === null ? 'Stopped' : 'Escalated'
          )
        }
        expect(JSON.parse(JSON.stringify(snapshot.context))).toEqual(snapshot.context)
      }
      // Whatever happened, a stop ends it once each child has answered.
      actor.send({ type: 'stop.requested' })
      for (let round = 0; round < 10 && actor.getSnapshot().status === 'active'; round++) {
        for (const id of Object.keys(actor.getSnapshot().children)) {
          child(id)?.send({ type: 'puppet.end', outcome: 'stopped' })
        }
      }
      expect(actor.getSnapshot().status).toBe('done')
      expect(failures).toEqual([])
    }),
    { numRuns: 500 }
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
    for (const id of ids) child(id)?.send({ type: 'puppet.start' })
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
    const actor = createActor(broken, { input: { specs, sources: ['puppet'], seed: 1 } })
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
