/** Files in S3 against a bucket in memory that misbehaves on request. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeS3Files, type S3Files } from '../../../src/adapters/object-store/s3-files.ts'
import { type HttpClient, makeHttpClient } from '../../../src/adapters/web/http-client.ts'
import { type FakeS3, startFakeS3 } from '../../support/fake-s3.ts'

const run = Effect.runPromise
const home = mkdtempSync(join(tmpdir(), 'k2-s3-'))
const base = 's3://bucket/warehouse/market'
const bytes = Buffer.from('some bytes of a manifest')
let client: HttpClient
let fake: FakeS3
let files: S3Files

beforeAll(() => {
  client = makeHttpClient({ connectionsMax: 4 })
})
afterAll(() => {
  client.close()
  rmSync(home, { recursive: true })
})
beforeEach(async () => {
  fake = await startFakeS3()
  files = makeS3Files({
    send: client.send,
    endpoint: fake.endpoint,
    region: 'us-east-1',
    accessKeyId: 'k2',
    secretAccessKey: 'hidden-secret',
    isPathStyle: true,
    deadlineMs: 500
  })
})
afterEach(() => fake.close())

type Fault = ReturnType<FakeS3['misbehave']>

/** The next requests of this method go wrong. */
const misbehave = (method: string, fault: Fault, times = 1): void => {
  fake.misbehave = (request) => {
    if (request.method !== method || times === 0) return 'none'
    times -= 1
    return fault
  }
}

describe('files in S3', () => {
  it('are written once, read, measured, listed and removed', async () => {
    const name = "a b+c&d'e%20 (1).bin"
    const odd = `${base}/data/${name}`
    await run(files.writeNew(odd, bytes))
    expect(Buffer.from(await run(files.read(odd)))).toEqual(bytes)
    expect(await run(files.size(odd))).toBe(bytes.length)
    expect(await run(Effect.flip(files.writeNew(odd, bytes)))).toMatchObject({ _tag: 'FileExists' })
    expect(await run(files.list(`${base}/data`))).toEqual([name])
    expect(await run(files.list(`${base}/other`))).toEqual([])
    await run(files.remove(odd))
    await run(files.remove(odd))
    expect(await run(files.size(odd))).toBeNull()
    expect(await run(Effect.flip(files.read(odd)))).toMatchObject({ _tag: 'FileMissing' })
  })

  it('are listed page by page, one folder only or all below', async () => {
    fake.pageKeys = 2
    for (const name of ['a', 'b', 'c', 'd', 'e', 'sub/f'])
      await run(files.writeNew(`${base}/list/${name}`, bytes))
    expect(await run(files.list(`${base}/list`))).toEqual(['a', 'b', 'c', 'd', 'e'])
    const below = await run(files.listBelow(`${base}/list`))
    expect(below.at(-1)).toEqual({
      location: `${base}/list/sub/f`,
      modifiedMs: Date.UTC(2024, 7, 8),
      bytes: bytes.length
    })
    expect(below).toHaveLength(6)
  })

  it('say which bucket is missing, and show no secret', async () => {
    const refused = await run(Effect.flip(files.read('s3://elsewhere/x')))
    expect(refused).toMatchObject({ _tag: 'FileFailed', detail: 'NoSuchBucket' })
    expect(refused.message).toContain('K2_ICEBERG_S3_')
    expect(JSON.stringify(refused)).not.toContain('hidden-secret')
  })

  const passing: readonly Fault[] = [
    { status: 503, code: 'SlowDown', when: 'before' },
    { status: 500, when: 'before' },
    { status: 400, code: 'RequestTimeout', when: 'before' },
    { status: 409, code: 'ConditionalRequestConflict', when: 'before' },
    { does: 'reset', when: 'before' },
    { does: 'hang', when: 'before' }
  ]
  it.each(passing)('are asked for again after %o', async (fault) => {
    misbehave('PUT', fault, 2)
    await run(files.writeNew(`${base}/x`, bytes))
    misbehave('GET', fault, 2)
    expect(Buffer.from(await run(files.read(`${base}/x`)))).toEqual(bytes)
    misbehave('DELETE', fault, 2)
    await run(files.remove(`${base}/x`))
    expect(fake.objects.size).toBe(0)
  })

  it('are given up after four attempts, with the reason', async () => {
    misbehave('GET', { status: 503, code: 'SlowDown', when: 'before' }, 100)
    const failed = await run(Effect.flip(files.read(`${base}/x`)))
    expect(failed).toMatchObject({ _tag: 'FileFailed', detail: 'SlowDown' })
    expect(fake.requests).toHaveLength(4)
  })

  const lost: readonly Fault[] = [
    { status: 500, when: 'after' },
    { does: 'reset', when: 'after' },
    { does: 'hang', when: 'after' }
  ]
  it.each(lost)('that were written although the answer was lost are ours: %o', async (fault) => {
    misbehave('PUT', fault)
    await run(files.writeNew(`${base}/x`, bytes))
    fake.keepsDigests = false
    misbehave('PUT', fault)
    await run(files.writeNew(`${base}/y`, bytes))
    expect(fake.objects.get('bucket/warehouse/market/y')).toEqual(bytes)
  })

  it('of somebody else are not taken for ours when the answer was lost', async () => {
    fake.objects.set('bucket/warehouse/market/x', Buffer.from('some bytes of another one'))
    for (const keepsDigests of [true, false]) {
      fake.keepsDigests = keepsDigests
      misbehave('PUT', { status: 500, when: 'before' })
      const refused = await run(Effect.flip(files.writeNew(`${base}/x`, bytes)))
      expect(refused).toMatchObject({ _tag: 'FileExists' })
    }
  })

  it('that arrive cut off are never short data', async () => {
    await run(files.writeNew(`${base}/x`, bytes))
    misbehave('GET', { does: 'cut', when: 'after' }, 2)
    expect(Buffer.from(await run(files.read(`${base}/x`)))).toEqual(bytes)
    misbehave('GET', { does: 'cut', when: 'after' }, 100)
    expect(await run(Effect.flip(files.read(`${base}/x`)))).toMatchObject({ _tag: 'FileFailed' })
  })

  it('that arrive altered are refused', async () => {
    await run(files.writeNew(`${base}/x`, bytes))
    misbehave('GET', { does: 'flip a bit', when: 'after' }, 100)
    const refused = await run(Effect.flip(files.read(`${base}/x`)))
    expect(refused).toMatchObject({ _tag: 'FileFailed' })
    expect(refused.message).toContain('SHA-256')
  })
})

describe('local files', () => {
  const local = join(home, 'data.parquet')
  const content = Buffer.alloc(300_000, 'parquet')
  beforeAll(() => writeFileSync(local, content))

  it('go there and come back', async () => {
    const copy = join(home, 'copy.parquet')
    misbehave('PUT', { does: 'reset', when: 'before' })
    await run(files.upload(local, `${base}/data.parquet`))
    misbehave('GET', { does: 'cut', when: 'after' })
    await run(files.download(`${base}/data.parquet`, copy, content.length))
    expect(readFileSync(copy)).toEqual(content)
  })

  it('are refused where the size or the content is another', async () => {
    const copy = join(home, 'refused.parquet')
    await run(files.upload(local, `${base}/data.parquet`))
    const short = await run(Effect.flip(files.download(`${base}/data.parquet`, copy, 7)))
    expect(short.message).toContain('the table says 7')
    misbehave('GET', { does: 'flip a bit', when: 'after' }, 100)
    const altered = files.download(`${base}/data.parquet`, copy, content.length)
    expect((await run(Effect.flip(altered))).message).toContain('SHA-256')
  })
})
