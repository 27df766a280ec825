/**
 * `/docs`: the document of the API as a page, which tries requests out. All of it comes from this
 * server, as installed from the package registry: it works without a network, and its policy lets a
 * browser load nothing from elsewhere.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { noSuchFile, packageFile, pageAnswer, type PageBody, pagePolicy } from './page-files.ts'
import { problemResponse } from './problem.ts'
import { route, type Route } from './route.ts'

export const docsRoutes = (): readonly Route[] => [
  {
    ...route('/docs', 'The document of this API, to read and to try out', {}, () =>
      Effect.sync(() => answer(page, 'text/html; charset=utf-8'))
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

const fileResponse = (name: string, correlationId: string): Effect.Effect<Response> => {
  if (name === 'start.js') return Effect.sync(() => answer(start, script))
  const type = Object.hasOwn(assets, name) ? assets[name] : undefined
  if (type === undefined) return Effect.sync(() => problemResponse(noSuchFile, correlationId))
  return Effect.promise(() => packageFile(`swagger-ui-dist/${name}`)).pipe(
    Effect.map((bytes) => answer(bytes, type))
  )
}

const policy = pagePolicy()

const answer = (body: PageBody, type: string): Response =>
  pageAnswer(body, { type, policy, cacheControl: 'private, max-age=300' })
