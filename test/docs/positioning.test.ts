/**
 * `docs/positioning.md`: what is said of others has a source with address and date, and the picture
 * has the figures of the results, where they belong on its scale.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import {
  bands,
  latencyPicture,
  shownFigures,
  xOf
} from '../../scripts/docs/latency-picture.ts'
import { measureOf, readResult } from '../../scripts/docs/results.ts'
import { browserStartMsMax, canBrowse, openBrowser, openPage } from '../support/browser.ts'
import { readText } from '../support/source-tree.ts'

const root = resolve(import.meta.dirname, '..', '..')
const page = readText('docs/positioning.md')
const [body, sources] = page.split('\n## Sources\n') as [string, string]
const scale: Readonly<Record<string, number>> = { µs: 1, ms: 1_000, s: 1_000_000 }

describe('sources', () => {
  const listed = new Map(
    sources.split('\n').flatMap((line): readonly (readonly [string, string])[] => {
      const [, number, text] = /^(\d+)\. (.+)$/.exec(line) ?? []
      return number === undefined ? [] : [[number, text!]]
    })
  )
  const cited = new Set([...body.matchAll(/\[(\d+)\](?!\()/g)].map(([, number]) => number!))

  test('each that is cited is listed, and each that is listed is cited', () => {
    expect([...listed.keys()].toSorted()).toEqual([...cited].toSorted())
    expect(listed.size).toBeGreaterThan(5)
  })

  test('each has an address, and a date or a version, or says that it has none', () => {
    for (const [number, text] of listed) {
      expect(text, number).toMatch(/https:\/\/[\w.-]+\//)
      expect(text, number).toMatch(/\d{4}-\d{2}|undated|\d+\.\d+/)
    }
    expect(sources).toMatch(/^Read on \d{4}-\d{2}-\d{2} from stored copies/m)
  })

  test('a number of theirs has its source in the cell', () => {
    const rows = body.split('\n').filter((line) => line.startsWith('| '))
    const theirs = rows.flatMap((row) => row.split(' | ').slice(2))
    const withUnit = /\d\s?(?:min|s|ms|MiB\/s|M rows\/s|messages)\b/
    const figures = theirs.filter((cell) => withUnit.test(cell))
    expect(figures.length).toBeGreaterThan(4)
    expect(figures.filter((cell) => !/\[\d+\]/.test(cell))).toEqual([])
  })
})

describe('the picture', () => {
  const svg = latencyPicture(root)
  const copies: string[] = []
  afterAll(() => copies.forEach((folder) => rmSync(folder, { recursive: true })))

  /** The results, one of them changed. */
  const changed = (name: string, change: (text: string) => string): string => {
    const copy = mkdtempSync(join(tmpdir(), 'k2-latency-'))
    copies.push(copy)
    cpSync(join(root, 'bench/results'), join(copy, 'bench/results'), { recursive: true })
    const file = join(copy, `${name.replace('/', '/results/')}.json`)
    writeFileSync(file, change(readFileSync(file, 'utf8')))
    return copy
  }

  test('is what the results say (npm run docs)', () => {
    expect(readText('docs/pictures/latency.svg')).toBe(svg)
  })

  test('a decade is as wide as another, and the bands meet', () => {
    const decade = xOf(10) - xOf(1)
    expect(xOf(1_000_000) - xOf(100_000)).toBeCloseTo(decade, 0)
    expect(bands.map(({ toUs }) => toUs).slice(0, -1)).toEqual(
      bands.map(({ fromUs }) => fromUs).slice(1)
    )
    expect(bands.map(({ toUs }) => toUs)).toEqual([10, 10_000, 10_000_000])
  })

  const placeOf = (file: string, path: string): number => {
    const { median, unit } = measureOf(readResult(root, file), path)
    return xOf(median * scale[unit]!)
  }

  test.each(shownFigures)('%s: from the median to the p99', (label, file, median, p99) => {
    const [, after = ''] = svg.split(`<g data-figure="${label}">`)
    const row = after.split('</g>')[0]!
    expect(row).toContain(`cx="${placeOf(file!, median!)}"`)
    const bar = /<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/.exec(row)
    expect(bar === null).toBe(p99 === undefined)
    if (bar !== null) expect(Number(bar[1]) + Number(bar[2])).toBeCloseTo(placeOf(file!, p99!), 1)
  })

  test('another result is another picture', () => {
    const other = changed('bench/reads', (text) =>
      text.replaceAll(/("name": "visible after the socket, p50",[^}]*?"median": )[\d.]+/g, '$15000')
    )
    const drawn = latencyPicture(other)
    expect(drawn).not.toBe(svg)
    expect(drawn).toContain(`cx="${xOf(5_000_000)}"`)
  })

  test.each([
    ['a figure that is gone', (text: string) => text.replace('newest 100, p50', 'newest, p50')],
    ['a unit that is no time', (text: string) =>
      text.replace(/("name": "newest 100, p50",\s*"unit": )"ms"/, '$1"rows"')],
    ['a figure that failed', (text: string) => text.replaceAll('"ok"', '"failed"')]
  ])('%s is no picture', (_, change) => {
    expect(() => latencyPicture(changed('bench/queries', change))).toThrow(/newest|queries/)
  })
})

interface Placed {
  readonly text: string
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

describe.skipIf(!canBrowse)('as a reader sees it', () => {
  let browser: Browser | undefined
  afterAll(() => browser?.close())

  test(
    'no text leaves the picture or lies over another',
    async () => {
      browser = await openBrowser()
      const { page: drawn } = await openPage(browser, { viewport: { width: 1_000, height: 400 } })
      await drawn.setContent(
        `<body style="margin:0;width:1000px">${readText('docs/pictures/latency.svg')}</body>`
      )
      const texts = await drawn.evaluate<readonly Placed[]>(
        `[...document.querySelectorAll('text')].map((it) => ({
          text: it.textContent, ...it.getBoundingClientRect().toJSON() }))`
      )
      expect(texts.length).toBeGreaterThan(shownFigures.length * 2)
      expect(texts.filter(({ left, right }) => left < 0 || right > 1_000)).toEqual([])
      const over = texts.flatMap((one, index) =>
        texts
          .slice(index + 1)
          .filter((other) => one.left < other.right && other.left < one.right)
          .filter((other) => one.top + 3 < other.bottom && other.top + 3 < one.bottom)
          .map((other) => `${one.text} | ${other.text}`)
      )
      expect(over).toEqual([])
    },
    browserStartMsMax
  )
})
