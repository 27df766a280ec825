import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { clientTypes } from '../../scripts/client-types.ts'

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('types of the client are what the routes generate (npm run generate)', () => {
  expect(textOf('src/client/api-types.ts')).toBe(clientTypes())
})

test('docs/client.md shows the example that is run', () => {
  expect(textOf('docs/client.md')).toContain(`\`\`\`ts\n${textOf('docs/examples/client.ts')}\`\`\``)
})
