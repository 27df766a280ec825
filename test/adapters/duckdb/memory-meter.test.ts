import { DuckDBInstance } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { duckdbBytes, metered } from '../../../src/adapters/duckdb/memory-meter.ts'

const open = () => DuckDBInstance.create(':memory:', { threads: '1' })

test('what all metered instances hold is counted, until their scopes close', async () => {
  expect(await duckdbBytes()).toBe(0)
  const instances = [await open(), await open()]
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        for (const instance of instances) yield* metered(instance)
        const empty = yield* Effect.promise(() => duckdbBytes())
        for (const instance of instances) {
          yield* Effect.promise(async () => {
            const connection = await instance.connect()
            await connection.run('CREATE TABLE held AS SELECT range AS n FROM range(4_000_000)')
          })
        }
        const held = (yield* Effect.promise(() => duckdbBytes())) - empty
        expect(held).toBeGreaterThan(10 * 1_024 ** 2)
      })
    )
  )
  expect(await duckdbBytes()).toBe(0)
  for (const instance of instances) instance.closeSync()
})

test('an answer that is under way is the answer of all who ask meanwhile', async () => {
  const instance = await open()
  let asked = 0
  const counting = {
    connect: async () => {
      const connection = await instance.connect()
      const ask = connection.runAndReadAll.bind(connection)
      connection.runAndReadAll = (sql) => {
        asked += 1
        return ask(sql)
      }
      return connection
    }
  }
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        yield* metered(counting)
        yield* Effect.promise(() => Promise.all([duckdbBytes(), duckdbBytes(), duckdbBytes()]))
        expect(asked).toBe(1)
        yield* Effect.promise(() => duckdbBytes())
        expect(asked).toBe(2)
        // Closed while it is asked: the connection waits for the answer.
        void duckdbBytes()
      })
    )
  )
  instance.closeSync()
})
