/** Texts of a statement, joined, part by part: each byte once, and nothing kept of who left. */
import { Effect, Exit, Fiber, Scope } from 'effect'
import * as fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import { poolOver } from '../../support/query-pool.ts'

const scope = Effect.runSync(Scope.make())
let directory: string
let pool: QueryPool

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'k2-texts-'))
  const opening = poolOver(directory, { connections: 2, deadlineMsMax: 60_000 })
  pool = await Effect.runPromise(Scope.provide(opening, scope))
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await rm(directory, { recursive: true })
})

const partsOf = (sql: string, texts: readonly string[] = []) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const parameters = { texts: { type: 'texts', value: texts } } as const
        const { next } = yield* pool.texts({ sql, parameters })
        const parts: { readonly bytes: Uint8Array; readonly count: number }[] = []
        for (let part = yield* next; part !== undefined; part = yield* next) parts.push(part)
        expect(yield* next).toBeUndefined()
        return parts
      })
    )
  )

const textOf = (parts: readonly { readonly bytes: Uint8Array }[]): string =>
  Buffer.concat(parts.map(({ bytes }) => bytes)).toString()

/** Up to 12 bytes a text lies in its vector itself. */
const texts = fc.array(
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 14 }),
    fc.integer({ min: 10, max: 15 }).map((length) => 'x'.repeat(length)),
    fc.string({ unit: 'grapheme', minLength: 100, maxLength: 300 })
  ),
  { maxLength: 40 }
)

test('property: all texts, short and long, in their order', async () => {
  await fc.assert(
    fc.asyncProperty(texts, async (some) => {
      const plain = some.map((text) => text.replaceAll('\0', ''))
      const sql = `SELECT t FROM (SELECT unnest($texts) t, generate_subscripts($texts, 1) i)
        ORDER BY i`
      const parts = await partsOf(sql, plain)
      expect(textOf(parts)).toBe(plain.join(''))
      expect(parts.reduce((sum, { count }) => sum + count, 0)).toBe(plain.length)
    })
  )
}, 60_000)

const rows = 30_000
const many = (end: string) => `SELECT repeat('abc', i::INTEGER % 60) || i || ';' ${end}
  FROM range(${rows}) t(i) WHERE len($texts) = 0`

test('many rows come in parts of about the same size', async () => {
  const parts = await partsOf(many('AS text'))
  const expected = Array.from({ length: rows }, (_, i) => `${'abc'.repeat(i % 60)}${i};`)
  expect(textOf(parts)).toBe(expected.join(''))
  const sizes = parts.slice(0, -1).map(({ bytes }) => bytes.length)
  expect(sizes.length).toBeGreaterThan(2)
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(2 ** 19)
  expect(Math.max(...sizes)).toBeLessThan(2 ** 20)
})

const parameters = { texts: { type: 'texts', value: [] } } as const
const sorted = {
  sql: `SELECT repeat('abcd', 100) || i AS text FROM range(100000) t(i)
    WHERE len($texts) = 0 ORDER BY hash(i)`,
  parameters
}

const heldBytes = async (): Promise<number> => {
  const sql = 'SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()'
  const [[bytes] = []] = await Effect.runPromise(pool.run({ sql, parameters: {} }))
  return Number(bytes)
}

test('who leaves amid the rows leaves nothing in memory', async () => {
  const held = await heldBytes()
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { next } = yield* pool.texts(sorted)
        expect((yield* next)?.count).toBeGreaterThan(0)
        expect(yield* Effect.promise(heldBytes)).toBeGreaterThan(held + 20 * 2 ** 20)
        expect(pool.pending()).toBe(1)
      })
    )
  )
  expect(pool.pending()).toBe(0)
  expect(await heldBytes()).toBeLessThan(held + 2 * 2 ** 20)
})

test('who is interrupted while a part is made leaves nothing either', async () => {
  const held = await heldBytes()
  for (let turn = 0; turn < 10; turn++) {
    const fiber = Effect.runFork(
      Effect.scoped(Effect.flatMap(pool.texts(sorted), ({ next }) => Effect.forever(next)))
    )
    for (let tick = 0; tick < turn * 3; tick++) await new Promise(setImmediate)
    await Effect.runPromise(Fiber.interrupt(fiber))
    expect(pool.pending()).toBe(0)
  }
  expect(await heldBytes()).toBeLessThan(held + 2 * 2 ** 20)
})

test('a statement that fails says so, and its connection works on', async () => {
  const failing = { sql: "SELECT error('planted')::VARCHAR FROM range(3)", parameters: {} }
  const exit = await Effect.runPromiseExit(Effect.scoped(pool.texts(failing)))
  expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: 'QueryFailed' } })
  expect(textOf(await partsOf("SELECT 'a' FROM range(2) WHERE len($texts) = 0"))).toBe('aa')
})

test('a pool that is closed meanwhile closes, and so does what was open', async () => {
  const own = Effect.runSync(Scope.make())
  const short = await Effect.runPromise(Scope.provide(poolOver(directory), own))
  const reading = Effect.runSync(Scope.make())
  const { next } = await Effect.runPromise(Scope.provide(short.texts(sorted), reading))
  await Effect.runPromise(next)
  await Effect.runPromise(Scope.close(own, Exit.void))
  await Effect.runPromise(Scope.close(reading, Exit.void))
})
