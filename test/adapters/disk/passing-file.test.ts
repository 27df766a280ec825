import { mkdtempSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openPassingFile } from '../../../src/adapters/disk/passing-file.ts'

const written = (bytes: number) => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-passing-'))
  const path = join(folder, 'a')
  const content = Buffer.alloc(bytes, 'abcdefg')
  writeFileSync(path, content)
  return { folder, path, content }
}

const sizes = [0, 1, 256 * 1_024, 1_000_000]
test.each(sizes)('%i bytes are all read, and the name is gone', async (bytes) => {
  const { folder, path, content } = written(bytes)
  const file = await openPassingFile(path)
  expect(readdirSync(folder)).toEqual([])
  expect(file.bytes).toBe(bytes)
  const found = Buffer.from(await new Response(file.body).arrayBuffer())
  expect(found.equals(content)).toBe(true)
})

/** Files of this process that are open and have no name any more. */
const openOf = (folder: string) =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)
    } catch {
      return false
    }
  })

test('who wants no more of it lets it go', async () => {
  const { folder, path } = written(1_000_000)
  const { body } = await openPassingFile(path)
  const reader = body.getReader()
  await reader.read()
  if (process.platform === 'linux') expect(openOf(folder)).toHaveLength(1)
  await reader.cancel()
  if (process.platform === 'linux') expect(openOf(folder)).toHaveLength(0)
})

test('what is not there is told', async () => {
  await expect(openPassingFile(join(tmpdir(), 'k2-nothing'))).rejects.toThrow('ENOENT')
})
