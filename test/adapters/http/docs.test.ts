import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { accessOf, fakeDeps } from './support.ts'

const get = (path: string, deps = fakeDeps()) =>
  makeApp(deps).request(`http://127.0.0.1:8000${path}`)

test('the page and all that it names come from this server; no more is allowed', async () => {
  const response = await get('/docs')
  const html = await response.text()
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(response.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self'; /
  )
  const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
  expect(named).toHaveLength(4)
  for (const url of named) {
    expect(url).toMatch(/^\/docs\//)
    const asset = await get(url)
    expect(asset.status, url).toBe(200)
    expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(100)
  }
})

test.each(['/docs/swagger-ui.js.map', '/docs/..%2fpackage.json', '/docs/__proto__', '/docs/a/b'])(
  '%s is 404: only what the page names is served',
  async (path) => {
    expect((await get(path)).status).toBe(404)
  }
)

test('with keys the page opens without one; the market data does not', async () => {
  const deps = fakeDeps({ access: accessOf('k'.repeat(32)) })
  for (const path of ['/docs', '/docs/start.js', '/openapi.json'])
    expect((await get(path, deps)).status).toBe(200)
  expect((await get('/v1/trades', deps)).status).toBe(401)
  expect((await get('/docsx', deps)).status).toBe(401)
})
