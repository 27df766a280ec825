import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { expect, test } from 'vitest'
import { Gate } from '../../src/actors/gate.ts'

const serve = <A>(gate: Gate<A>, service: A) => {
  const scope = Scope.makeUnsafe()
  Effect.runSync(Scope.provide(gate.serve(service), scope))
  return () => Effect.runSync(Scope.close(scope, Exit.void))
}

test('who waits gets the service that comes, and after it the next one', async () => {
  const gate = new Gate<string>()
  const waiting = Effect.runPromise(gate.get)
  const end = serve(gate, 'one')
  expect(await waiting).toBe('one')
  end()
  expect(gate.current).toBeUndefined()
  serve(gate, 'two')
  expect(await Effect.runPromise(gate.get)).toBe('two')
})

test('an owner that has not let go in time is served no more', async () => {
  const gate = new Gate<string>()
  const endOfLeaked = serve(gate, 'leaked')
  serve(gate, 'successor')
  expect(await Effect.runPromise(gate.get)).toBe('successor')
  endOfLeaked()
  expect(gate.current).toBe('successor')
  expect(await Effect.runPromise(gate.get)).toBe('successor')
})

test('a listener that throws fails whoever serves, and leaves nothing behind', async () => {
  const gate = new Gate<string>()
  const stop = gate.onServe(() => {
    throw new RangeError('in a listener')
  })
  const exit = await Effect.runPromiseExit(Effect.scoped(gate.serve('one')))
  expect(String(Exit.isFailure(exit) && exit.cause)).toContain('in a listener')
  expect(gate.current).toBeUndefined()
  stop()
  serve(gate, 'two')
  expect(await Effect.runPromise(gate.get)).toBe('two')
})
