/** The pure parts of the backup: captions, times of pictures, the walk-through, flags. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { captionsOf, srtOf } from '../../demo/backup/captions.ts'
import { readBackupFlags } from '../../demo/backup/flags.ts'
import { indexOf } from '../../demo/backup/index-page.ts'
import { concatOf } from '../../demo/backup/video.ts'
import { walkthroughOf, type Walked } from '../../demo/backup/walkthrough.ts'
import { screenshots } from '../../demo/show/material.ts'

const startMs = fc.nat(600_000)
const lengthMs = fc.integer({ min: 1_000, max: 90_000 })
const words = fc.array(fc.stringMatching(/^[a-zé.,:]{1,30}$/), { minLength: 1, maxLength: 120 })

describe('captions', () => {
  test('say all that is said, in order, in its time, none for longer than can be read', () => {
    fc.assert(
      fc.property(words, startMs, lengthMs, (said, at, ms) => {
        const text = said.join(' ')
        const captions = captionsOf([{ text, fromMs: at, toMs: at + ms }])
        expect(captions.map((it) => it.text).join(' ')).toBe(text)
        expect([captions[0]!.fromMs, captions.at(-1)!.toMs]).toEqual([at, at + ms])
        for (const [index, { fromMs, toMs, text: one }] of captions.entries()) {
          expect(fromMs).toBeLessThanOrEqual(toMs)
          expect(captions[index + 1]?.fromMs ?? toMs).toBe(toMs)
          expect(one.length).toBeLessThanOrEqual(150)
        }
      })
    )
  })

  test('are spelled as SubRip has them', () => {
    expect(srtOf([{ text: 'One.', fromMs: 61_005, toMs: 3_600_000 }])).toBe(
      '1\n00:01:01,005 --> 01:00:00,000\nOne.\n'
    )
  })
})

describe('pictures', () => {
  const timesOf = (text: string) =>
    [...text.matchAll(/^duration (.+)$/gm)].map(([, seconds]) => Number(seconds))

  test('last until the next one, and together as long as the run', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { minLength: 1, maxLength: 60 }), (gaps) => {
        let atMs = 1_000
        const frames = gaps.map((gap, index) => ({ file: `${index}.jpg`, atMs: (atMs += gap) }))
        const [fromMs, toMs] = [500, atMs + 700]
        const times = timesOf(concatOf({ frames, fromMs, toMs }))
        const sum = times.reduce((all, one) => all + one, 0)
        expect(sum).toBeCloseTo((toMs - fromMs) / 1_000, 6)
      })
    )
  })

  test('are named so that a quote in a folder harms nothing', () => {
    const text = concatOf({ frames: [{ file: "/a'b/0.jpg", atMs: 0 }], fromMs: 0, toMs: 1_000 })
    expect(text).toBe(
      String.raw`ffconcat version 1.0` +
        '\n' +
        String.raw`file '/a'\''b/0.jpg'` +
        '\nduration 1\n' +
        String.raw`file '/a'\''b/0.jpg'` +
        '\n'
    )
  })
})

const walked = screenshots.map(
  ({ section, step }, index): Walked => ({
    section,
    step,
    result: {
      id: step.id,
      startedAt: '2026-01-01T00:00:00.000Z',
      ms: 1_234,
      answer: {
        command: `curl <${index}>`,
        text: `{"n": "<${index}>"}`,
        json: {},
        code: 200,
        ms: []
      },
      figures: [],
      says: `said at ${step.id}`,
      problem: undefined
    },
    picture: Buffer.from([0xff, 0xd8, index])
  })
)
const made = { environment: { date: 'D', commit: 'C', cpu: '<cpu>', cores: 2 }, command: 'made so' }

test('the walk-through has every step, and needs nothing beside it', () => {
  const html = walkthroughOf(walked, made)
  for (const [index, { step }] of walked.entries()) {
    expect(html).toContain(`<h3 id="${step.id}">`)
    expect(html).toContain(`said at ${step.id}`)
    expect(html).toContain(`curl &lt;${index}&gt;`)
  }
  expect(html).toContain('&lt;cpu&gt;')
  expect(html).not.toMatch(/<(?:script|link)|(?:src|href)="(?!data:|#)/)
  expect(html.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(walked.length)
})

test('the index names each file, numbered, at least ten pictures', () => {
  const text = indexOf(walked, { ...made, videoSeconds: 754.4 })
  expect(screenshots.length).toBeGreaterThanOrEqual(10)
  for (const { file } of screenshots) expect(text).toContain(`](${file})`)
  expect(text).toContain('12 min 34 s')
})

test.each([
  [['--fsat'], 'is no flag'],
  [['--seed', 'x'], '--seed is "x"'],
  [['there'], '"there" is no flag']
])('%j is refused', (args, problem) => {
  expect(readBackupFlags(args)).toEqual({ problems: [expect.stringContaining(problem)] })
})
