import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineBook } from '../../../src/actors/watch/line-book.ts'
import type { LiveActor } from '../../../src/actors/watch/actor-lines.ts'
import { actorLine } from './support.ts'

const live = (state: string, bytes: number, messages = 0): LiveActor => ({
  line: actorLine('root/a', { state: { keeper: null, kept: state }, queue_bytes: bytes }),
  messages
})

test('a state is told at once; numbers every five seconds, and with a state', () => {
  const book = new LineBook()
  const told = (atMs: number, actor: LiveActor) => book.changes([actor], atMs).actors[0]
  expect(told(0, live('idle', 10))).toMatchObject({ queue_bytes: 10, messages_per_second: null })
  expect(told(1_000, live('idle', 11))).toBeUndefined()
  expect(told(2_000, live('busy', 12))).toMatchObject({ queue_bytes: 12 })
  expect(told(6_900, live('busy', 13, 690))).toBeUndefined()
  expect(told(7_000, live('busy', 13, 700))).toMatchObject({
    queue_bytes: 13,
    messages_per_second: 100
  })
  expect(told(30_000, live('busy', 13, 3_001))).toBeUndefined()
})

test('who is there no more is gone, once, and may come back', () => {
  const book = new LineBook()
  book.changes([live('idle', 0)], 0)
  expect(book.changes([], 1)).toEqual({ actors: [], gone: ['root/a'] })
  expect(book.changes([], 2)).toEqual({ actors: [], gone: [] })
  expect(book.changes([live('idle', 0)], 3).actors).toHaveLength(1)
})

test('property: what was told last has the state that is', () => {
  const moment = fc.record({
    passed: fc.integer({ min: 1, max: 3_000 }),
    state: fc.constantFrom('idle', 'busy'),
    bytes: fc.nat(50)
  })
  fc.assert(
    fc.property(fc.array(moment), (moments) => {
      const book = new LineBook()
      let [atMs, state, lines] = [0, '', 0]
      for (const it of moments) {
        atMs += it.passed
        const [line] = book.changes([live(it.state, it.bytes)], atMs).actors
        if (line === undefined) expect(it.state).toBe(state)
        else if (line.state.kept === state) lines += 1
        state = it.state
      }
      // Beside those for a state: one in five seconds.
      expect(lines).toBeLessThanOrEqual(atMs / 5_000)
    })
  )
})
