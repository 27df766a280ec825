/** The project's own documents say what the results of runs say, and nothing that none said. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  documentPaths,
  readDocument,
  renderDocument,
  strayFigures
} from '../../scripts/docs/documents.ts'
import { readResult, resultNames } from '../../scripts/docs/results.ts'

const root = resolve(import.meta.dirname, '..', '..')

describe.each(documentPaths(root))('%s', (path) => {
  const text = readDocument(root, path)

  test('has every figure that it names, as the results have it (npm run docs)', () => {
    const rendered = renderDocument(root, text)
    expect(rendered.problems).toEqual([])
    expect(text).toBe(rendered.text)
  })

  test('has no figure that no run has measured, where it is about figures', () => {
    expect(strayFigures(path, text)).toEqual([])
  })
})

test('there are documents, and some have figures', () => {
  const paths = documentPaths(root)
  expect(paths).toContain('README.md')
  expect(readFileSync(resolve(root, 'README.md'), 'utf8').match(/<!--k2:table /g)!.length)
    .toBeGreaterThan(2)
})

test.each(resultNames(root).filter((name) => !name.startsWith('chaos/')))(
  '%s says when, of which commit, on which machine and by which command it was made',
  (name) => {
    const { date, commit, machine, command } = readResult(root, name).provenance
    expect(new Date(date).toISOString()).toBe(date)
    expect(commit).toMatch(/^[0-9a-f]{40}(-changed)?$/)
    expect(machine).toMatch(/, \d+ cores, \d+ GiB, \w+/)
    expect(command).toMatch(/^(nice -n -?\d+ )?npm run \w+/)
  }
)
