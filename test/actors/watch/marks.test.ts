import { expect, test } from 'vitest'
import { MarkBook } from '../../../src/actors/watch/marks.ts'
import { transitionLine } from './support.ts'

const path = 'root/log/event-log'
const lastError = { tag: 'LogUnavailable', message: 'it is away' }
const facts = { lastError, upMsMin: 10_000 }

const told = () => {
  const book = new MarkBook()
  return {
    due: (nowMs: number) => book.due(nowMs).map(({ kind, at }) => [kind, at]),
    note: (at: number, event: string, [from, to]: readonly [string, string], error = facts) =>
      book.note(transitionLine({ at, path, of: 'keeper', event, from, to }), error)
  }
}

test('a crash, a quarantine and a release are marked, with why', () => {
  const { note } = told()
  expect(note(1, 'xstate.error.actor.subject', ['releasing', 'backingOff'])).toEqual([
    { at: 1, kind: 'crash', path, text: `${path} crashed: LogUnavailable: it is away` }
  ])
  expect(note(2, 'limit.reached', ['releasing', 'quarantined'])).toMatchObject([
    { kind: 'quarantined' }
  ])
  expect(note(3, 'release.requested', ['quarantined', 'standingBy'])).toEqual([
    { at: 3, kind: 'released', path, text: `${path} was released` }
  ])
  expect(note(4, 'child.ready', ['up.starting', 'up.running'])).toMatchObject([
    { kind: 'recovered' }
  ])
  expect(note(5, 'stop.requested', ['up.running', 'up.draining'])).toEqual([])
})

test('an outage is marked once, and its end when what runs has run for long enough', () => {
  const { note, due } = told()
  const fails = (at: number) => note(at, 'child.released', ['releasing', 'waiting'])
  const tries = (at: number) => note(at, 'start.requested', ['standingBy', 'up.running'])
  const ends = (at: number) => note(at, 'xstate.error.actor.subject', ['up.running', 'releasing'])
  expect(fails(0)).toHaveLength(1)
  for (const at of [1_000, 5_000, 9_000]) {
    expect([tries(at), due(at + 900), ends(at + 1_000), fails(at + 1_001)].flat()).toEqual([])
  }
  expect(due(60_000)).toEqual([])
  tries(61_000)
  expect(due(70_999)).toEqual([])
  expect(due(71_000)).toEqual([['recovered', 61_000]])
  expect(due(90_000)).toEqual([])
  expect(fails(95_000)).toHaveLength(1)
})

test('a first start is no recovery', () => {
  const { note, due } = told()
  const clean = { ...facts, lastError: null as never }
  expect(note(0, 'xstate.init', ['', 'up.running'], clean)).toEqual([])
  expect(note(0, 'child.ready', ['up.starting', 'up.running'], clean)).toEqual([])
  expect(due(99_999)).toEqual([])
})
