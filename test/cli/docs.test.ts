import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { cliDocs } from '../../src/cli/docs.ts'
import { commands } from '../../src/cli/commands.ts'

test('docs/cli.md is what the commands say of themselves (npm run generate)', () => {
  const page = new URL('../../docs/cli.md', import.meta.url)
  expect(readFileSync(page, 'utf8')).toBe(cliDocs())
})

test('every command has an example and says what its exit codes mean', () => {
  for (const { name, examples, exitCodes } of commands) {
    expect(examples.length, name).toBeGreaterThan(0)
    expect(Object.keys(exitCodes), name).toEqual(expect.arrayContaining(['0', '2']))
  }
})
