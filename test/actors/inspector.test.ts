import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createActor, setup, SimulatedClock } from 'xstate'
import { makeInspector } from '../../src/actors/inspector.ts'
import { stateTextOf } from '../../src/actors/state-text.ts'

const toggle = setup({}).createMachine({
  initial: 'off',
  states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off', poke: { actions: () => {} } } } }
})

test('the ring keeps the newest transitions, oldest first, whatever their number', () => {
  fc.assert(
    fc.property(fc.nat(30), fc.integer({ min: 1, max: 10 }), (flips, transitionsMax) => {
      const clock = new SimulatedClock()
      const seen: Array<string> = []
      const { counters, inspect, transitions } = makeInspector({
        nowMs: () => clock.now(),
        transitionsMax,
        observe: ({ atMs, from, to }) => seen.push(`${atMs} ${from}>${to}`)
      })
      const actor = createActor(toggle, { id: 'root', inspect, clock }).start()
      for (let flip = 0; flip < flips; flip++) {
        clock.increment(10)
        actor.send({ type: 'flip' })
      }
      expect(transitions().map(({ atMs, from, to }) => `${atMs} ${from}>${to}`)).toEqual(
        seen.slice(-transitionsMax)
      )
      expect(seen.length).toBe(flips + 1)
      expect(counters('root')).toMatchObject({
        transitionCount: flips,
        sinceMs: flips * 10,
        unhandledCount: 0
      })
    })
  )
})

test('events that nobody takes are counted, and a throwing observer is contained', () => {
  const { counters, inspect } = makeInspector({
    nowMs: () => 1,
    transitionsMax: 5,
    observe: () => {
      throw new Error('observer')
    }
  })
  const actor = createActor(toggle, { id: 'root', inspect }).start()
  actor.send({ type: 'poke' })
  actor.send({ type: 'unknown' })
  actor.send({ type: 'flip' })
  expect(actor.getSnapshot().value).toBe('on')
  expect(counters('root')).toMatchObject({ unhandledCount: 2 })
})

test.each([
  [{ value: 'running' }, 'running'],
  [{ value: { up: 'running' } }, 'up.running'],
  [{ value: { up: { a: 'x', b: { c: 'y' } } } }, 'up.{a.x|b.c.y}'],
  [{ value: { up: {} } }, 'up'],
  [{ status: 'active' }, 'active'],
  [{}, 'unknown'],
  [{ value: 7 }, 'unknown']
])('state text of %j', (snapshot, text) => {
  expect(stateTextOf(snapshot)).toBe(text)
})
