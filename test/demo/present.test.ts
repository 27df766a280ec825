/** The presenter: what it serves, to whom, and its page in Chromium. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { problemOf, readBackup } from '../../demo/present/backup-files.ts'
import { readPresentFlags } from '../../demo/present/flags.ts'
import { openPresenter, type Presenter } from '../../demo/present/presenter.ts'
import { framable } from '../../demo/present/proxy.ts'
import { screenshots } from '../../demo/show/material.ts'
import { sections } from '../../demo/show/sections.ts'
import { attachStage, openStage } from '../../demo/show/stage.ts'
import { barriers, canBrowse, keepPicture, openBrowser, openPage } from '../support/browser.ts'
import { until } from '../support/until.ts'

const steps = sections.flatMap((section) => section.steps)
const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const filler = 'x'.repeat(300)
const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('backup material', () => {
  test.each([
    ['a.png', Uint8Array.from([...pngSignature, ...bytesOf(filler)])],
    ['a.html', bytesOf(`<!doctype html>${filler}`)],
    ['a.mp4', bytesOf(`\0\0\0 ftypisom${filler}`)],
    ['a.cast', bytesOf(`{"version": 2, "width": 80}${filler}`)]
  ])('%s is offered', (name, bytes) => expect(problemOf(name, bytes)).toBeUndefined())

  test.each([
    ['a.png', '', /has 0 bytes/],
    ['a.png', filler, /is no PNG/],
    ['a.html', filler, /is no HTML/],
    ['a.mp4', filler, /is no MP4/],
    ['a.cast', `{"version": 1}${filler}`, /no asciicast/],
    ['a.txt', filler, /of no kind/]
  ])('%s of "%s" is not', (name, text, problem) => {
    expect(problemOf(name, bytesOf(text))).toMatch(problem)
  })

  test('where there is none, there is none', async () => {
    expect(await readBackup('/nowhere')).toEqual({ files: new Map(), problems: [] })
  })
})

describe('flags', () => {
  test('have presets', () => {
    expect(readPresentFlags([])).toEqual({
      port: 8_100, url: undefined, isKafka: false, installs: false
    })
    expect(readPresentFlags(['--url', 'http://127.0.0.1:8000/'])).toMatchObject({
      url: 'http://127.0.0.1:8000'
    })
  })

  test.each([
    [['--port', 'x'], /--port is "x": allowed are/],
    [['--port', '70000'], /--port is "70000"/],
    [['--url', 'k2'], /--url is "k2": it must be like/],
    [['--url', 'http://a:1', '--kafka'], /--kafka is for a K2 that is started here/],
    [['--instal'], /"--instal" is no flag/]
  ])('%j is refused', (args, problem) => {
    expect(readPresentFlags(args)).toMatchObject({ problems: [expect.stringMatching(problem)] })
  })
})

test('the policy of a page is changed in who may frame it, and in nothing else', () => {
  const policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
  expect(framable(policy, 'http://127.0.0.1:1')).toBe(
    "default-src 'none'; frame-ancestors http://127.0.0.1:1; base-uri 'none'"
  )
})

describe('the server', () => {
  let k2: Server
  let presenter: Presenter
  let folder: string
  const asked: (string | undefined)[] = []
  let [hangs, hung] = [false, 0]

  beforeEach(async () => {
    asked.length = 0
    hangs = false
    k2 = createServer(({ url, headers }, response) => {
      asked.push(headers.origin)
      if (url === '/health' && hangs) {
        hung += 1
        return
      }
      const policy = "default-src 'self'; frame-ancestors 'none'"
      response.setHeader('content-security-policy', policy).end('{"data":{}}')
    })
    await new Promise<void>((done) => k2.listen(0, '127.0.0.1', done))
    const stage = await attachStage(`http://127.0.0.1:${(k2.address() as AddressInfo).port}`)
    folder = mkdtempSync(join(tmpdir(), 'k2-present-test-'))
    writeFileSync(join(folder, 'walkthrough.html'), `<!doctype html>${filler}`)
    writeFileSync(join(folder, '01-parts.png'), 'no picture')
    const projectRoot = process.cwd()
    presenter = await openPresenter({ projectRoot, stage, port: 0, rateMs: 1, backup: folder })
  })

  afterEach(async () => {
    await presenter.close()
    k2.closeAllConnections()
    k2.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const pageOfK2 = async () =>
    ((await (await fetch(`${presenter.url}/show`)).json()) as { readonly k2Page: string }).k2Page

  test('hands the page of K2 on, to be framed by its own page alone', async () => {
    const response = await fetch(`${await pageOfK2()}/`)
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'self'; frame-ancestors ${presenter.url}`
    )
  })

  test('says so where K2 does not answer', async () => {
    const page = await pageOfK2()
    k2.closeAllConnections()
    k2.close()
    const response = await fetch(`${page}/`)
    expect(response.status).toBe(502)
    expect(await response.text()).toContain('K2 does not answer')
  })

  test.each(['http://evil.example', 'null'])('answers no page of %s', async (origin) => {
    const headers = { origin }
    expect((await fetch(`${await pageOfK2()}/`, { headers })).status).toBe(403)
    const post = { method: 'POST', headers }
    expect((await fetch(`${presenter.url}/run/parts`, post)).status).toBe(403)
  })

  test('asks K2 as a page of its own', async () => {
    const page = await pageOfK2()
    asked.length = 0
    await fetch(`${page}/v1/sql`, { method: 'POST', headers: { origin: page }, body: '{}' })
    expect(asked[0]).toBe(`http://127.0.0.1:${(k2.address() as AddressInfo).port}`)
  })

  test('executes a step, and says why it is not shown', async () => {
    const answer = await fetch(`${presenter.url}/run/parts`, { method: 'POST' })
    expect(await answer.json()).toMatchObject({ id: 'parts', problem: expect.any(String) })
    expect((await fetch(`${presenter.url}/run/nothing`, { method: 'POST' })).status).toBe(404)
  })

  test('leaves a step that hangs as soon as its page does', async () => {
    hangs = true
    const leave = new AbortController()
    const asking = fetch(`${presenter.url}/run/parts`, { method: 'POST', signal: leave.signal })
    await until(() => (hung > 0 ? true : undefined), {
      what: 'the step to ask K2', msMax: 5_000, seen: () => 'it has not asked'
    })
    leave.abort()
    await expect(asking).rejects.toThrow(/abort/)
    // Long before the step is given up.
    await until(() => presenter.results.get('parts'), {
      what: 'the end of the step', msMax: 5_000, seen: () => 'it goes on'
    })
    expect(presenter.results.get('parts')?.problem).toMatch(/abort/)
  })

  test('offers what is good of the backup, and names what is not', async () => {
    const { problems } = presenter.backup
    expect(problems).toEqual([expect.stringContaining('01-parts.png has 10 bytes')])
    const address = `${presenter.url}/backup/walkthrough.html`
    const part = await fetch(address, { headers: { range: 'bytes=0-8' } })
    expect([part.status, await part.text()]).toEqual([206, '<!doctype'])
    expect((await fetch(`${presenter.url}/backup/01-parts.png`)).status).toBe(404)
    expect((await fetch(`${presenter.url}/backup/..%2fpackage.json`)).status).toBe(404)
  })

  test('has no section as executed before one was', async () => {
    const text = await (await fetch(`${presenter.url}/recorded/cost`)).text()
    expect(text).toContain('npm run rehearse does')
  })
})

describe.skipIf(!canBrowse)('the page in Chromium', () => {
  test('goes through all steps by keys, and to the backup when K2 is dead', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-present-test-'))
    const projectRoot = process.cwd()
    const backup = join(folder, 'backup')
    mkdirSync(backup)
    const note = () => undefined
    const browser = await openBrowser()
    const stage = await openStage({ projectRoot, folder, variant: 'embedded', seed: 5, note })
    try {
      const { page, complaints } = await openPage(browser)
      await page.setContent('<h1>A picture of the backup</h1>')
      for (const { file } of screenshots) await page.screenshot({ path: join(backup, file) })
      const options = { projectRoot, stage, port: 0, rateMs: 1_000, backup }
      const presenter = await openPresenter(options)
      // The first key is pressed while the page still asks what it is to show.
      let pressed = (): void => undefined
      const firstKey = new Promise<void>((done) => (pressed = done))
      await page.route('**/show', (route) => firstKey.then(() => route.continue()))
      await page.goto(presenter.url)
      const verdict = page.locator('.verdict')
      const executed = () => page.locator('.verdict.yes, .verdict.no').waitFor({ timeout: 60_000 })

      // From the first step through the first three sections, each shown.
      const before = steps.findIndex(({ id }) => id === 'signals')
      for (const step of steps.slice(0, before)) {
        await page.keyboard.press('ArrowRight')
        pressed()
        await page.getByRole('heading', { level: 2, name: step.title }).waitFor()
        await executed()
        // On a busy machine K2 may be slower than a step allows: its presenter executes it again.
        await expect.poll(async () => {
          if ((await verdict.getAttribute('class'))?.includes('no') === true)
            await page.keyboard.press('Enter')
          return verdict.textContent()
        }, { message: step.id, timeout: 90_000 }).toContain('✓')
      }
      await page.frameLocator('section.live iframe').locator('#level').waitFor()
      await keepPicture(page, 'present-live')
      expect(await barriers(page)).toEqual([])

      // K2 dies: the page says so, and one key has the backup of this very step.
      await stage.killK2()
      await page.getByText('K2 is silent: B').waitFor()
      await page.keyboard.press('b')
      const picture = page.locator('.backup img')
      await picture.waitFor()
      expect(await picture.getAttribute('src')).toMatch(/\d\d-tree\.png$/)
      await page.waitForFunction("document.querySelector('.backup img').naturalWidth > 0")
      await keepPicture(page, 'present-backup')
      expect(await barriers(page)).toEqual([])

      // Nothing blocks meanwhile: a step that fails says so, and the next key goes on.
      await page.keyboard.press('ArrowRight')
      await executed()
      expect(await verdict.textContent()).toContain('✗')
      await page.keyboard.press('b')
      await stage.startK2()
      await page.getByText('K2 is live').waitFor()

      // Through all that is left without waiting for any of it.
      for (const step of steps.slice(before + 1)) {
        await page.keyboard.press(' ')
        await page.getByRole('heading', { level: 2, name: step.title }).waitFor()
      }
      await page.keyboard.press('?')
      await page.getByRole('dialog').waitFor()
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await barriers(page)).toEqual([])
      // A browser tells by itself of answers that are no success, which a dead K2 gives; and tests
      // resolve packages as they are developed with.
      const own = /Failed to load resource|502|Lit is in dev mode/
      expect(complaints.filter((it) => !own.test(it))).toEqual([])
      await presenter.close()
    } finally {
      await browser.close()
      await stage.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }, 300_000)
})
