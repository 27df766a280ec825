/** Writes `docs/cli.md` from the commands: `npm run generate`. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cliDocs } from '../src/cli/docs.ts'

writeFileSync(fileURLToPath(new URL('../docs/cli.md', import.meta.url)), cliDocs())
