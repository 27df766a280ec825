/** The page to be printed: what Markdown becomes there, and that it is one page of A4. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { printable } from '../../scripts/docs/print.ts'
import { browserStartMsMax, canBrowse, openBrowser } from '../support/browser.ts'

const root = resolve(import.meta.dirname, '..', '..')

test.each([
  ['# A & b', '<h1>A &amp; b</h1>'],
  ['one\ntwo <!-- gone -->', '<p>one\ntwo</p>'],
  ['a [b c](d.md#e) f', '<p>a <a href="d.md#e">b c</a> f</p>'],
  ['see <http://127.0.0.1:8000>', '<a href="http://127.0.0.1:8000">http://127.0.0.1:8000</a>'],
  ['`a **b** <c>` **d**', '<p><code>a **b** &lt;c&gt;</code> <strong>d</strong></p>'],
  ['- a\n- b\n  c', '<ul><li>a</li>\n<li>b\n  c</li></ul>'],
  ['1. a\n2. b', '<ol><li>a</li>\n<li>b</li></ol>'],
  ['| a | b |\n|---|---|\n| c |  |', '<tr><th>a</th><th>b</th></tr>'],
  ['| a | b |\n|---|---|\n| c |  |', '<tbody>\n<tr><td>c</td><td></td></tr>\n</tbody>']
])('%j', (markdown, expected) => {
  expect(printable(markdown)).toContain(expected)
})

test('the quick reference is short, and answers nine questions', () => {
  const text = readFileSync(resolve(root, 'docs/quick-reference.md'), 'utf8')
  expect(text.split('\n').length).toBeLessThanOrEqual(90)
  const asked = text.split('\n').filter((line) => /^\| [^|]+\? \|/.test(line))
  expect(asked).toHaveLength(9)
  for (const line of asked) expect(line.split('|')[3], line).toMatch(/\]\(|`npm run /)
})

describe.skipIf(!canBrowse)('printed by Chromium', () => {
  test('the quick reference is one page of A4 with all its text', async () => {
    const browser = await openBrowser()
    try {
      const page = await browser.newPage()
      await page.goto(pathToFileURL(resolve(root, 'docs/quick-reference.html')).href)
      const pdf = await page.pdf({ preferCSSPageSize: true })
      const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b(?!s)/g) ?? []
      expect(pages).toHaveLength(1)
      expect(await page.locator('body').innerText()).toContain('Nine questions')
      expect(await page.locator('h2').count()).toBeGreaterThanOrEqual(8)
    } finally {
      await browser.close()
    }
  }, browserStartMsMax)
})
