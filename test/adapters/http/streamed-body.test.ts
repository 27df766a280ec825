import { Effect } from 'effect'
import { expect, test } from 'vitest'
import { type Part, streamedBody } from '../../../src/adapters/http/streamed-body.ts'

const partOf = (number: number, last: number): Part<number> => ({
  bytes: Buffer.from(`${number}\n`),
  next: number === last ? undefined : number + 1
})

const streaming = (make: (next: number) => Effect.Effect<Part<number>, Error>) => {
  const failures: unknown[] = []
  const stream = streamedBody({
    first: partOf(0, 9),
    make,
    run: (effect, options) => Effect.runPromiseExit(effect, options),
    onFailed: (cause) => failures.push(cause)
  })
  return { stream, failures }
}

/** What is going on has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('parts come in order, and end', async () => {
  const { stream } = streaming((next) => Effect.sync(() => partOf(next, 9)))
  const digits = Array.from({ length: 10 }, (_, index) => `${index}\n`)
  expect(await new Response(stream).text()).toBe(digits.join(''))
})

test('what is not taken is not made, but for the next part', async () => {
  const made: number[] = []
  const { stream } = streaming((next) =>
    Effect.sync(() => {
      made.push(next)
      return partOf(next, 9)
    })
  )
  await settled()
  expect(made).toEqual([])
  const reader = stream.getReader()
  await reader.read()
  await settled()
  expect(made).toEqual([1])
  await reader.read()
  await reader.read()
  await settled()
  expect(made).toEqual([1, 2, 3])
  await reader.cancel()
})

test('a client that leaves interrupts what is being made; that is no failure', async () => {
  let interrupted = 0
  const { stream, failures } = streaming(() =>
    Effect.never.pipe(Effect.onInterrupt(() => Effect.sync(() => (interrupted += 1))))
  )
  const reader = stream.getReader()
  await reader.read()
  await reader.cancel()
  await settled()
  expect([interrupted, failures]).toEqual([1, []])
})

test('a part that cannot be made ends the body as broken, and is told', async () => {
  const { stream, failures } = streaming((next) =>
    next === 3 ? Effect.fail(new Error('no disk')) : Effect.succeed(partOf(next, 9))
  )
  await expect(new Response(stream).text()).rejects.toThrow('could not be made')
  expect(failures).toHaveLength(1)
})
