import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, expect, test } from 'vitest'
import { folderBytes, makeFolder, syncToDisk } from '../../../src/adapters/disk/folders.ts'

const root = mkdtempSync(join(tmpdir(), 'k2-folders-'))
afterAll(() => rmSync(root, { recursive: true }))

test('folders are made with all above them, twice without harm', async () => {
  const path = join(root, 'a', 'b', 'c')
  await Effect.runPromise(makeFolder(path))
  await Effect.runPromise(makeFolder(path))
  expect(statSync(path).isDirectory()).toBe(true)
  await Effect.runPromise(syncToDisk(path))
})

test('the bytes of a folder are those of the files below it', async () => {
  await Effect.runPromise(makeFolder(join(root, 'x', 'y')))
  writeFileSync(join(root, 'x', 'one'), Buffer.alloc(10_000))
  writeFileSync(join(root, 'x', 'y', 'two'), Buffer.alloc(20_000))
  const bytes = await Effect.runPromise(folderBytes(join(root, 'x')))
  expect(bytes).toBeGreaterThanOrEqual(30_000)
  expect(bytes).toBeLessThan(60_000)
  expect(await Effect.runPromise(folderBytes(join(root, 'absent')))).toBe(0)
})

test('a folder that cannot be made is a named failure', async () => {
  writeFileSync(join(root, 'file'), '')
  const error = await Effect.runPromise(Effect.flip(makeFolder(join(root, 'file', 'below'))))
  expect(error).toMatchObject({ _tag: 'FolderFailed' })
})
