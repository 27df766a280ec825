import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderDocument, strayFigures } from '../../scripts/docs/documents.ts'
import { outsideMarkers, renderMarkers } from '../../scripts/docs/markers.ts'

const shout = (name: string) => name.toUpperCase()
const render = (text: string) => renderMarkers(text, shout)

describe('markers', () => {
  test.each([
    ['in a sentence', 'takes <!--k2:a-->old<!--/--> now', 'takes <!--k2:a-->A<!--/--> now'],
    ['in a table', '| x | <!--k2:a--><!--/--> |', '| x | <!--k2:a-->A<!--/--> |'],
    ['as a block', '<!--k2:a-->\nold\n<!--/-->', '<!--k2:a-->\n\nA\n\n<!--/-->'],
    ['two of them', '<p><!--k2:a-->1<!--/--><!--k2:c-->2<!--/-->',
      '<p><!--k2:a-->A<!--/--><!--k2:c-->C<!--/-->'],
    ['in a span of code', 'x `<!--k2:a-->old<!--/-->`', 'x `<!--k2:a-->old<!--/-->`'],
    ['in a fence', '```md\nx <!--k2:a-->old<!--/-->\n```', '```md\nx <!--k2:a-->old<!--/-->\n```'],
    ['none', 'a <!-- comment --> b', 'a <!-- comment --> b']
  ])('%s', (_, text, expected) => {
    expect(render(text)).toEqual({ text: expected, problems: [] })
  })

  test.each([
    ['no end', 'x\ny <!--k2:a-->1', 2, 'a: there is no <!--/-->'],
    ['an end too many', 'x\n\ny <!--/-->', 3, '<!--/--> ends no marker'],
    ['one in another', 'x <!--k2:a-->1 <!--k2:b-->2<!--/-->', 1, 'a marker begins within "a"'],
    ['at the start of a line', '<!--k2:a-->1<!--/--> ms', 1, 'may not start a line']
  ])('%s is told with its line', (_, text, line, message) => {
    const { problems } = render(text)
    expect(problems[0]).toEqual({ line, text: expect.stringContaining(message) })
  })

  test('what throws is a problem of its line, and the text stays', () => {
    const text = 'x\nit takes <!--k2:a-->1<!--/-->'
    const failing = () => {
      throw new Error('no such figure')
    }
    expect(renderMarkers(text, failing)).toEqual({
      text,
      problems: [{ line: 2, text: 'a: no such figure' }]
    })
  })

  test('rendering again changes nothing, and nothing outside is ever changed', () => {
    const piece = fc.oneof(
      fc.constantFrom('word ', '\n', '\n\n', '`code` ', '| a |', '2 ms ', '    '),
      fc.constantFrom('a', 'b').map((name) => `x <!--k2:${name}-->3 ms<!--/--> `),
      fc.constant('\n\n<!--k2:c-->\nold\n<!--/-->\n\n')
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('')
        const once = render(text)
        expect(render(once.text)).toEqual(once)
        const words = (of: string) => outsideMarkers(of).replaceAll(/\s+/g, ' ')
        expect(words(once.text)).toBe(words(text))
      })
    )
  })
})

describe('figures outside of markers', () => {
  test.each([
    ['takes 3.2 ms', ['3.2 ms']],
    ['is 4 – 5 %, 12 MiB', ['4 – 5 %', '12 MiB']],
    ['200,000 trades/s of 2 cores', ['200,000 trades/s', '2 cores']],
    ['<!--k2:setting-->64 MiB<!--/-->', []],
    ['`--seconds 60 s` and ten seconds, 500 rows, 20 sections', []]
  ])('%s', (text, expected) => {
    const stray = strayFigures('README.md', `5 ms\n\n## Figures\n\nx ${text}\n\n## Next\n\n7 ms\n`)
    expect(stray).toEqual(expected.map((it) => `README.md:5: "${it}"`))
  })
})

describe('documents', () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'k2-docs-'))
    for (const folder of ['bench', 'demo'])
      mkdirSync(join(root, folder, 'results'), { recursive: true })
    const environment = {
      date: '2026-11-27T14:40:52.665Z',
      commit: 'a'.repeat(40),
      cpu: 'Some CPU',
      cores: 2,
      memoryGiB: 24,
      platform: 'linux 6',
      node: 'v20.20.2'
    }
    const measure = (name: string, median: number, bar?: unknown) =>
      ({ name, unit: 'ms', median, min: 1.234, max: 20_000, n: 3, ...(bar ? { bar } : {}) })
    const bar = { better: 'less', floor: 5, aim: 5, verdict: 'missed' }
    const figures = [
      {
        id: 'reads',
        status: 'ok',
        measures: [measure('a read, p50', 12.345, bar), measure('b/c', 2)]
      },
      { id: 'broken', status: 'failed', measures: [measure('x', 1)] }
    ]
    const put = (path: string, json: unknown) =>
      writeFileSync(join(root, path), JSON.stringify(json))
    put('bench/results/good.json', { environment, command: 'npm run bench', figures })
    put('bench/results/bare.json', { environment: { ...environment, cpu: undefined }, figures })
    const drill = { recoveryMs: 1_234.5, busyShare: 0.25, rssBytes: 2 ** 21, scenario: 'lag' }
    put('demo/results/drill.json', { environment, command: 'npm run drill', drill })
  })
  afterAll(() => rmSync(root, { recursive: true }))

  const filled = (name: string) => renderDocument(root, `x <!--k2:${name}--><!--/-->`)

  test.each([
    ['bench/good/reads/a read, p50', '12.3 ms'],
    ['bench/good/reads/a read, p50@number', '12.3'],
    ['bench/good/reads/a read, p50@spread', '1.23 – 20,000'],
    ['bench/good/reads/a read, p50@bar', '≤ 5 ms, missed'],
    ['bench/good/reads/a read, p50@n', '3'],
    ['bench/good/reads/b/c', '2 ms'],
    ['demo/drill/drill/recoveryMs', '1,235 ms'],
    ['demo/drill/drill/recoveryMs@plain', '1,235'],
    ['demo/drill/drill/busyShare', '25 %'],
    ['demo/drill/drill/rssBytes', '2 MiB'],
    ['demo/drill/drill/scenario', 'lag'],
    ['source demo/drill',
      '2026-11-27, `aaaaaaa`, Some CPU, 2 cores, 24 GiB, linux 6, Node 20.20.2: `npm run drill`']
  ])('%s is %s', (name, expected) => {
    const { text, problems } = filled(name)
    expect(problems).toEqual([])
    expect(text).toBe(`x <!--k2:${name}-->${expected}<!--/-->`)
  })

  test.each([
    ['bench/none/a/b', 'there is no bench/results/none.json: make it with npm run bench'],
    ['bench/good/other/b', 'has no figure "other", but reads, broken: made by npm run bench'],
    ['bench/good/reads/d', 'no measure "d", but "a read, p50", "b/c"; made by npm run bench'],
    ['bench/good/reads/b/c@p50', '"@p50" is no view of a measure: median, number'],
    ['bench/good/broken/x', 'figure "broken" failed'],
    ['bench/bare/reads/b/c', 'does not say environment.cpu, command: run npm run bench'],
    ['demo/drill/drill/other', 'no number or text at "drill/other"; made by npm run drill'],
    ['table nothing', 'there is no table "nothing"'],
    ['something', 'a marker is bench|chaos|demo/FILE']
  ])('%s is refused: %s', (name, message) => {
    const { text, problems } = filled(name)
    expect(text).toBe(`x <!--k2:${name}--><!--/-->`)
    expect(problems).toEqual([{ line: 1, text: expect.stringContaining(message) }])
  })
})
