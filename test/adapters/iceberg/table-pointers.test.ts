/** Pointers to the current version, over real files: several processes, stale writers, pruning. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, describe, expect, it } from 'vitest'
import { makeTablePointers } from '../../../src/adapters/iceberg/table-pointers.ts'
import { fileLocation, makeLocalFiles } from '../../../src/adapters/object-store/local-files.ts'
import { fault, identifier, makeMemoryFiles, swap } from './support.ts'

const run = Effect.runPromise
const home = mkdtempSync(join(tmpdir(), 'k2-catalog-'))
afterAll(() => rmSync(home, { recursive: true }))

describe('pointers', () => {
  it('creates once and swaps from what is current only', async () => {
    const catalog = makeTablePointers(makeLocalFiles(), fileLocation(join(home, 'one')))
    expect(await run(catalog.load(identifier))).toBeNull()
    expect(await run(catalog.prepareSwap(identifier, 'm0', 'm1'))).toBeNull()
    expect(await run(catalog.create(identifier, 'm0'))).toBe('swapped')
    expect(await run(catalog.create(identifier, 'other'))).toBe('conflict')
    expect(await run(swap(catalog, 'm0', 'm1'))).toBe('swapped')
    expect(await run(swap(catalog, 'm0', 'm2'))).toBe('conflict')
    expect(await run(catalog.load(identifier))).toBe('m1')
  })

  it('lets one of many win each swap, and all see the winner', async () => {
    const directory = fileLocation(join(home, 'many'))
    // Each with a memory of its own, as separate processes.
    const catalogs = Array.from({ length: 6 }, () => makeTablePointers(makeLocalFiles(), directory))
    await run(catalogs[0]!.create(identifier, 'm0'))
    for (let round = 0; round < 20; round += 1) {
      const seen = await Promise.all(catalogs.map((it) => run(it.load(identifier))))
      expect(new Set(seen).size).toBe(1)
      const outcomes = await Promise.all(
        catalogs.map((it, index) => run(swap(it, seen[0]!, `m${round + 1}-${index}`)))
      )
      expect(outcomes.filter((it) => it === 'swapped')).toHaveLength(1)
      expect(await run(catalogs[3]!.load(identifier))).toBe(
        `m${round + 1}-${outcomes.indexOf('swapped')}`
      )
    }
    expect(
      readdirSync(join(home, 'many', 'market', 'trades')).filter((it) => it.endsWith('.tmp'))
    ).toEqual([])
  })

  it('prunes old pointers, and tells a writer that is too late that it cannot know', async () => {
    const files = makeMemoryFiles()
    const [busy, late] = [
      makeTablePointers(files, 'file:///c'),
      makeTablePointers(files, 'file:///c')
    ]
    await run(busy.create(identifier, 'm0'))
    await run(late.load(identifier))
    for (let count = 0; count < 1_300; count += 1) {
      expect(await run(swap(busy, `m${count}`, `m${count + 1}`))).toBe('swapped')
    }
    const left = [...files.stored.keys()]
    expect(left.length).toBeLessThan(1_100)
    expect(left.length).toBeGreaterThanOrEqual(1_000)
    expect(await run(Effect.flip(swap(late, 'm0', 'late')))).toMatchObject({
      _tag: 'SwapUnknown'
    })
    expect(await run(late.load(identifier))).toBe('m1300')
    expect(await run(makeTablePointers(files, 'file:///c').load(identifier))).toBe('m1300')
  })

  it('answers unknown, not conflict, when the disk fails around the swap', async () => {
    const files = makeMemoryFiles()
    const catalog = makeTablePointers(files, 'file:///c')
    await run(catalog.create(identifier, 'm0'))
    files.after = (operation, location) =>
      operation === 'publish' ? fault('FileFailed', location) : null
    expect(await run(Effect.flip(swap(catalog, 'm0', 'm1')))).toMatchObject({
      _tag: 'SwapUnknown'
    })
    files.after = () => null
    expect(await run(catalog.load(identifier))).toBe('m1')
  })

  it('says which pointer it cannot read', async () => {
    const files = makeMemoryFiles()
    files.stored.set('file:///c/market/trades/0000000001.json', Buffer.from('{'))
    const refused = await run(Effect.flip(makeTablePointers(files, 'file:///c').load(identifier)))
    expect(refused).toMatchObject({ _tag: 'FileFailed', location: 'file:///c/market/trades' })
  })
})
