import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, describe, expect, it } from 'vitest'
import {
  fileLocation,
  filePath,
  makeLocalFiles
} from '../../../src/adapters/object-store/local-files.ts'

const run = Effect.runPromise
const home = mkdtempSync(join(tmpdir(), 'k2-files-'))
afterAll(() => rmSync(home, { recursive: true }))
const files = makeLocalFiles()
const at = (name: string) => fileLocation(join(home, name))

describe('local files', () => {
  it('makes directories and the file, never overwrites', async () => {
    const location = at('new/a b/ü=1/file')
    await run(files.writeNew(location, Buffer.from('one')))
    const refused = await run(Effect.flip(files.writeNew(location, Buffer.from('two'))))
    expect(refused).toMatchObject({ _tag: 'FileExists', location })
    expect(Buffer.from(await run(files.read(location))).toString()).toBe('one')
    expect(readdirSync(join(home, 'new', 'a b', 'ü=1'))).toEqual(['file'])
    expect(await run(files.size(location))).toBe(3)
  })

  it('publishes one of many, whole, and leaves the others as they are', async () => {
    const location = at('race/file')
    const contents = Array.from({ length: 20 }, (_, index) => Buffer.alloc(10_000, index))
    const exits = await Promise.all(
      contents.map(async (it, index) => {
        await run(files.writeNew(at(`race/staged-${index}`), it))
        return Effect.runPromiseExit(files.publish(at(`race/staged-${index}`), location))
      })
    )
    expect(exits.filter((it) => it._tag === 'Success')).toHaveLength(1)
    const winner = exits.findIndex((it) => it._tag === 'Success')
    expect(readFileSync(filePath(location))).toEqual(contents[winner])
    const others = contents.map((_, index) => `staged-${index}`).filter((_, it) => it !== winner)
    expect(readdirSync(join(home, 'race')).toSorted()).toEqual(['file', ...others].toSorted())
  })

  it('removes, lists and sizes what is not there', async () => {
    expect(await run(files.list(at('nowhere')))).toEqual([])
    expect(await run(files.size(at('nowhere')))).toBeNull()
    await run(files.remove(at('nowhere')))
    expect(await run(Effect.flip(files.read(at('nowhere'))))).toMatchObject({ _tag: 'FileMissing' })
    await run(files.writeNew(at('gone'), Buffer.from('x')))
    await run(files.remove(at('gone')))
    expect(existsSync(join(home, 'gone'))).toBe(false)
  })

  it('syncs what others wrote, by path or location', async () => {
    const path = join(home, 'parquet')
    writeFileSync(path, 'PAR1')
    await run(files.syncFile(path))
    await run(files.syncDirectory(home))
    expect(await run(files.size(path))).toBe(4)
    expect(await run(Effect.flip(files.syncFile(at('absent'))))).toMatchObject({
      _tag: 'FileMissing'
    })
  })

  it('says what the disk refused', async () => {
    await run(files.writeNew(at('plain'), Buffer.from('x')))
    const refused = await run(Effect.flip(files.writeNew(at('plain/below'), Buffer.from('x'))))
    expect(refused).toMatchObject({ _tag: 'FileFailed', operation: 'write' })
    expect(refused.message).toContain('check disk space')
  })
})
