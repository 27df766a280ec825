/** The state that a page folds out of what it was sent is the state that the actors are in. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LiveActor } from '../../../src/actors/watch/actor-lines.ts'
import { Journal } from '../../../src/actors/watch/journal.ts'
import { LineBook } from '../../../src/actors/watch/line-book.ts'
import { Folded } from '../../../src/actors/watch/watch-fold.ts'
import type { WatchActor, WatchFrame } from '../../../src/adapters/http/watch-schemas.ts'
import { actorLine } from './support.ts'

const live: fc.Arbitrary<LiveActor> = fc
  .record({
    path: fc.constantFrom('root', 'root/a', 'root/b', 'root/b/c', 'root/d'),
    keeper: fc.constantFrom('up.running', 'backingOff', 'quarantined'),
    kept: fc.constantFrom('normal', 'soft', null),
    restarts: fc.nat(3),
    bytes: fc.option(fc.nat(99_999)),
    messages: fc.nat(100)
  })
  .map(({ path, keeper, kept, restarts, bytes, messages }) => ({
    line: actorLine(path, { state: { keeper, kept }, restarts, queue_bytes: bytes }),
    messages
  }))

const moments = fc.array(
  fc.record({
    passed: fc.integer({ min: 1, max: 4_000 }),
    actors: fc.uniqueArray(live, { selector: ({ line }) => line.path })
  }),
  { minLength: 1, maxLength: 40 }
)

const byPath = (lines: readonly WatchActor[]): readonly WatchActor[] =>
  lines.toSorted((one, other) => (one.path < other.path ? -1 : 1))

/** Numbers are told every five seconds; all else at once. */
const stateOf = ({ path, state, restarts }: WatchActor) => ({ path, state, restarts })

test('property: at every moment, and back at every moment that the journal has', () => {
  fc.assert(
    fc.property(moments, fc.integer({ min: 1, max: 8 }), (all, framesMax) => {
      const journal = new Journal(0, { framesMax, samplesMax: 100, bytesMax: 1_000_000 })
      const book = new LineBook()
      const was = new Map<number, readonly WatchActor[]>()
      let atMs = 0
      for (const { passed, actors } of all) {
        atMs += passed
        journal.push({ at: atMs, ...book.changes(actors, atMs) })
        was.set(journal.seq, actors.map(({ line }) => line))
        const folded = new Folded(0)
        folded.add(journal.base())
        for (const { seq, text } of journal.frames) {
          folded.add(JSON.parse(text) as WatchFrame)
          const shown = byPath(folded.frame().actors!)
          expect(shown.map(stateOf)).toEqual(byPath(was.get(seq)!).map(stateOf))
        }
        expect(byPath(folded.frame().actors!)).toEqual(byPath(book.lines))
      }
    }),
    { numRuns: 60 }
  )
})
