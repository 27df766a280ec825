import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createActor, fromCallback, initialTransition, SimulatedClock, transition } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { childMachine } from '../../src/machines/supervisor-child-machine.ts'
import {
  ActorCrashed,
  crashMessageLengthMax,
  crashOf
} from '../../src/machines/supervisor-crash.ts'
import {
  type ChildSpecOptions,
  childSpec,
  type RestartType
} from '../../src/machines/supervisor-spec.ts'

const inputOf = (restart: RestartType, more: Partial<ChildSpecOptions> = {}) => ({
  seed: 1,
  spec: childSpec({
    id: 'c',
    restart,
    drainMsMax: 500,
    limit: { restartsMax: 2, windowMs: 10_000 },
    ...more
  })
})

const dropped = { _tag: 'Dropped', message: 'gone' }
const events = [
  { type: 'child.ready' },
  { type: 'child.released' },
  { type: 'stop.requested' },
  { type: 'stand_down.requested' },
  { type: 'start.requested' },
  { type: 'limit.reached' },
  { type: 'release.requested' },
  { type: 'crash.forgotten' },
  { type: 'xstate.done.actor.subject', output: undefined, actorId: 'subject' },
  {
    type: 'xstate.done.actor.subject',
    output: { _tag: 'Escalated', childId: 'x', crash: crashOf(dropped) },
    actorId: 'subject'
  },
  { type: 'xstate.error.actor.subject', error: dropped, actorId: 'subject' },
  {
    type: 'xstate.error.actor.subject',
    error: { _tag: 'VenueAway', isDependency: true },
    actorId: 'subject'
  },
  { type: 'xstate.after.startDeadline.child.up.starting' },
  { type: 'xstate.after.upDelay.child.up.running' },
  { type: 'xstate.after.drainDeadline.child.up.draining' },
  { type: 'xstate.after.releaseDeadline.child.releasing' },
  { type: 'xstate.after.backoffDelay.child.backingOff' },
  { type: 'xstate.after.waitDelay.child.waiting' }
] as unknown as ReadonlyArray<never>

test('every state is reachable, and every final one by its restart type', () => {
  const reached = new Set<string>()
  for (const restart of ['permanent', 'transient', 'temporary'] as const) {
    for (const onLimit of ['escalate', 'quarantine'] as const) {
      const paths = getShortestPaths(childMachine, {
        input: inputOf(restart, { onLimit }),
        events,
        serializeState: ({ value, context }) =>
          JSON.stringify([value, context.inWindow, context.next, context.hasStarted]),
        stopWhen: ({ status, context }) => status !== 'active' || context.crashes > 3,
        limit: 20_000
      })
      for (const { state } of paths) reached.add(JSON.stringify(state.value))
    }
  }
  // `released` decides without an event: nobody ever sees the machine rest there.
  expect([...reached].toSorted()).toEqual(
    [
      { up: 'starting' },
      { up: 'running' },
      { up: 'draining' },
      'releasing',
      'backingOff',
      'waiting',
      'standingBy',
      'quarantined',
      'stopped',
      'completed',
      'failed',
      'escalated'
    ]
      .map((value) => JSON.stringify(value))
      .toSorted()
  )
})

test('invariants hold for any order of events', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<RestartType>('permanent', 'transient', 'temporary'),
      fc.constantFrom('escalate' as const, 'quarantine' as const),
      fc.boolean(),
      fc.array(fc.constantFrom(...events), { maxLength: 60 }),
      (restart, onLimit, drains, sequence) => {
        const input = inputOf(restart, { onLimit, drainMsMax: drains ? 500 : 0 })
        let [snapshot] = initialTransition(childMachine, input)
        let hasStopped = false
        let before = snapshot
        for (const event of sequence as ReadonlyArray<{ type: string }>) {
          if (snapshot.status !== 'active') break
          before = snapshot
          hasStopped ||= event.type === 'stop.requested'
          ;[snapshot] = transition(childMachine, snapshot, event as never)
          const { attempt, crashes, inWindow, next, restarts, seed, waits } = snapshot.context
          expect(snapshot.status).not.toBe('error')
          // (1) never from a crash to a start without a wait in between, and the supervisor's word
          if (snapshot.matches({ up: 'starting' }) && !before.matches('up')) {
            expect([before.value, event.type]).toEqual(['standingBy', 'start.requested'])
          }
          if (snapshot.matches('standingBy') && !before.matches('standingBy')) {
            expect(
              before.context.next === 'standingBy' ||
                before.matches('backingOff') ||
                before.matches('waiting') ||
                before.matches('quarantined')
            ).toBe(true)
          }
          // (2)
          if (attempt < before.context.attempt) {
            expect(event.type).toMatch(/upDelay|release\.requested/)
          }
          // (3)
          expect(inWindow).toBeLessThanOrEqual(input.spec.limit.restartsMax + 1)
          expect(inWindow + waits).toBeLessThanOrEqual(crashes)
          if (crashes > before.context.crashes) expect(seed).not.toBe(before.context.seed)
          if (before.matches('quarantined') && !snapshot.matches('quarantined')) {
            expect(event.type).toMatch(/^(?:release|stop)\.requested$/)
          }
          // (4) a dependency is no reason to park or to give up
          if (waits > before.context.waits) expect(['waiting', 'failed']).toContain(next)
          // (5) once asked to stop, never up again but to drain
          if (hasStopped) {
            expect(
              snapshot.status === 'done' ||
                snapshot.matches('releasing') ||
                snapshot.matches({ up: 'draining' })
            ).toBe(true)
          }
          expect(restarts).toBeLessThanOrEqual(sequence.length)
          expect(JSON.parse(JSON.stringify(snapshot.context))).toEqual(snapshot.context)
        }
        if (snapshot.status === 'done') expect(snapshot.output._tag).toBe('ChildEnded')
      }
    ),
    { numRuns: 500 }
  )
})

describe('time', () => {
  const start = (more: object) => {
    const clock = new SimulatedClock()
    const sent: Array<string> = []
    const machine = childMachine.provide({
      actors: {
        subject: fromCallback(({ receive }) => receive(({ type }) => sent.push(type))) as never,
        awaitRelease: fromCallback(() => {}) as never
      }
    })
    const actor = createActor(machine, { clock, input: inputOf('permanent', more) }).start()
    return { actor, clock, sent }
  }

  test('a child that ignores drain and release ends at the sum of its deadlines', () => {
    const { actor, clock, sent } = start({ drainMsMax: 500, shutdownMsMax: 700 })
    actor.send({ type: 'child.ready' })
    actor.send({ type: 'stop.requested' })
    clock.increment(400)
    actor.send({ type: 'stop.requested' })
    clock.increment(100)
    expect(sent).toEqual(['drain.requested'])
    expect(actor.getSnapshot().value).toBe('releasing')
    clock.increment(699)
    expect(actor.getSnapshot().value).toBe('releasing')
    clock.increment(1)
    expect(actor.getSnapshot()).toMatchObject({
      status: 'done',
      output: { outcome: 'stopped', crash: null }
    })
  })

  test('a supervisor is asked to stop, and has its shutdown deadline for it', () => {
    const { actor, clock, sent } = start({ type: 'supervisor', shutdownMsMax: 700 })
    actor.send({ type: 'child.ready' })
    actor.send({ type: 'stop.requested' })
    expect(sent).toEqual(['stop.requested'])
    clock.increment(700)
    expect(actor.getSnapshot().value).toBe('releasing')
  })

  test('the window slides: each crash is forgotten windowMs after it happened', () => {
    const { actor, clock } = start({
      startMsMax: 1_000,
      shutdownMsMax: 1,
      backoff: { msMin: 999, msMax: 999, factor: 1, jitterRatio: 0, upMsMin: 1 },
      limit: { restartsMax: 5, windowMs: 7_000 }
    })
    // A start deadline missed every 2,000 ms: at 1,000, 3,000, 5,000
    // and 7,000; the first leaves at 8,000.
    const seen: Array<number> = []
    for (let at = 1; at <= 12_500; at++) {
      clock.increment(1)
      actor.send({ type: 'start.requested' })
      if (at % 1_000 === 500) seen.push(actor.getSnapshot().context.inWindow)
    }
    expect(seen).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 3, 4, 3, 4, 3])
  })
})

describe('crashOf', () => {
  test.each([
    [new TypeError('bad'), 'TypeError', 'bad', false],
    [
      { _tag: 'SocketClosed', message: 'closed', isDependency: true },
      'SocketClosed',
      'closed',
      true
    ],
    [{ _tag: 'SocketClosed', dependency: true }, 'SocketClosed', 'SocketClosed', true],
    ['text', 'UnknownFailure', 'text', false],
    [undefined, 'UnknownFailure', 'undefined', false],
    [Symbol('s'), 'UnknownFailure', 'Symbol(s)', false],
    [Object.create(null), 'UnknownFailure', 'no message', false]
  ])('%o', (error, tag, message, isDependency) => {
    expect(crashOf(error)).toMatchObject({ tag, message, isDependency })
  })

  test('is total, bounded and idempotent', () => {
    fc.assert(
      fc.property(fc.anything(), (error) => {
        const crash = crashOf(error)
        expect(crash).toBeInstanceOf(ActorCrashed)
        expect(crash.message.length).toBeLessThanOrEqual(crashMessageLengthMax + 1)
        expect(crashOf(crash)).toBe(crash)
      })
    )
    const trap = () => {
      throw new Error('trap')
    }
    expect(crashOf(new Proxy({}, { get: trap, getPrototypeOf: trap })).tag).toBe(
      'UnreadableFailure'
    )
  })
})

describe('a refusal, which needs a person', () => {
  const error = { _tag: 'PortInUse', message: 'port 1 is in use', isRefusal: true }
  const run = (...sent: ReadonlyArray<unknown>) => {
    const input = inputOf('permanent')
    return sent.reduce<ReturnType<typeof initialTransition<typeof childMachine>>[0]>(
      (state, event) => transition(childMachine, state, event as never)[0],
      initialTransition(childMachine, input)[0]
    )
  }
  const refused = { type: 'xstate.error.actor.subject', error, actorId: 'subject' }
  const released = { type: 'child.released' }
  const escalated = (from: string) => ({
    type: 'xstate.done.actor.subject',
    output: { _tag: 'Escalated', childId: from, crash: crashOf(error) },
    actorId: 'subject'
  })

  test('ends a child that has never started', () => {
    const { value, output } = run(refused, released)
    expect(value).toBe('escalated')
    expect(output).toMatchObject({
      outcome: 'escalated',
      crash: { tag: 'PortInUse', isRefusal: true }
    })
  })

  test('goes up through supervisors that have not started either', () => {
    const { value, output } = run(escalated('http'), released)
    expect(value).toBe('escalated')
    expect(output).toMatchObject({
      crash: { message: 'http: port 1 is in use', isRefusal: true }
    })
  })

  test('restarts one that has started before: what it needs may come back', () => {
    expect(run({ type: 'child.ready' }, refused, released).value).toBe('backingOff')
  })
})
