import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentPaths, readDocument } from '../../scripts/docs/documents.ts'
import { anchorsOf, brokenLinks } from '../../scripts/docs/links.ts'

const project = resolve(import.meta.dirname, '..', '..')

test.each(documentPaths(project))('links of %s lead to files and headings there are', (path) => {
  expect(brokenLinks(project, path, readDocument(project, path))).toEqual([])
})

describe('links', () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'k2-links-'))
    mkdirSync(join(root, 'docs'))
    writeFileSync(join(root, 'a.md'), '# One\n')
    writeFileSync(join(root, 'docs', 'b.md'), '# Two\n\n## What `it` is, and why?\n')
  })
  afterAll(() => rmSync(root, { recursive: true }))

  test.each([
    ['[a](../a.md) [b](#two) [c](b.md#what-it-is-and-why)', []],
    ['[d](https://none.invalid/x) ![e](b.md)', []],
    ['`[a](none.md)`', []],
    ['[a](a.md)', ['docs/b.md:1: a.md: there is no docs/a.md']],
    ['x\n\n![e](none.png "title")', ['docs/b.md:3: none.png: there is no docs/none.png']],
    ['[a](../a.md#two)', ['docs/b.md:1: ../a.md#two: a.md has no heading "two"']],
    ['[a][x]\n\n[x]: none.md', ['docs/b.md:3: none.md: there is no docs/none.md']],
    ['<img src="none.svg">', ['docs/b.md:1: none.svg: there is no docs/none.svg']]
  ])('%s', (text, expected) => {
    expect(brokenLinks(root, 'docs/b.md', text)).toEqual(expected)
  })

  test('headings become anchors as GitHub makes them', () => {
    const text =
      '# K2: `npm start`, it\n## A [link](x.md) – here\n## Twice\n## Twice\n```\n# no\n```'
    expect([...anchorsOf(text)]).toEqual([
      'k2-npm-start-it',
      'a-link--here',
      'twice',
      'twice-1'
    ])
  })
})
