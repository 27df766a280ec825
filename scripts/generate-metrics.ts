/** Writes `docs/metrics.md` from the declarations: `npm run generate`. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { metricDocs } from './metric-docs.ts'

writeFileSync(fileURLToPath(new URL('../docs/metrics.md', import.meta.url)), metricDocs())
