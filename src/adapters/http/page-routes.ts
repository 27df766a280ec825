/**
 * `/`: the page that shows what K2 does, to a browser; and the addresses of the API, to all others.
 *
 * 1. All of it comes from this server, as built and as installed from the package registry: it
 *    works without a network, and its policy lets a browser load nothing from elsewhere.
 * 2. Nothing of it is data: what it shows it asks of the API, with the key that its user gives.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { noSuchFile, packageFile, pageAnswer, type PageBody, pagePolicy } from './page-files.ts'
import { problemResponse } from './problem.ts'
import { route, type Route } from './route.ts'

/** Modules of packages, by the names that the page imports them by. */
const imports = { 'lit-html': '/page/lit-html.js', uplot: '/page/uplot.js' }

const packaged: Readonly<Record<string, string>> = {
  'lit-html.js': 'lit-html',
  'uplot.js': 'uplot/dist/uPlot.esm.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
  'elk-api.js': 'elkjs/lib/elk-api.js',
  'elk-worker.js': 'elkjs/lib/elk-worker.min.js'
}

const importMap = JSON.stringify({ imports })

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>K2</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/page/uplot.css">
    <link rel="stylesheet" href="/page/page.css">
    <script type="importmap">${importMap}</script>
    <script src="/page/elk-api.js" defer></script>
    <script type="module" src="/page/main.js"></script>
  </head>
  <body>
    <div id="page">
      <noscript>This page needs scripts; GET /v1/system/actors has what it shows.</noscript>
    </div>
  </body>
</html>
`

const hash = createHash('sha256').update(importMap).digest('base64')
const policy = pagePolicy([`'sha256-${hash}'`], ["worker-src 'self'"])

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8'
}

/** Whether who asks would rather have a page than JSON. */
export const wantsPage = (headers: Headers): boolean =>
  /\btext\/html\b/.test(headers.get('accept') ?? '')

export const pageResponse = (): Response => answer(page, 'text/html; charset=utf-8')

/** For the document of the API. */
export const pageContent = { 'text/html': Schema.String }

export const pageFilesRoute = (): Route => ({
  ...route('/page/{file}', 'What the page at / is made of', {}, ({ segments, correlationId }) =>
    Effect.promise(() => fileOf(segments['file'] ?? '')).pipe(
      Effect.map((file) => file ?? problemResponse(noSuchFile, correlationId))
    )
  ),
  segments: { file: { remedy: 'a file that the page asks for', example: 'main.js' } },
  responses: {
    200: {
      about: 'Style or script',
      content: { 'text/css': Schema.String, 'text/javascript': Schema.String }
    }
  }
})

/** The same from `src/` and from `dist/`. */
const builtUrl = new URL('../../../dist/visualizer/', import.meta.url)

const fileOf = async (name: string): Promise<Response | undefined> => {
  const [, type] = /^[a-z][a-z-]*\.(js|css)$/.exec(name) ?? []
  if (type === undefined) return undefined
  if (Object.hasOwn(packaged, name)) return answer(await packageFile(packaged[name]!), types[type]!)
  try {
    return answer(await readFile(new URL(name, builtUrl)), types[type]!)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Files of two versions must not meet. */
const answer = (body: PageBody, type: string): Response =>
  pageAnswer(body, { type, policy, cacheControl: 'no-cache' })
