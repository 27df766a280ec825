/**
 * Every Mermaid diagram of the documents is drawn in a real browser, as a reader's would: a block
 * that does not parse, or that draws nothing, fails. The page loads nothing from anywhere.
 */
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import {
  browserStartMsMax,
  canBrowse,
  keepPicture,
  openBrowser,
  openPage
} from '../support/browser.ts'
import { documents, fencesOf } from '../support/markdown.ts'
import { readText } from '../support/source-tree.ts'

const library = fileURLToPath(
  new URL('../../node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js', import.meta.url)
)

const diagrams = documents()
  .flatMap((path) => fencesOf(path))
  .filter(({ language }) => language === 'mermaid')

/** What a diagram becomes: its size and the text in it, or why it cannot be drawn. */
interface Drawn {
  readonly width: number
  readonly height: number
  readonly text: string
  readonly fault?: string
}

interface Mermaid {
  readonly initialize: (settings: object) => void
  readonly render: (id: string, text: string) => Promise<{ readonly svg: string }>
}

interface Place {
  innerHTML: string
  readonly textContent: string | null
  readonly firstElementChild: {
    readonly getBoundingClientRect: () => { readonly width: number; readonly height: number }
  }
}

/** What the functions below find in the browser. */
declare const mermaid: Mermaid
declare const document: {
  readonly body: {
    readonly children: ArrayLike<unknown>
    readonly appendChild: (of: Place) => Place
  }
  readonly createElement: (name: 'div') => Place
}

const draw = async (page: Page, text: string): Promise<Drawn> =>
  page.evaluate(async (source) => {
    mermaid.initialize({ startOnLoad: false, suppressErrorRendering: true })
    try {
      const { svg } = await mermaid.render(`diagram${document.body.children.length}`, source)
      const place = document.body.appendChild(document.createElement('div'))
      place.innerHTML = svg
      const { width, height } = place.firstElementChild.getBoundingClientRect()
      return { width, height, text: place.textContent ?? '' }
    } catch (error) {
      return { width: 0, height: 0, text: '', fault: String(error) }
    }
  }, text)

describe('blocks of documents', () => {
  test('diagrams are found, and each block is closed', () => {
    expect(diagrams.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['README.md', 'ARCHITECTURE.md'])
    )
    const open = documents().flatMap((path) => fencesOf(path).filter((it) => !it.isClosed))
    expect(open.map(({ path, line }) => `${path}:${line}`)).toEqual([])
  })

  test('that of the containers has each service of the compose file', () => {
    const { services } = parse(readText('deploy/docker-compose.yml')) as { services: object }
    const [diagram] = diagrams.filter(({ path }) => path === 'deploy/README.md')
    const words = new Set(diagram?.text.match(/[\w-]+/g))
    expect(Object.keys(services).filter((name) => !words.has(name))).toEqual([])
  })

  test('a fence ends at a mark as long as its own', () => {
    const text = 'a\n````md\n```sh\nls\n```\n````\nb\n```mermaid\nflowchart LR'
    const found = fencesOf('a.md', text)
    expect(found.map(({ line, language, isClosed }) => [line, language, isClosed])).toEqual([
      [3, 'md', true],
      [9, 'mermaid', false]
    ])
    expect(found[0]?.text).toBe('```sh\nls\n```')
  })
})

describe.skipIf(!canBrowse)('drawn in Chromium', () => {
  const asked: string[] = []
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    browser = await openBrowser()
    ;({ page } = await openPage(browser))
    await page.route('**/*', (route) => {
      asked.push(route.request().url())
      return route.abort()
    })
    await page.setContent('<!doctype html><title>Diagrams</title><body></body>')
    await page.addScriptTag({ path: library })
  }, browserStartMsMax)

  afterAll(() => browser?.close())

  test.each(diagrams.map((diagram) => [`${diagram.path}:${diagram.line}`, diagram.text]))(
    '%s',
    async (_, text) => {
      const drawn = await draw(page, text)
      expect(drawn.fault).toBeUndefined()
      expect(drawn.width).toBeGreaterThan(100)
      expect(drawn.height).toBeGreaterThan(50)
      expect(drawn.text.trim()).not.toBe('')
    }
  )

  test.each([
    ['an edge that leads nowhere', 'flowchart LR\n  a --> '],
    ['an unknown kind', 'flowchrat LR\n  a --> b'],
    ['a message that nobody gets', 'sequenceDiagram\n  a->>b'],
    ['nothing', '']
  ])('%s is found', async (_, text) => {
    expect((await draw(page, text)).fault).toBeDefined()
  })

  test('nothing was loaded from anywhere', async () => {
    expect(asked).toEqual([])
    await keepPicture(page, 'diagrams')
  })
})
