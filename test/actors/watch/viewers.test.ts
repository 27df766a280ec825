import { Effect, Exit } from 'effect'
import * as TestClock from 'effect/testing/TestClock'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { WatchBoard } from '../../../src/actors/watch/watch-board.ts'
import { Folded } from '../../../src/actors/watch/watch-fold.ts'
import type { Viewer, ViewerPart } from '../../../src/adapters/http/watch-deps.ts'
import type { WatchFrame } from '../../../src/adapters/http/watch-schemas.ts'
import { actorLine, transitionLine } from './support.ts'

const fromNow = { after: undefined, instance: undefined }

const newBoard = () => {
  let nowMs = 0
  const board = new WatchBoard({
    uuid: () => 'this-process',
    nowMs: () => 0,
    host: { monotonicMs: () => nowMs }
  })
  let at = 0
  return {
    board,
    pass: (ms: number) => void (nowMs += ms),
    push: (count = 1) => {
      for (let pushed = 0; pushed < count; pushed++) {
        at += 1
        const state = { keeper: null, kept: String(at) }
        board.push({
          at,
          actors: [actorLine(`root/${at % 5}`, { state })],
          transitions: [transitionLine({ path: `root/${at % 5}`, to: String(at % 3) })],
          ...(at % 4 === 0 ? { sample: [at] } : {})
        })
      }
    }
  }
}

const open = (board: WatchBoard, from = {}): Viewer =>
  Effect.runSync(board.viewers.open(board, { ...fromNow, ...from }))

const take = (viewer: Viewer): ViewerPart => Effect.runSync(viewer.next)

const framesOf = (part: ViewerPart): readonly WatchFrame[] =>
  part.type === 'frames' ? part.frames.map(({ text }) => JSON.parse(text) as WatchFrame) : []

/** Counts aside, which who skips does not know. */
const known = (folded: Folded) => {
  const { counts: _counts, actors, ...others } = folded.frame()
  return { ...others, actors: actors!.toSorted((a, b) => (a.path < b.path ? -1 : 1)) }
}

test('20 viewers, each at its own pace, know the same in the end as the journal does', () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ viewer: fc.nat(19) })
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { board, push } = newBoard()
      push(3)
      const viewers = Array.from({ length: 20 }, () => {
        const folded = new Folded(0)
        folded.add(board.journal.base())
        for (const { text } of board.journal.frames) folded.add(JSON.parse(text) as WatchFrame)
        return { viewer: open(board, { after: board.journal.seq }), folded }
      })
      const read = ({ viewer, folded }: (typeof viewers)[number]) => {
        const before = folded.seq
        const frames = folded.seq === board.journal.seq ? [] : framesOf(take(viewer))
        for (const frame of frames) folded.add(frame)
        return folded.seq > before
      }
      for (const it of steps) {
        if ('push' in it) push(it.push)
        else read(viewers[it.viewer]!)
      }
      for (const viewer of viewers) while (read(viewer));
      const all = new Folded(0)
      all.add(board.journal.base())
      for (const { text } of board.journal.frames) all.add(JSON.parse(text) as WatchFrame)
      for (const { folded } of viewers) expect(known(folded)).toEqual(known(all))
    }),
    { numRuns: 50 }
  )
})

test('who reconnects with what it has seen last misses nothing and sees nothing twice', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 12 }), (pushes) => {
      const { board, push } = newBoard()
      push()
      const seen: number[] = []
      let after = board.journal.seq
      for (const count of pushes) {
        push(count)
        const viewer = open(board, { after, instance: 'this-process' })
        const frames = framesOf(take(viewer))
        seen.push(...frames.map(({ seq }) => seq))
        after = frames.at(-1)!.seq
        viewer.close()
      }
      const total = pushes.reduce((sum, count) => sum + count, 0)
      expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 2))
      expect(board.viewers.count).toBe(0)
    })
  )
})

test('who falls behind gets one frame for what it missed, with what is left out of it', () => {
  const { board, push } = newBoard()
  const viewer = open(board)
  push()
  take(viewer)
  push(1_000)
  const [frame, ...others] = framesOf(take(viewer))
  expect([frame!.seq, others]).toEqual([1_001, []])
  expect([frame!.transitions!.length, frame!.left_out]).toEqual([500, 500])
  expect(frame!.actors!.length).toBe(5)
})

test.each([
  ['of another process', { after: 2, instance: 'another' }],
  ['from the future', { after: 9 }],
  ['from before the journal', { after: 0 }]
])('who has frames %s begins anew', (_what, from) => {
  const { board, push } = newBoard()
  push(20_003)
  const viewer = open(board, from.after === 9 ? { after: 99_999 } : from)
  expect(take(viewer)).toEqual({ type: 'reset', instance: 'this-process' })
  push()
  expect(framesOf(take(viewer)).map(({ seq }) => seq)).toEqual([20_004])
})

test('64 watch; one that takes nothing for two minutes gives its place up', () => {
  const { board, pass, push } = newBoard()
  push()
  const [first] = Array.from({ length: 64 }, () => open(board, { after: 0 }))
  const refused = Effect.runSyncExit(board.viewers.open(board, fromNow))
  expect(Exit.isFailure(refused)).toBe(true)
  pass(119_000)
  take(first!)
  pass(2_000)
  open(board)
  // It had taken something meanwhile.
  expect(board.viewers.count).toBe(2)
})

test('what viewers do not take costs nothing: the journal is what it is without them', () => {
  const [watched, alone] = [newBoard(), newBoard()]
  for (let viewer = 0; viewer < 64; viewer++) open(watched.board)
  watched.push(30_000)
  alone.push(30_000)
  expect(watched.board.journal.bytes).toBe(alone.board.journal.bytes)
  expect(watched.board.journal.frames.length).toBe(alone.board.journal.frames.length)
})

test('a viewer hears after ten seconds that there was nothing', async () => {
  const { board } = newBoard()
  const viewer = open(board)
  const heard = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkScoped(viewer.next)
        yield* TestClock.adjust(9_999)
        const before = fiber.pollUnsafe()
        yield* TestClock.adjust(1)
        return [before, fiber.pollUnsafe()]
      })
    ).pipe(Effect.provide(TestClock.layer()))
  )
  expect(heard).toEqual([undefined, Exit.succeed({ type: 'quiet' })])
})
