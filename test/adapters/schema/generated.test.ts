import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generateRecords } from '../../../scripts/generate-records.ts'

test('record types are what the schemas generate (npm run generate)', () => {
  for (const [file, text] of generateRecords()) expect(readFileSync(file, 'utf8')).toBe(text)
})
