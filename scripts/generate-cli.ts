/** Writes `docs/cli.md` from the commands, and the page of the checklist: `npm run generate`. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { checklistPage } from '../src/cli/checklist/checklist-page.ts'
import { cliDocs } from '../src/cli/docs.ts'

const write = (file: string, text: string): void =>
  writeFileSync(fileURLToPath(new URL(`../docs/${file}`, import.meta.url)), text)

write('cli.md', cliDocs())
write('demo-day-checklist.md', checklistPage())
