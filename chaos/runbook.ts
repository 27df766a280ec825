/** `docs/runbook.md` as those who run it read it: of each alert its section and its first look. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface RunbookSection {
  readonly alert: string
  readonly text: string
  /** Commands of the fenced block under *First look*, a line each. */
  readonly firstLook: readonly string[]
}

export const readRunbook = (projectRoot: string): readonly RunbookSection[] =>
  readFileSync(join(projectRoot, 'docs', 'runbook.md'), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [alert = ''] = section.split('\n')
      const text = section.slice(alert.length).split(/^# /m)[0] ?? ''
      const [, block = ''] = /\*\*First look\.\*\*[^`]*```sh\n([^`]*)```/.exec(text) ?? []
      return { alert, text, firstLook: block.split('\n').filter((line) => line !== '') }
    })
