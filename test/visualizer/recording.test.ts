/** A recording is at any time what its frames up to then make of its beginning. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advanced, emptyMoment, frameOf, type Moment } from '../../src/visualizer/moment.ts'
import { parseEpisode } from '../../src/visualizer/parse-episode.ts'
import { Recording } from '../../src/visualizer/recording.ts'
import type { WatchFrame, WatchTransition } from '../../src/visualizer/watch-types.ts'
import { actor, episode } from './support/episodes.ts'

const runs = { numRuns: 60, seed: Number(process.env['K2_SEED'] ?? Date.now() % 2 ** 31) }

const paths = ['root', 'root/a', 'root/b'] as const
const states = ['up', 'down', 'away'] as const

const step = fc.record({
  path: fc.constantFrom(...paths),
  from: fc.constantFrom(...states),
  to: fc.constantFrom(...states),
  isGone: fc.boolean(),
  afterMs: fc.integer({ min: 1, max: 90_000 })
})

interface Step {
  readonly path: string
  readonly from: string
  readonly to: string
  readonly isGone: boolean
  readonly afterMs: number
}

const framesOf = (steps: readonly Step[]) => {
  let at = 1_000
  return steps.map(({ path, from, to, isGone, afterMs }, seq): WatchFrame => {
    at += afterMs
    const transition: WatchTransition = {
      at,
      path,
      of: 'kept',
      machine: null,
      event: 'go',
      from,
      to,
      taken: [{ source: from, event: 'go', target: to }],
      guards: [],
      actions: [],
      detail: null
    }
    return {
      seq: seq + 1,
      at,
      ...(isGone ? { gone: [path] } : { actors: [actor(path, to)] }),
      transitions: [transition],
      sample: [seq]
    }
  })
}

const plain = ({ at, seq, actors, counts }: Moment) => ({
  at,
  seq,
  actors: [...actors].sort(([one], [other]) => one.localeCompare(other)),
  counts: [...counts].sort(([one], [other]) => one.localeCompare(other))
})

describe(`recording (K2_SEED=${runs.seed})`, () => {
  test('any moment is the fold of the frames up to it, live or opened', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), fc.nat(), (steps, pick) => {
        const frames = framesOf(steps)
        const opened = new Recording(episode(frames))
        const live = new Recording(episode([]))
        for (const frame of frames) live.append(frame)
        const { at } = frames[pick % frames.length]!
        const base = advanced(emptyMoment, [episode([]).base])
        const wanted = plain(advanced(base, frames.filter((it) => it.at <= at)))
        // What is older than an hour is gone.
        fc.pre(at >= live.firstMs)
        expect(plain(live.at(at))).toEqual(wanted)
        expect(plain(opened.at(at))).toEqual(wanted)
        expect(plain(live.now)).toEqual(plain(advanced(base, frames)))
      }),
      runs
    )
  })

  test('what was saved is the same when it is opened', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
        const live = new Recording(episode([]))
        for (const frame of framesOf(steps)) live.append(frame)
        const opened = parseEpisode(JSON.stringify(live.episode()))
        expect(plain(opened.now)).toEqual(plain(live.now))
        expect(opened.transitions()).toEqual(live.transitions())
        expect(opened.columns()).toEqual(live.columns())
      }),
      runs
    )
  })

  test('no more than an hour, and one part, is kept', () => {
    const live = new Recording(episode([]))
    for (let second = 1; second <= 8_000; second += 1)
      live.append({ seq: second, at: second * 1_000, sample: [second] })
    const [times] = live.columns()
    expect(times.length).toBeGreaterThanOrEqual(3_600)
    expect(times.length).toBeLessThanOrEqual(3_600 + 64)
    expect(live.now.at).toBe(8_000_000)
  })

  test('what happened is seen at the frame that tells of it', () => {
    const [first, second] = framesOf([
      { path: 'root', from: 'up', to: 'down', isGone: false, afterMs: 1_000 },
      { path: 'root', from: 'down', to: 'up', isGone: false, afterMs: 1_000 }
    ])
    const live = new Recording(episode([]))
    // The clock of what happened is ahead of that of frames.
    const ahead = { ...first!.transitions![0]!, at: first!.at + 20 }
    live.append({ ...first!, transitions: [ahead] })
    live.append(second!)
    expect(live.seenAt(ahead)).toBe(first!.at)
    expect(live.at(live.seenAt(ahead)).actors.get('root')!.state.kept).toBe('down')
    expect(live.seenAt(second!.transitions![0]!)).toBe(second!.at)
  })

  test('a frame that is there already changes nothing', () => {
    const [frame] = framesOf([
      { path: 'root', from: 'up', to: 'down', isGone: false, afterMs: 1 }
    ])
    const live = new Recording(episode([frame!]))
    live.append(frame!)
    expect([...live.now.counts.values()].map(({ count }) => count)).toEqual([1])
  })

  test('a moment comes back from its frame', () => {
    const frames = framesOf([
      { path: 'root/a', from: 'up', to: 'away', isGone: false, afterMs: 5 }
    ])
    const moment = advanced(emptyMoment, frames)
    expect(plain(advanced(emptyMoment, [frameOf(moment)]))).toEqual(plain(moment))
  })
})

describe('an episode file', () => {
  test.each([
    ['no JSON', '{', 'it is no JSON object'],
    ['a list', '[]', 'it is no episode: instance, machines, series, base, frames is missing'],
    ['another object', '{"version":1}', 'it is no episode: instance, machines'],
    [
      'a version that is not known',
      JSON.stringify({ ...episode([]), version: 1 }),
      'its version is 1: this page reads version 2'
    ]
  ])('%s is refused with a reason', (_, text, reason) => {
    expect(() => parseEpisode(text)).toThrow(reason)
  })

  test('an answer of the API is one, too', () => {
    const text = JSON.stringify({ success: true, data: episode([]), meta: {} })
    expect(parseEpisode(text).now.at).toBe(1_000)
  })
})
