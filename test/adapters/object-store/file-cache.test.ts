/** Local copies: whole, bounded, in use for as long as they are read, there after a restart. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import * as Scope from 'effect/Scope'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addToCache,
  type CachedFile,
  cachePath,
  type FileCache,
  openFileCache
} from '../../../src/adapters/object-store/file-cache.ts'

const run = Effect.runPromise
const contentOf = (location: string) => location.padEnd(100, '.')
const file = (name: string): CachedFile => ({ location: `s3://b/${name}`, bytes: 100 })
let folder: string
let downloads: string[]
/** Before a download takes effect. */
let before: (location: string) => Effect.Effect<void, { readonly message: string }>
let scopes: Scope.Closeable[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'k2-cache-'))
  downloads = []
  before = () => Effect.void
  scopes = []
})
afterEach(async () => {
  for (const scope of scopes) await run(Scope.close(scope, Exit.void))
  rmSync(folder, { recursive: true })
})

const open = async (bytesMax: number): Promise<FileCache> => {
  const scope = Scope.makeUnsafe()
  scopes.push(scope)
  const download = (location: string, path: string) =>
    Effect.andThen(
      before(location),
      Effect.sync(() => {
        downloads.push(location)
        writeFileSync(path, contentOf(location))
      })
    )
  return run(Scope.provide(openFileCache({ folder, bytesMax, download }), scope))
}

const read = (cache: FileCache, ...files: readonly CachedFile[]) =>
  cache.use(files, (paths) => Effect.sync(() => paths.map((it) => readFileSync(it, 'utf8'))))

const copies = () => readdirSync(folder).filter((it) => it.endsWith('.parquet'))

describe('a file cache', () => {
  it('fetches a file once, and gives paths in the order of the files', async () => {
    const cache = await open(1_000)
    const [a, b] = [file('a'), file('b')]
    expect(await run(read(cache, a, b))).toEqual([contentOf(a.location), contentOf(b.location)])
    expect(await run(read(cache, b, a))).toEqual([contentOf(b.location), contentOf(a.location)])
    expect(downloads).toEqual([a.location, b.location])
    expect(cache.bytes()).toBe(200)
  })

  it('fetches a file once for all who ask, also if the first one leaves', async () => {
    const cache = await open(1_000)
    const gate = Deferred.makeUnsafe<void>()
    const asked = Deferred.makeUnsafe<void>()
    before = () => Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(gate))
    const first = Effect.runFork(read(cache, file('a')))
    await run(Deferred.await(asked))
    const second = Effect.runFork(read(cache, file('a')))
    await run(Fiber.interrupt(first))
    await run(Deferred.succeed(gate, undefined))
    expect(await run(Fiber.join(second))).toEqual([contentOf('s3://b/a')])
    expect(downloads).toHaveLength(1)
  })

  it('keeps below its limit: the least recently used goes', async () => {
    const cache = await open(300)
    for (const name of ['a', 'b', 'c', 'a', 'd']) await run(read(cache, file(name)))
    expect(cache.bytes()).toBe(300)
    expect(copies()).toHaveLength(3)
    downloads.length = 0
    for (const name of ['a', 'c', 'd']) await run(read(cache, file(name)))
    expect(downloads).toEqual([])
    await run(read(cache, file('b')))
    expect(downloads).toEqual(['s3://b/b'])
  })

  it('never removes what is being read, and refuses what cannot fit beside it', async () => {
    const cache = await open(200)
    const inside = cache.use([file('a'), file('b')], (paths) =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(read(cache, file('c')))
        expect(refused.message).toContain('K2_ICEBERG_S3_CACHE_LIMIT')
        return paths.map((it) => readFileSync(it, 'utf8'))
      })
    )
    expect(await run(inside)).toHaveLength(2)
    expect(await run(read(cache, file('c')))).toHaveLength(1)
    expect(cache.bytes()).toBe(200)
    expect(copies()).toHaveLength(2)
  })

  it('is there after a restart, within the limit of then', async () => {
    const earlier = await open(1_000)
    await run(read(earlier, file('a'), file('b'), file('c')))
    writeFileSync(`${cachePath(folder, 's3://b/d')}.part`, 'half')
    downloads.length = 0
    const cache = await open(200)
    expect(copies()).toHaveLength(2)
    expect(readdirSync(folder).filter((it) => it.endsWith('.part'))).toEqual([])
    await run(read(cache, file('a'), file('b')))
    await run(read(cache, file('c')))
    expect(downloads.length).toBeGreaterThan(0)
    expect(downloads.length).toBeLessThan(3)
  })

  it.each([
    ['cut off', (text: string) => text.slice(0, 50)],
    ['altered', (text: string) => text.replace('b', 'c')],
    ['gone', null]
  ])('fetches again what is %s, found or known', async (_, damage) => {
    const path = cachePath(folder, 's3://b/a')
    const spoil = () =>
      damage === null ? rmSync(path) : writeFileSync(path, damage(readFileSync(path, 'utf8')))
    const earlier = await open(1_000)
    await run(read(earlier, file('a')))
    spoil()
    const cache = await open(1_000)
    expect(await run(read(cache, file('a')))).toEqual([contentOf('s3://b/a')])
    expect(downloads).toHaveLength(2)
    rmSync(path)
    expect(await run(read(cache, file('a')))).toEqual([contentOf('s3://b/a')])
    expect(downloads).toHaveLength(3)
  })

  it('takes in what others add, and removes what is too much then', async () => {
    const cache = await open(200)
    for (const name of ['a', 'b', 'c']) {
      const path = join(folder, `${name}.tmp`)
      writeFileSync(path, contentOf(`s3://b/${name}`))
      await run(addToCache(folder, `s3://b/${name}`, path))
    }
    await run(read(cache, file('c')))
    expect(downloads).toEqual([])
    await run(cache.sweep)
    expect(cache.bytes()).toBe(200)
    // Added later than `c` was read: the newest rows are what is asked for most.
    await run(read(cache, file('a'), file('b')))
    expect(downloads).toEqual([])
  })

  it('says what could not be fetched, and tries again when asked again', async () => {
    const cache = await open(1_000)
    before = () => Effect.fail({ message: 'SlowDown' })
    const refused = await run(Effect.flip(read(cache, file('a'))))
    expect(refused).toMatchObject({ _tag: 'FileNotCached', location: 's3://b/a' })
    expect(refused.message).toContain('SlowDown')
    expect(cache.bytes()).toBe(0)
    before = () => Effect.void
    expect(await run(read(cache, file('a')))).toEqual([contentOf('s3://b/a')])
  })
})
