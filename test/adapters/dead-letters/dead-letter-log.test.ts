import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Effect } from 'effect'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type DeadLetterEntry,
  openDeadLetterLog
} from '../../../src/adapters/dead-letters/dead-letter-log.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'k2-dead-letters-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const entry = (offset: number, raw = 'not a trade'): DeadLetterEntry => ({
  atMs: 1_700_000_000_000,
  reason: 'undecodable',
  detail: 'truncated',
  symbol: null,
  nativeId: null,
  position: { topic: 't', partition: 0, offset },
  raw: Buffer.from(raw)
})

const session = (
  batches: readonly DeadLetterEntry[][],
  limits = { fileBytesMax: 1e6, bytesMax: 1e7 }
) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const log = yield* openDeadLetterLog({ folder, name: 'lander', ...limits })
        for (const batch of batches) yield* log.write(batch)
      })
    )
  )

const lines = () =>
  readdirSync(folder)
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('letters keep position, reason and bytes, over several sessions', async () => {
  await session([[entry(1), entry(2)]])
  await session([[], [entry(3)]])
  expect(lines().map(({ position }) => (position as { offset: number }).offset)).toEqual([1, 2, 3])
  expect(lines()[0]).toMatchObject({
    reason: 'undecodable',
    at: '2023-11-14T22:13:20.000Z',
    raw_bytes: 11
  })
  expect(Buffer.from(lines()[0]!['raw'] as string, 'base64').toString()).toBe('not a trade')
})

test('a huge record keeps its first 64 KiB and its true size', async () => {
  await session([[entry(1, 'x'.repeat(100_000))]])
  expect(lines()[0]).toMatchObject({ raw_bytes: 100_000 })
  expect(Buffer.from(lines()[0]!['raw'] as string, 'base64')).toHaveLength(65_536)
})

test('the folder stays below its bound, the newest letters stay', async () => {
  const limits = { fileBytesMax: 2_000, bytesMax: 8_000 }
  await session(
    Array.from({ length: 200 }, (_, offset) => [entry(offset)]),
    limits
  )
  const total = readdirSync(folder).reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0
  )
  expect(total).toBeLessThanOrEqual(limits.bytesMax + 500)
  expect(lines().at(-1)).toMatchObject({ position: { offset: 199 } })
})

test('a folder that cannot be made is a named failure', async () => {
  const exit = await Effect.runPromiseExit(
    Effect.scoped(
      openDeadLetterLog({ folder: '/dev/null/x', name: 'f', fileBytesMax: 1, bytesMax: 1 })
    )
  )
  expect(String(exit)).toContain('DeadLetterLogFailed')
})
