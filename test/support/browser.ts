/**
 * Debian's Chromium, for tests that look at the page as its users do. Where there is none, tests
 * are skipped; with K2_REQUIRE_SERVICES=1 it is installed, and what cannot be had fails.
 *
 * Pictures are kept in `K2_SCREENSHOTS`, where that is set.
 */
import { AxeBuilder } from '@axe-core/playwright'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { chromium as program, chromiumLaunch } from '../../demo/prerequisites.ts'
import { debianPackage, ensureDebianPackages } from '../../deploy/local/install/debian-packages.ts'

const isRequired = process.env['K2_REQUIRE_SERVICES'] === '1'

export const canBrowse = isRequired || existsSync(program)
/** Installing it takes minutes the first time. */
export const browserStartMsMax = 600_000
/** What is waited for: a busy machine may take its time. */
const seenMsMax = 120_000

export const openBrowser = async (): Promise<Browser> => {
  if (isRequired) await ensureDebianPackages([debianPackage('chromium', program)])
  return chromium.launch(chromiumLaunch)
}

export interface Watched {
  readonly page: Page
  /** What the page's console had to complain of. */
  readonly complaints: string[]
}

export const openPage = async (
  browser: Browser,
  options: BrowserContextOptions = {}
): Promise<Watched> => {
  const viewport = { width: 1_600, height: 1_000 }
  const context = await browser.newContext({ viewport, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(seenMsMax)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints }
}

/** What axe finds that keeps somebody from using the page. */
export const barriers = async (page: Page): Promise<readonly string[]> => {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`)
}

export const keepPicture = async (page: Page, name: string): Promise<void> => {
  const folder = process.env['K2_SCREENSHOTS']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
