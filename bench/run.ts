/**
 * `npm run bench -- [flags]`: the entry. What is measured in this process is what users run: every
 * import of `src/` loads what was built from it (`scripts/run.mjs` has built it), because sources
 * that are translated while they are loaded are slower than they would be.
 */
import { register } from 'node:module'

register('./built-sources.mjs', import.meta.url)
const { main } = await import('./main.ts')
process.exitCode = await main(process.argv.slice(2))
