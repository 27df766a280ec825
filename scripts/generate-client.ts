/**
 * Writes `src/client/api-types.ts` from the routes of the API. `test/client/generated.test.ts`
 * fails when it is out of date.
 */
import { writeFileSync } from 'node:fs'
import { clientTypes } from './client-types.ts'

writeFileSync(new URL('../src/client/api-types.ts', import.meta.url), clientTypes())
