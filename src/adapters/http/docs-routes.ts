/**
 * `/docs`: the document of the API as a page, which tries requests out. All of it comes from this
 * server, as installed from the package registry: it works without a network, and its policy lets a
 * browser load nothing from elsewhere.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { problemResponse } from './problem.ts'
import { route, type Route } from './route.ts'

export const docsRoutes = (): readonly Route[] => [
  {
    ...route('/docs', 'The document of this API, to read and to try out', {}, () =>
      Effect.sync(() => pageResponse(page, 'text/html; charset=utf-8'))
    ),
    responses: { 200: { about: 'A page', content: { 'text/html': Schema.String } } }
  },
  {
    ...route('/docs/{file}', 'What the page is made of', {}, ({ segments, correlationId }) =>
      fileResponse(segments['file'] ?? '', correlationId)
    ),
    segments: { file: { remedy: `one of ${fileNames.join(', ')}`, example: 'swagger-ui.css' } },
    responses: {
      200: {
        about: 'Style, script or picture',
        content: Object.fromEntries(
          ['text/css', 'text/javascript', 'image/png'].map((type) => [type, Schema.String])
        )
      }
    }
  }
]

const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout'
})
`

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>K2: HTTP API</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="docs"></div>
    <noscript>This page needs scripts; GET /openapi.json has all that it shows.</noscript>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

const script = 'text/javascript; charset=utf-8'

const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': script,
  'favicon-32x32.png': 'image/png'
}

const fileNames = ['start.js', ...Object.keys(assets)]

const packages = createRequire(import.meta.url)

const fileResponse = (name: string, correlationId: string): Effect.Effect<Response> => {
  if (name === 'start.js') return Effect.sync(() => pageResponse(start, script))
  const type = Object.hasOwn(assets, name) ? assets[name] : undefined
  if (type === undefined) {
    const detail = 'the page needs no such file'
    return Effect.sync(() =>
      problemResponse({ status: 404, code: 'not_found', detail }, correlationId)
    )
  }
  // The package is installed with this one: that it cannot be read is a defect.
  return Effect.promise(() => readFile(packages.resolve(`swagger-ui-dist/${name}`))).pipe(
    Effect.map((bytes) => pageResponse(bytes, type))
  )
}

const pageResponse = (body: string | Uint8Array<ArrayBuffer>, type: string): Response =>
  new Response(body, {
    headers: {
      'content-type': type,
      'content-security-policy': policy,
      'cache-control': 'private, max-age=300'
    }
  })

/** Pictures in its style are data. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')
