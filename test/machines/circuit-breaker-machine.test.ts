import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createActor, initialTransition, SimulatedClock, transition } from 'xstate'
import { getAdjacencyMap } from 'xstate/graph'
import { stateTextOf } from '../../src/actors/state-text.ts'
import {
  type CircuitChange,
  circuitBreakerMachine,
  type CircuitCommand,
  type CircuitEvent,
  type CircuitInput
} from '../../src/machines/circuit-breaker-machine.ts'
import { manualPort } from './support/feed.ts'

const input: CircuitInput = {
  failuresMax: 3,
  backoff: { msMin: 100, msMax: 1_000, factor: 2, jitterRatio: 0, upMsMin: 5_000 },
  probeMsMax: 2_000,
  jitterSeed: 1
}

const failed = (detail = 'gone'): CircuitEvent => ({
  type: 'send.failed',
  isIndeterminate: false,
  detail
})
const unknown: CircuitEvent = { type: 'send.failed', isIndeterminate: true, detail: 'no answer' }
const acknowledged: CircuitEvent = { type: 'send.acknowledged' }

const startCircuit = (changes: Partial<CircuitInput> = {}) => {
  const clock = new SimulatedClock()
  const program = { inputs: [] as unknown[], commands: [] as CircuitCommand[] }
  const reports: CircuitChange[] = []
  const actor = createActor(
    circuitBreakerMachine.provide({
      actors: { program: manualPort<void, void, CircuitCommand>(program as never) },
      actions: { report: (_, change) => reports.push(change) }
    }),
    { input: { ...input, ...changes }, clock }
  )
  const errors: unknown[] = []
  actor.subscribe({ error: (error) => errors.push(error) })
  actor.start()
  return {
    actor, clock, reports, errors, commands: program.commands,
    send: (...events: readonly CircuitEvent[]) => events.forEach((event) => actor.send(event)),
    state: () => stateTextOf(actor.getSnapshot()),
    context: () => actor.getSnapshot().context,
    settle: (verdict: object) => actor.getSnapshot().children['program']!.send(verdict as never)
  }
}

type Circuit = ReturnType<typeof startCircuit>

const reach: Readonly<Record<string, (circuit: Circuit) => void>> = {
  closed: () => undefined,
  open: ({ send }) => send(unknown),
  'halfOpen.ready': ({ send, clock }) => {
    send(unknown)
    clock.increment(100)
  },
  'halfOpen.probing': ({ send, clock }) => {
    send(unknown)
    clock.increment(100)
    send({ type: 'probe.started', probe: 1 })
  }
}

describe('every state by every event', () => {
  const present = (type: 'probe.started' | 'probe.acknowledged'): CircuitEvent => ({
    type,
    probe: 1
  })
  const late = (type: 'probe.started' | 'probe.acknowledged'): CircuitEvent => ({ type, probe: 0 })
  const probeFailed = (probe: number): CircuitEvent => ({
    type: 'probe.failed',
    probe,
    detail: 'still gone'
  })
  const all = (text: string) => Array.from({ length: 9 }, () => text)
  const events: readonly CircuitEvent[] = [
    acknowledged, failed(), unknown, present('probe.started'), present('probe.acknowledged'),
    probeFailed(1), late('probe.started'), late('probe.acknowledged'), probeFailed(0)
  ]
  test.each([
    ['closed', ['closed', 'closed', 'open', ...all('closed').slice(3)]],
    ['open', all('open')],
    [
      'halfOpen.ready',
      [
        ...all('halfOpen.ready').slice(6), 'halfOpen.probing', 'closed', 'open',
        ...all('halfOpen.ready').slice(6)
      ]
    ],
    [
      'halfOpen.probing',
      [
        ...all('halfOpen.probing').slice(5), 'closed', 'open',
        ...all('halfOpen.probing').slice(6)
      ]
    ]
  ] as const)('%s', (from, expected) => {
    const reached = events.map((event) => {
      const circuit = startCircuit()
      reach[from]!(circuit)
      expect(circuit.state()).toBe(from)
      circuit.send(event)
      return circuit.state()
    })
    expect(reached).toEqual(expected)
  })

  test('every state and every transition between two of them is reached', () => {
    // Delays as events, as the machine itself raises them.
    const after = ['upDelay', 'backoffDelay', 'probeDeadline'].flatMap((delay) =>
      ['closed', 'open', 'halfOpen.probing'].map((state) => ({
        type: `xstate.after.${delay}.circuit.${state}`
      }))
    )
    const graphEvents = [...events, ...after] as CircuitEvent[]
    const program = manualPort<void, void, CircuitCommand>({ inputs: [], commands: [] })
    const map = getAdjacencyMap(circuitBreakerMachine.provide({ actors: { program } }), {
      input,
      events: graphEvents,
      serializeState: (snapshot) => {
        const { failureCount, attempt, probe } = snapshot.context
        return [stateTextOf(snapshot), failureCount, Math.min(attempt, 2), probe].join(' ')
      },
      stopWhen: (snapshot) => snapshot.status !== 'active' || snapshot.context.probe > 2,
      limit: 20_000
    })
    const changes = Object.values(map).flatMap(({ state, transitions }) =>
      Object.values<{ readonly state: object }>(transitions).map(
        (next): readonly [string, string] => [stateTextOf(state), stateTextOf(next.state)]
      )
    )
    const seen = new Set(changes.flatMap(([from, to]) => (from === to ? [] : [`${from} > ${to}`])))
    expect([...seen].sort()).toEqual([
      'closed > open',
      'halfOpen.probing > closed',
      'halfOpen.probing > open',
      'halfOpen.ready > closed',
      'halfOpen.ready > halfOpen.probing',
      'halfOpen.ready > open',
      'open > halfOpen.ready'
    ])
  })
})

describe('closed', () => {
  test('consecutive failures open it; one success in between starts the count anew', () => {
    const circuit = startCircuit()
    circuit.send(failed(), failed(), acknowledged, failed(), failed())
    expect(circuit.state()).toBe('closed')
    expect(circuit.context().failureCount).toBe(2)
    circuit.send(failed('the third'))
    expect(circuit.state()).toBe('open')
    expect(circuit.context()).toMatchObject({ lastFailure: 'the third', openedCount: 1 })
    expect(circuit.commands).toEqual([{ type: 'circuit.opened' }])
  })

  test('one send of unknown outcome opens it', () => {
    const circuit = startCircuit()
    circuit.send(unknown)
    expect(circuit.state()).toBe('open')
    expect(circuit.actor.getSnapshot().hasTag('degraded')).toBe(true)
  })
})

describe('open and half-open', () => {
  test('the delay grows to the cap, and each opening grants one probe', () => {
    const circuit = startCircuit()
    circuit.send(unknown)
    for (const [index, delay] of [100, 200, 400, 800, 1_000, 1_000].entries()) {
      circuit.clock.increment(delay - 1)
      expect(circuit.state()).toBe('open')
      circuit.clock.increment(1)
      expect(circuit.commands.at(-1)).toEqual({ type: 'probe.granted', probe: index + 1 })
      circuit.send({ type: 'probe.started', probe: index + 1 })
      circuit.send({ type: 'probe.failed', probe: index + 1, detail: 'still gone' })
    }
    expect(circuit.context().openedCount).toBe(7)
  })

  test('a probe that is never answered is overdue, and its late word changes nothing', () => {
    const circuit = startCircuit()
    reach['halfOpen.probing']!(circuit)
    circuit.clock.increment(1_999)
    expect(circuit.state()).toBe('halfOpen.probing')
    circuit.clock.increment(1)
    expect(circuit.state()).toBe('open')
    expect(circuit.context().lastFailure).toBe('the probe was not answered in time')
    circuit.send({ type: 'probe.acknowledged', probe: 1 })
    expect(circuit.state()).toBe('open')
    circuit.clock.increment(200)
    circuit.send({ type: 'probe.acknowledged', probe: 1 })
    expect(circuit.state()).toBe('halfOpen.ready')
  })

  test('where nothing is to be sent it stays ready, however long', () => {
    const circuit = startCircuit()
    reach['halfOpen.ready']!(circuit)
    circuit.clock.increment(3_600_000)
    expect(circuit.state()).toBe('halfOpen.ready')
    circuit.send({ type: 'probe.started', probe: 1 }, { type: 'probe.acknowledged', probe: 1 })
    expect(circuit.state()).toBe('closed')
    expect(circuit.commands.at(-1)).toEqual({ type: 'circuit.closed' })
  })

  test('the delay starts anew only after it was closed for long enough', () => {
    const circuit = startCircuit()
    const close = () =>
      circuit.send({ type: 'probe.acknowledged', probe: circuit.context().probe })
    circuit.send(unknown)
    circuit.clock.increment(100)
    close()
    circuit.clock.increment(4_999)
    circuit.send(unknown)
    circuit.clock.increment(199)
    expect(circuit.state()).toBe('open')
    circuit.clock.increment(1)
    close()
    circuit.clock.increment(5_000)
    circuit.send(unknown)
    circuit.clock.increment(100)
    expect(circuit.state()).toBe('halfOpen.ready')
  })

  test('every change is reported once, with its reason', () => {
    const circuit = startCircuit()
    reach['halfOpen.probing']!(circuit)
    circuit.send({ type: 'probe.acknowledged', probe: 1 })
    expect(circuit.reports).toEqual([
      { to: 'open', openedCount: 1, detail: 'no answer' },
      { to: 'halfOpen', openedCount: 1, detail: 'no answer' },
      { to: 'closed', openedCount: 1, detail: null }
    ])
  })
})

describe('its program', () => {
  test('is asked to drain in every state, and ends the breaker', () => {
    for (const arrive of Object.values(reach)) {
      const circuit = startCircuit()
      arrive(circuit)
      circuit.send({ type: 'drain.requested' })
      expect(circuit.commands.at(-1)).toEqual({ type: 'drain.requested' })
      circuit.settle({ type: 'port.done', output: undefined })
      expect(circuit.actor.getSnapshot().status).toBe('done')
    }
  })

  test('fails as itself: a dependency stays one', () => {
    const circuit = startCircuit()
    const gone = Object.assign(new Error('gone'), { _tag: 'LogUnavailable', isDependency: true })
    circuit.settle({ type: 'port.failed', error: gone })
    expect(circuit.errors).toMatchObject([
      { _tag: 'ActorCrashed', tag: 'LogUnavailable', isDependency: true }
    ])
  })

  test('without one the breaker does not start', () => {
    const [snapshot] = initialTransition(circuitBreakerMachine, input)
    const [next] = transition(circuitBreakerMachine, snapshot, failed())
    expect(next.context.failureCount).toBe(1)
    const actor = createActor(circuitBreakerMachine, { input })
    const errors: unknown[] = []
    actor.subscribe({ error: (error) => errors.push(error) })
    actor.start()
    expect(errors).toMatchObject([{ message: expect.stringContaining('"program"') }])
  })
})

test('property: whatever comes in whatever order, the invariants hold', () => {
  const event = fc.oneof(
    fc.constantFrom<CircuitEvent>(acknowledged, failed(), unknown),
    fc.record({
      type: fc.constantFrom('probe.started' as const, 'probe.acknowledged' as const),
      probe: fc.integer({ min: 0, max: 4 })
    }),
    fc.record({
      type: fc.constant('probe.failed' as const),
      probe: fc.integer({ min: 0, max: 4 }),
      detail: fc.constant('x')
    }),
    fc.integer({ min: 1, max: 3_000 })
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (steps) => {
      const circuit = startCircuit()
      let probingMs = 0
      for (const step of steps) {
        const before = circuit.state()
        if (typeof step === 'number') circuit.clock.increment(step)
        else circuit.send(step)
        const after = circuit.state()
        probingMs =
          after === 'halfOpen.probing' && before === after && typeof step === 'number'
            ? probingMs + step
            : 0
        expect(probingMs).toBeLessThan(input.probeMsMax)
        expect(circuit.context().failureCount).toBeLessThan(input.failuresMax)
        expect(circuit.errors).toEqual([])
        const { probe, openedCount } = circuit.context()
        expect(probe).toBeLessThanOrEqual(openedCount)
        const granted = circuit.commands.filter(({ type }) => type === 'probe.granted')
        expect(granted).toHaveLength(probe)
      }
    }),
    { numRuns: 300 }
  )
})
