import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { createActor, createMachine, type InspectionEvent } from 'xstate'
import { inspectionChannel, watchable } from '../../src/actors/inspection-channel.ts'

const machine = createMachine({
  initial: 'off',
  states: { off: { on: { 'turn.requested': 'on' } }, on: {} }
})

test('who subscribes gets the very events that K2 observes, from then until it stops', () => {
  const own: InspectionEvent[] = []
  const watched: unknown[] = []
  const actor = createActor(machine, { inspect: watchable((event) => own.push(event)) })
  actor.start()
  const note = (event: unknown) => watched.push(event)
  subscribe(inspectionChannel, note)
  const before = own.length
  actor.send({ type: 'turn.requested' })
  unsubscribe(inspectionChannel, note)
  const seen = own.slice(before)
  actor.send({ type: 'turn.requested' })
  expect(seen.map(({ type }) => type)).toContain('@xstate.snapshot')
  expect(watched).toEqual(seen)
  expect(own.length).toBeGreaterThan(before + seen.length)
})
