import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Journal, type JournalLimits } from '../../../src/actors/watch/journal.ts'
import { Folded, type FrameFacts, joined } from '../../../src/actors/watch/watch-fold.ts'
import type { WatchFrame } from '../../../src/adapters/http/watch-schemas.ts'
import { actorLine, transitionLine } from './support.ts'

const paths = ['root', 'root/a', 'root/b', 'root/b/c'] as const
const states = ['idle', 'busy', 'broken'] as const
const path = fc.constantFrom(...paths)
const state = fc.constantFrom(...states)

const actors = fc.uniqueArray(
  fc.record({ path, state, restarts: fc.nat(3) }).map(({ path, state, restarts }) =>
    actorLine(path, { state: { keeper: null, kept: state }, restarts })
  ),
  { selector: (line) => line.path, maxLength: 3 }
)
const transitions = fc.array(
  fc.record({ path, from: state, to: state }).map((of) => transitionLine(of)),
  { maxLength: 4 }
)
const facts: fc.Arbitrary<FrameFacts> = fc
  .record({ at: fc.nat(1_000), actors, gone: fc.uniqueArray(path, { maxLength: 2 }) })
  .chain(({ at, actors, gone }) =>
    fc.record(
      {
        at: fc.constant(at),
        actors: fc.constant(actors.filter((line) => !gone.includes(line.path as never))),
        gone: fc.constant(gone),
        transitions,
        sample: fc.array(fc.option(fc.nat(9)), { minLength: 1, maxLength: 1 })
      },
      { requiredKeys: ['at'] }
    )
  )
const frames = fc.array(facts, { maxLength: 40 })

const limits = (over: Partial<JournalLimits>): JournalLimits => ({
  samplesMax: 1_000,
  framesMax: 1_000,
  bytesMax: 1_000_000,
  ...over
})

const parsed = (journal: Journal): readonly WatchFrame[] =>
  journal.frames.map(({ text }) => JSON.parse(text) as WatchFrame)

const known = (all: readonly WatchFrame[]): WatchFrame => {
  const folded = new Folded(0)
  for (const frame of all) folded.add(frame)
  return sorted(folded.frame())
}

/** In what order something became known is not what is known. */
const sorted = ({ actors = [], counts = [], ...frame }: WatchFrame): WatchFrame => ({
  ...frame,
  actors: actors.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  counts: counts.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
})

describe('what has fallen out is in the base', () => {
  test('base and frames are what all frames said, at any time and with any limits', () => {
    fc.assert(
      fc.property(
        frames,
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 5_000 }),
        (all, samplesMax, framesMax, bytesMax) => {
          const journal = new Journal(0, { samplesMax, framesMax, bytesMax })
          const told: WatchFrame[] = []
          for (const [index, frame] of all.entries()) {
            journal.push(frame)
            told.push({ seq: index + 1, ...frame })
            expect(known([journal.base(), ...parsed(journal)])).toEqual(known(told))
          }
        }
      )
    )
  })

  test('the state at a moment in the past is base and frames up to it', () => {
    fc.assert(
      fc.property(frames, fc.nat(), (all, moment) => {
        const journal = new Journal(0, limits({ framesMax: 5 }))
        for (const frame of all) journal.push(frame)
        const kept = parsed(journal)
        if (kept.length === 0) return
        const until = kept[moment % kept.length]!.seq
        const told = all.slice(0, until).map((frame, index) => ({ seq: index + 1, ...frame }))
        const shown = [journal.base(), ...kept.filter(({ seq }) => seq <= until)]
        expect(known(shown)).toEqual(known(told))
      })
    )
  })

  test('it stays within its limits, but for one frame', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 2_000 }), (all, bytesMax) => {
        const journal = new Journal(0, limits({ bytesMax, framesMax: 7, samplesMax: 3 }))
        for (const frame of all) {
          journal.push(frame)
          const kept = journal.frames
          expect(kept.length).toBeLessThanOrEqual(7)
          if (kept.length === 1) continue
          expect(kept.filter(({ hasSample }) => hasSample).length).toBeLessThanOrEqual(3)
          expect(journal.bytes).toBeLessThanOrEqual(bytesMax)
          expect(kept.reduce((sum, { text }) => sum + text.length, 0)).toBe(journal.bytes)
        }
      })
    )
  })
})

describe('a reader', () => {
  test('who asks for what is behind gets each frame once, in order', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 3_000 }), (all, bytesMax) => {
        const journal = new Journal(0, limits({}))
        for (const frame of all) journal.push(frame)
        const seen: number[] = []
        for (let seq = 0; seq < journal.seq; ) {
          const part = journal.after(seq, bytesMax)
          seen.push(...part.map((frame) => frame.seq))
          seq = part.at(-1)!.seq
        }
        expect(seen).toEqual(all.map((_, index) => index + 1))
      })
    )
  })

  test('who skips frames knows what others know, and how many transitions it has missed', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 1, max: 8 }), (all, at, transitionsMax) => {
        const journal = new Journal(0, limits({}))
        for (const frame of all) journal.push(frame)
        if (all.length === 0) return
        const seq = at % all.length
        const told = all.map((frame, index) => ({ seq: index + 1, ...frame }))
        const skipped = JSON.parse(journal.joinedAfter(seq, transitionsMax).text) as WatchFrame
        const [own, others] = [known([...told.slice(0, seq), skipped]), known(told)]
        expect({ ...own, counts: [] }).toEqual({ ...others, counts: [] })
        const missed = told.slice(seq).flatMap(({ transitions }) => transitions ?? [])
        expect((skipped.transitions ?? []).length + (skipped.left_out ?? 0)).toBe(missed.length)
        expect(skipped.transitions ?? []).toEqual(missed.slice(-transitionsMax))
        if (missed.length <= transitionsMax) expect(own.counts).toEqual(others.counts)
      })
    )
  })

  test('frames joined twice are as joined once', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 2, maxLength: 20 }), fc.nat(), (all, at) => {
        const told = all.map((frame, index) => ({ seq: index + 1, ...frame }))
        const half = 1 + (at % (told.length - 1))
        const twice = joined([joined(told.slice(0, half), 5), ...told.slice(half)], 5)
        expect(known([twice])).toEqual(known([joined(told, 5)]))
        expect(twice.left_out).toBe(joined(told, 5).left_out)
      })
    )
  })
})
