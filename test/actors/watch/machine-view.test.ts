import { expect, test } from 'vitest'
import { and, assign, createActor, fromPromise, not, setup, SimulatedClock } from 'xstate'
import { type Evidence, makeInspector, type Transition } from '../../../src/actors/inspector.ts'
import { machineList } from '../../../src/actors/watch/machine-list.ts'
import { leavesOf, machineView } from '../../../src/actors/watch/machine-view.ts'
import { transitionView } from '../../../src/actors/watch/transition-view.ts'
import type { WatchState } from '../../../src/adapters/http/watch-schemas.ts'
import { degradationMachine } from '../../../src/machines/degradation-machine.ts'
import { feedMachine } from '../../../src/machines/feed-machine.ts'
import { healerMachine } from '../../../src/machines/healer-machine.ts'
import { childMachine } from '../../../src/machines/supervisor-child-machine.ts'
import { supervisorMachine } from '../../../src/machines/supervisor-machine.ts'

const lamp = setup({
  types: { context: {} as { count: number }, events: {} as { type: 'press'; by?: unknown } },
  actors: { look: fromPromise(() => Promise.resolve()) },
  guards: { isDark: () => false, isDay: () => false, isAny: (_it, _least: number) => true },
  delays: { patience: () => 50 },
  actions: { shine: () => {}, count: assign({ count: ({ context }) => context.count + 1 }) }
}).createMachine({
  id: 'lamp',
  context: { count: 0 },
  initial: 'off',
  states: {
    off: {
      tags: 'dark',
      invoke: { id: 'look', src: 'look', onDone: { actions: 'shine' } },
      on: {
        press: [
          { guard: 'isDark', target: 'on' },
          { guard: and(['isDay', not('isDark')]), target: 'broken' },
          {
            guard: { type: 'isAny', params: 1 },
            target: 'on.dim',
            actions: ['shine', { type: 'count' }, () => {}]
          }
        ]
      },
      after: { 500: 'broken', patience: { actions: 'shine' } }
    },
    on: {
      initial: 'bright',
      states: { bright: {}, dim: { always: { guard: not('isDark'), target: 'bright' } } }
    },
    broken: {
      type: 'parallel',
      states: { glass: { initial: 'cracked', states: { cracked: {} } }, wire: {} }
    }
  }
})

test('states and edges are those of the definition, with names for what has one', () => {
  const { id, root } = machineView('lamp', lamp)
  expect([id, root.initial, root.path, root.type]).toEqual(['lamp', 'off', '', 'compound'])
  const [off, on, broken] = root.states
  expect(off).toEqual({
    key: 'off',
    path: 'off',
    type: 'atomic',
    initial: null,
    tags: ['dark'],
    entry: [],
    exit: [],
    invoke: ['look'],
    states: [],
    edges: [
      edge({ event: 'press', guard: 'isDark', target: 'on' }),
      edge({ event: 'press', guard: 'and(isDay, not(isDark))', target: 'broken' }),
      edge({
        event: 'press',
        guard: 'isAny',
        target: 'on.dim',
        actions: ['shine', 'count', '(inline)']
      }),
      edge({ event: 'xstate.done.actor.look', kind: 'done', actions: ['shine'] }),
      edge({
        event: 'xstate.after.500.lamp.off',
        kind: 'after',
        delay: '500 ms',
        target: 'broken'
      }),
      edge({
        event: 'xstate.after.patience.lamp.off',
        kind: 'after',
        delay: 'patience',
        actions: ['shine']
      })
    ]
  })
  expect(on!.states[1]!.edges).toEqual([
    edge({ event: '', kind: 'always', guard: 'not(isDark)', target: 'on.bright' })
  ])
  expect([broken!.type, broken!.initial]).toEqual(['parallel', null])
})

const edge = (of: object) => ({
  kind: 'event',
  delay: null,
  guard: null,
  target: null,
  actions: [],
  ...of
})

const statesOf = (state: WatchState): readonly WatchState[] => [
  state,
  ...state.states.flatMap(statesOf)
]

test.each([childMachine, supervisorMachine, degradationMachine, feedMachine, healerMachine])(
  'all that is drawn of $id has a name, and edges lead to states',
  (machine) => {
    const states = statesOf(machineView(machine.id, machine).root)
    const paths = states.map(({ path }) => path)
    expect(new Set(paths).size).toBe(paths.length)
    for (const { edges, entry, exit, initial, path } of states) {
      const ofEdges = edges.flatMap(({ guard, actions }) => [guard, ...actions])
      const names = [...entry, ...exit, ...ofEdges]
      expect(names).not.toContain('(inline)')
      for (const { target } of edges) if (target !== null) expect(paths).toContain(target)
      if (initial !== null) expect(paths).toContain(path === '' ? initial : `${path}.${initial}`)
    }
  }
)

test('a machine is listed once, however it was provided; another of its name beside it', () => {
  const other = setup({}).createMachine({ id: 'lamp', initial: 'a', states: { a: {} } })
  const house = setup({ actors: { lamp, other } }).createMachine({ id: 'house' })
  const provided = lamp.provide({ actions: { shine: () => {} } })
  const { views, idOf } = machineList(house.provide({ actors: { lamp: provided } }))
  expect(views.map(({ id }) => id)).toEqual(['house', 'lamp', 'lamp-2'])
  expect([lamp, provided, other, house, fromPromise(async () => 1)].map(idOf)).toEqual([
    'lamp', 'lamp', 'lamp-2', 'house', null
  ])
})

test.each([
  ['off', 'off'],
  [{ on: 'dim' }, 'on.dim'],
  [{ broken: { glass: 'cracked', wire: {} } }, 'broken.glass.cracked & broken.wire'],
  [{}, ''],
  [undefined, '']
])('leaves of %j', (value, text) => {
  expect(leavesOf(value)).toBe(text)
})

const watched = (machine = lamp) => {
  const seen: Array<readonly [Transition, Evidence]> = []
  const clock = new SimulatedClock()
  const { inspect } = makeInspector({
    nowMs: () => clock.now(),
    transitionsMax: 10,
    observe: (transition, evidence) => {
      if (transition.path === 'lamp') seen.push([transition, evidence])
    }
  })
  const actor = createActor(machine, { id: 'lamp', inspect, clock }).start()
  const shown = () =>
    seen.map(([transition, evidence]) =>
      transitionView(transition, evidence, { machine: 'lamp', isKeeper: false })
    )
  return { actor, clock, shown }
}

test('a transition names its edges, guards in the order they were asked, and actions', () => {
  const { actor, shown } = watched()
  actor.send({ type: 'press', by: { name: 'me', times: 2n } })
  expect(shown()[1]).toEqual({
    at: 0,
    path: 'lamp',
    of: 'kept',
    machine: 'lamp',
    event: 'press',
    from: 'off',
    to: 'on.bright',
    taken: [
      { source: 'off', event: 'press', target: 'on.dim' },
      { source: 'on.dim', event: '', target: 'on.bright' }
    ],
    guards: [
      { guard: 'isDark', target: 'on', result: false },
      { guard: 'and(isDay, not(isDark))', target: 'broken', result: false },
      { guard: 'isAny', target: 'on.dim', result: true },
      { guard: 'not(isDark)', target: 'on.bright', result: true }
    ],
    actions: ['shine', 'count', '(inline)'],
    detail: '{"by":{"name":"me","times":"2"}}'
  })
})

test('a guard that was not asked is not told', () => {
  const { actor, shown } = watched(lamp.provide({ guards: { isDark: () => true } }))
  actor.send({ type: 'press' })
  expect(shown()[1]!.guards).toEqual([{ guard: 'isDark', target: 'on', result: true }])
})

test('steps of what changed no state are not told with what did', () => {
  const { actor, clock, shown } = watched()
  clock.increment(50)
  clock.increment(450)
  expect(shown().slice(1)).toMatchObject([
    {
      at: 500,
      to: 'broken.glass.cracked & broken.wire',
      taken: [{ event: 'xstate.after.500.lamp.off', target: 'broken' }]
    }
  ])
  actor.stop()
})

const circular: { self?: unknown } = {}
circular.self = circular

test.each([
  [new Error('it broke'), '{"by":{"tag":"Error","message":"it broke"}}'],
  [
    'https://user:pass@venue.example/stream?apiKey=1234 and more',
    '{"by":"https://venue.example/stream and more"}'
  ],
  [
    { apiKey: 'x', password: 'y', api_token: 'z', n: 1 },
    '{"by":{"apiKey":"…","password":"…","api_token":"…","n":1}}'
  ],
  [circular, '{"by":{"self":{"self":"…"}}}'],
  ['a'.repeat(1_000), `{"by":"${'a'.repeat(79)}…"}`],
  [undefined, '{}'],
  [{ get it() { throw new Error('unreadable') } }, null]
])('detail %#', (by, detail) => {
  const { actor, shown } = watched()
  actor.send({ type: 'press', by })
  expect(shown()[1]!.detail).toBe(detail)
})

test('detail is JSON and short, whatever is in an event', () => {
  const { actor, shown } = watched()
  const by = Array.from({ length: 500 }, (_, n) => ({ n, text: 'b'.repeat(60) }))
  actor.send({ type: 'press', by })
  const { detail } = shown()[1]!
  expect(detail!.length).toBeLessThanOrEqual(300)
  expect(JSON.parse(detail!).by[0].n).toBe(0)
})
