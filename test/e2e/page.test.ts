/**
 * The page at `/` in a real browser, over a K2 as its users start it: through an escalation, a
 * kill, a restart and an episode that is saved and opened again, and, on a real broker, through its
 * death.
 */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stack } from '../../deploy/local/stack.ts'
import type { Episode } from '../../src/visualizer/watch-types.ts'
import {
  barriers,
  browserStartMsMax,
  canBrowse,
  keepPicture,
  openBrowser,
  openPage,
  type Watched
} from '../support/browser.ts'
import { type K2Process, k2Fixture } from '../support/k2-process.ts'
import { areServicesRequired, serviceStartMsMax, startKafka } from '../support/kafka/kafka-stack.ts'

const k2s = k2Fixture()
const testMsMax = 300_000
const seenMsMax = 60_000

const settings = () => ({
  K2_DATA_DIR: k2s.dataFolder(),
  K2_SIMULATOR_RATE: '500',
  K2_COMMIT_AGE: '1s',
  K2_DEGRADATION_COOLDOWN: '2s'
})

const inject = async (k2: K2Process, level: string, seconds: number): Promise<void> => {
  const response = await fetch(`${await k2.url()}/v1/system/pressure`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-reason': 'a test' },
    body: JSON.stringify({ level, expires_seconds: seconds })
  })
  expect(response.status, await response.text()).toBe(200)
}

/** The page of a K2 that serves. */
const opened = async (
  browser: Browser,
  k2: K2Process,
  options: BrowserContextOptions = {}
): Promise<Watched> => {
  const url = await k2.ready()
  const watched = await openPage(browser, options)
  watched.page.setDefaultTimeout(seenMsMax)
  await watched.page.goto(url)
  return watched
}

const levelIs = (page: Page, level: string): Promise<void> =>
  page.locator(`#level[data-level=${level}]`).waitFor({ timeout: seenMsMax })

const currentState = async (page: Page): Promise<string> =>
  (await page.locator('.node.leaf.current text').textContent()) ?? ''

/**
 * As K2 would tell it, in its history as in each frame after: K2 may start that actor only now.
 * That K2 tells it is for the tests of its supervisors.
 */
const tellsParked = (path: string): string => `
  const parse = JSON.parse
  JSON.parse = (text) => parse(text, (_, value) =>
    value?.path === '${path}' ? { ...value, health: 'quarantined' } : value)
  Response.prototype.json = async function () { return JSON.parse(await this.text()) }
`

/** Where a connection was lost the browser says so itself. */
const lost = /net::ERR_|Failed to fetch|Failed to load resource/

describe.skipIf(!canBrowse)('the page', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await openBrowser()
  }, browserStartMsMax)
  afterAll(() => browser.close())

  test(
    'shows tree, statechart, signals and why, goes back in time, and saves what it saw',
    async () => {
      const k2 = k2s.start(settings())
      const { page, complaints } = await opened(browser, k2)
      await levelIs(page, 'normal')
      // The manager first, in the state that it is in, and each signal with its marks.
      await expect.poll(() => currentState(page), { timeout: seenMsMax }).toBe('normal')
      expect(await page.locator('#chart-title').innerText()).toBe('manager')
      expect(await page.locator('.gauges tbody tr').count()).toBeGreaterThan(8)
      expect(await page.locator('[role=treeitem]').count()).toBeGreaterThan(30)
      expect(await page.locator('.edge.unreached').count()).toBeGreaterThan(5)

      await inject(k2, 'aggressive', 4)
      await levelIs(page, 'aggressive')
      await expect.poll(() => currentState(page), { timeout: seenMsMax }).toBe('aggressive')
      await expect
        .poll(() => page.locator('[role=status]').innerText())
        .toMatch(/^Level aggressive: injected is 90.0 %/)
      expect(await page.locator('.marks .injected').innerText()).toContain('a test')
      await keepPicture(page, 'page-aggressive')

      // Why: of the level its signal and threshold, of the machine its guards.
      await page.locator('.all .level', { hasText: 'normal → aggressive' }).first().click()
      const detail = page.locator('.detail')
      expect(await detail.locator('dl').innerText()).toMatch(
        /signal\s+injected\s+value\s+90.0 %\s+threshold\s+90.0 %/
      )
      await page.locator('.all button', { hasText: 'manager: normal → aggressive' }).click()
      expect(await detail.locator('.guards tr').allInnerTexts()).toEqual([
        expect.stringMatching(/leadsTo\s+circuitBreak\s+✗ false/),
        expect.stringMatching(/leadsTo\s+aggressive\s+✓ true/)
      ])

      // Back to before, and to now with one key.
      await levelIs(page, 'normal')
      await page.locator('.detail button', { hasText: 'Show this moment' }).click()
      await levelIs(page, 'aggressive')
      expect(await currentState(page)).toBe('aggressive')
      // By seconds: what was ten seconds before may be before the first sample.
      for (let second = 0; second < 2; second += 1) await page.keyboard.press('ArrowLeft')
      await levelIs(page, 'normal')
      await page.keyboard.press('l')
      await page.locator('.when.live').waitFor()

      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save episode' }).click()
      ])
      const file = await download.path()
      const episode = JSON.parse(readFileSync(file, 'utf8')) as Episode
      expect(episode.frames.flatMap(({ changes = [] }) => changes).length).toBeGreaterThan(2)
      const [chooser] = await Promise.all([
        page.waitForEvent('filechooser'),
        page.getByRole('button', { name: 'Open…' }).click()
      ])
      await chooser.setFiles(file)
      await page.locator('.when.recorded').waitFor()
      expect(await page.locator('.all .level', { hasText: 'normal → aggressive' }).count()).toBe(1)
      await page.keyboard.press('l')
      await page.locator('.when.live').waitFor()
      expect(complaints).toEqual([])
    },
    testMsMax
  )

  test(
    'says when it is alone, and finds a K2 that is started anew by itself',
    async () => {
      const port = String(randomInt(20_000, 30_000))
      const given = { ...settings(), K2_HTTP_PORT: port }
      const first = k2s.start(given)
      const { page, complaints } = await opened(browser, first)
      await page.locator('.when.live').waitFor()
      first.kill('SIGKILL')
      await first.exit()
      const alone = /disconnected.*last update \d+ s ago/
      await page.locator('.when.stale', { hasText: alone }).waitFor()
      await keepPicture(page, 'page-disconnected')
      await k2s.start(given).ready()
      await page.locator('.when.live').waitFor()
      await levelIs(page, 'normal')
      expect(complaints.filter((text) => !lost.test(text))).toEqual([])
    },
    testMsMax
  )

  test(
    'shows data: trades, candles, two snapshots held against each other, and SQL with its plan',
    async () => {
      const k2 = k2s.start(settings())
      await k2.atLeast('k2_landed_records', 1_000, { topic: 'market.crypto.trades.simulated' })
      const { page, complaints } = await opened(browser, k2)
      await page.keyboard.press('d')
      await page.locator('.candle').first().waitFor()
      expect(await page.getByLabel('Newest trades').locator('tbody tr').count()).toBe(25)
      const picks = page.getByLabel(/^snapshot of/)
      await expect.poll(() => picks.count(), { timeout: seenMsMax }).toBeGreaterThan(1)
      await picks.nth(1).check()
      await picks.nth(0).check()
      await page.getByText(/\d+ rows more, 0 rows less/).waitFor()
      await page.locator('#sql').fill('SELECT max(price) AS top FROM trades')
      await page.getByRole('button', { name: 'Run' }).click()
      await page.locator('.plan').waitFor()
      expect(await page.locator('.plan').innerText()).toMatch(/1 rows in \d+ ms.*files read/s)
      expect(await page.locator('.sql tbody td').innerText()).toMatch(/^\d+\.\d{8}$/)
      await page.locator('#sql').fill('SELECT 1 FROM nothing')
      await page.getByRole('button', { name: 'Run' }).click()
      expect(await page.locator('.sql .error').innerText()).toContain('nothing')
      await keepPicture(page, 'page-data')
      expect(complaints.filter((text) => !/status of 400/.test(text))).toEqual([])
    },
    testMsMax
  )

  test.each(['light', 'dark'] as const)(
    'keeps nobody out, in %s, and fits a phone',
    async (colorScheme) => {
      const k2 = k2s.start(settings())
      const { page } = await opened(browser, k2, { colorScheme, reducedMotion: 'reduce' })
      await inject(k2, 'graceful', 60)
      await levelIs(page, 'graceful')
      await page.locator('.all .level').first().click()
      expect(await barriers(page)).toEqual([])
      await page.keyboard.press('?')
      expect(await barriers(page)).toEqual([])
      await page.keyboard.press('Escape')
      // The tree by its keys.
      await page.locator('[data-path="root/log"]').focus()
      await page.keyboard.press('ArrowDown')
      expect(await page.locator('#chart-title').innerText()).not.toBe('log')
      await page.keyboard.press('d')
      await page.locator('.candle').first().waitFor()
      expect(await barriers(page)).toEqual([])
      await page.keyboard.press('d')
      await page.setViewportSize({ width: 390, height: 844 })
      const overflow = () =>
        page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      await expect.poll(overflow).toBe(0)
      await keepPicture(page, `page-phone-${colorScheme}`)
    },
    testMsMax
  )

  test(
    'shows what is parked, and releases it',
    async () => {
      const k2 = k2s.start(settings())
      const url = await k2.ready()
      const { page } = await openPage(browser)
      page.setDefaultTimeout(seenMsMax)
      const asked: string[] = []
      const path = 'root/repair/expiry'
      await page.addInitScript(tellsParked(path))
      page.on('request', (request) => {
        const { pathname } = new URL(request.url())
        if (request.method() === 'POST') asked.push(decodeURIComponent(pathname))
      })
      await page.goto(url)
      await page.locator(`[data-path="${path}"] .release`).click()
      // It is not: K2 says so, and the page says what K2 says.
      await page.locator('[role=alert]', { hasText: 'was not released' }).waitFor()
      expect(asked).toEqual([`/v1/system/actors/${path}/release`])
    },
    testMsMax
  )
})

describe.skipIf(!areServicesRequired)('the page, on Kafka', () => {
  let browser: Browser
  let stack: Stack

  beforeAll(async () => {
    ;[browser, stack] = await Promise.all([openBrowser(), startKafka()])
  }, serviceStartMsMax)
  afterAll(async () => {
    await browser.close()
    await stack.destroy()
  })

  test(
    'shows how the broker dies, what K2 does about it, and how it recovers',
    async () => {
      const k2 = k2s.start({
        ...settings(),
        K2_KAFKA_BOOTSTRAP_SERVERS: stack.addresses.kafkaBootstrap
      })
      const { page, complaints } = await openPage(browser)
      page.setDefaultTimeout(testMsMax / 2)
      await page.goto(await k2.ready())
      await levelIs(page, 'normal')
      await page.locator('[data-path="root/log/publisher:trades"] > .actor').click()
      await expect.poll(() => currentState(page), { timeout: seenMsMax }).toBe('closed')

      await stack.service('kafka').kill()
      await expect.poll(() => currentState(page), { timeout: seenMsMax }).toBe('open')
      await page.locator('#level:not([data-level=normal])').waitFor()
      await page.locator('.all .level').first().click()
      await keepPicture(page, 'page-kafka-killed')

      await stack.service('kafka').start()
      await expect.poll(() => currentState(page), { timeout: seenMsMax }).toBe('closed')
      await levelIs(page, 'normal')
      expect(await page.locator('.edge.reached').count()).toBeGreaterThanOrEqual(3)
      await keepPicture(page, 'page-kafka-recovered')
      expect(complaints).toEqual([])
    },
    testMsMax
  )
})
