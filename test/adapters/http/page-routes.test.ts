/** `/` is a page to a browser, the list of addresses to others; it loads nothing from elsewhere. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { accessOf, fakeDeps } from './support.ts'

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

const get = (path: string, headers: Readonly<Record<string, string>> = {}, deps = fakeDeps()) =>
  makeApp(deps).request(`http://127.0.0.1:8000${path}`, { headers })

/** Every module that the page loads, found as a browser finds them. */
const loaded = async (): Promise<ReadonlySet<string>> => {
  const html = await (await get('/', browser)).text()
  const named = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, url = '']) => url)
  const { imports } = JSON.parse(/importmap">(.+?)<\/script>/.exec(html)![1]!) as {
    imports: Record<string, string>
  }
  const found = new Set([...named, ...Object.values(imports), '/page/elk-worker.js'])
  for (const url of found) {
    const response = await get(url)
    expect(response.status, url).toBe(200)
    // What packages have is whole.
    if (/lit-html|uplot|elk/.test(url)) continue
    const text = await response.text()
    for (const [, path = ''] of text.matchAll(/ from '\.\/([\w-]+\.js)'/g))
      found.add(`/page/${path}`)
    for (const [, name = ''] of text.matchAll(/ from '([a-z][^']*)'/g))
      expect(Object.keys(imports), `${url} imports ${name}`).toContain(name)
  }
  return found
}

test('a browser gets a page, all of it from this server, and others the addresses', async () => {
  const response = await get('/', browser)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(response.headers.get('vary')).toContain('Accept')
  expect((await get('/')).headers.get('content-type')).toBe('application/json')
  const files = await loaded()
  expect(files).toContain('/page/timeline-view.js')
  expect([...files].filter((it) => !it.startsWith('/page/'))).toEqual([])
})

test('its policy allows this server and the one script in the page', async () => {
  const response = await get('/', browser)
  const inline = /<script type="importmap">(.+?)<\/script>/.exec(await response.text())![1]!
  const hash = createHash('sha256').update(inline).digest('base64')
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; /)
  expect(response.headers.get('content-security-policy')).toContain(
    `script-src 'self' 'sha256-${hash}'; style-src 'self'; `
  )
})

test.each([
  '/page/main.ts',
  '/page/main.js.map',
  '/page/..%2fmain.js',
  '/page/__proto__',
  '/page/a/b.js',
  '/page/nothing.js'
])('%s is 404: only what the page is made of is served', async (path) => {
  expect((await get(path)).status).toBe(404)
})

test('with keys the page opens without one; what it shows does not', async () => {
  const deps = fakeDeps({ access: accessOf('k'.repeat(32)) })
  for (const path of ['/', '/page/main.js', '/page/page.css'])
    expect((await get(path, browser, deps)).status).toBe(200)
  expect((await get('/v1/system/actors', browser, deps)).status).toBe(401)
})
