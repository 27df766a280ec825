import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type DeletionEvent, openDeletionQueue } from '../../../src/adapters/disk/deletion-queue.ts'

let folder: string
let nowMs: number
let removed: string[]
let events: DeletionEvent[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'k2-deletions-'))
  nowMs = 0
  removed = []
  events = []
})
afterEach(() => rmSync(folder, { recursive: true }))

const open = () =>
  openDeletionQueue({
    journal: join(folder, 'expired.ndjson'),
    graceMs: 1_000,
    nowMs: () => nowMs,
    remove: (location) =>
      location === 'stuck'
        ? Effect.fail({ message: 'EACCES' })
        : Effect.sync(() => void removed.push(location)),
    observe: (event) => events.push(event)
  })

const run = <A>(effect: Effect.Effect<A, never, Scope.Scope>) =>
  Effect.runPromise(Effect.scoped(effect))

test('files are deleted after their grace time, not before', () =>
  run(
    Effect.gen(function* () {
      const queue = yield* open()
      queue.add(['a'])
      nowMs = 500
      queue.add(['b'])
      nowMs = 999
      yield* queue.sweep
      expect(removed).toEqual([])
      nowMs = 1_000
      yield* queue.sweep
      expect(removed).toEqual(['a'])
      nowMs = 1_500
      yield* queue.sweep
      expect(removed).toEqual(['a', 'b'])
      expect(queue.size()).toBe(0)
    })
  ))

test('a restart goes on with what waits, grace anew, and an emptied journal is empty', async () => {
  await run(Effect.map(open(), (queue) => queue.add(['a', 'b'])))
  await run(
    Effect.gen(function* () {
      const queue = yield* open()
      expect(queue.size()).toBe(2)
      nowMs = 1_000
      yield* queue.sweep
    })
  )
  expect(removed).toEqual(['a', 'b'])
  expect(readFileSync(join(folder, 'expired.ndjson'), 'utf8')).toBe('')
})

test('a file that cannot be deleted is reported and does not hold up the others', () =>
  run(
    Effect.gen(function* () {
      const queue = yield* open()
      queue.add(['stuck', 'a'])
      nowMs = 1_000
      yield* queue.sweep
      expect(removed).toEqual(['a'])
      expect(events).toEqual([
        { type: 'file.kept', location: 'stuck', detail: 'EACCES' },
        { type: 'file.deleted' }
      ])
    })
  ))
