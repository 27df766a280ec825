import { Effect, Exit, Scope } from 'effect'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  CurrentActor,
  makeResourceRegistry,
  type ResourceEvent,
  type ResourceHandle,
  tracked
} from '../../src/actors/resource-registry.ts'

test('any order of registering, releasing and leaking keeps the books right', () => {
  const step = fc.record({
    act: fc.constantFrom('register', 'release', 'leak'),
    index: fc.nat(20),
    owner: fc.constantFrom('a', 'b', 'c')
  })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.subarray(['a', 'b', 'c']),
      (steps, running) => {
        const events: Array<ResourceEvent> = []
        const registry = makeResourceRegistry({
          nowMs: () => 5,
          observe: (event) => events.push(event)
        })
        const model: Array<{
          owner: string
          name: string
          state: 'held' | 'leaked' | 'gone'
          handle: ResourceHandle
        }> = []
        let leaks = 0
        for (const { act, index, owner } of steps) {
          const entry = model[index]
          if (act === 'register') {
            const name = `r${model.length}`
            model.push({
              owner,
              name,
              state: 'held',
              handle: registry.register(owner, name, 'socket')
            })
          } else if (entry !== undefined && act === 'release') {
            entry.handle.release()
            entry.state = 'gone'
          } else if (entry !== undefined) {
            entry.handle.leak()
            if (entry.state === 'held') {
              entry.state = 'leaked'
              leaks += 1
            }
          }
        }
        const listed = model.filter(({ state }) => state !== 'gone')
        expect(
          registry
            .snapshot()
            .map(({ name, isLeaked }) => `${name} ${isLeaked}`)
            .toSorted()
        ).toEqual(listed.map(({ name, state }) => `${name} ${state === 'leaked'}`).toSorted())
        expect(registry.leakCount()).toBe(leaks)
        expect(events.length).toBe(leaks)
        expect(
          registry
            .audit(new Set(running))
            .map(({ name }) => name)
            .toSorted()
        ).toEqual(
          listed
            .filter(({ state, owner }) => state === 'held' && !running.includes(owner))
            .map(({ name }) => name)
            .toSorted()
        )
      }
    )
  )
})

test('an entry outlives the release of what it names, with or without a release of its own', () => {
  const registry = makeResourceRegistry({ nowMs: () => 0 })
  const seen: Array<string> = []
  const look = (step: string) =>
    Effect.sync(() =>
      seen.push(
        `${step}: ${registry
          .snapshot()
          .map(({ name }) => name)
          .join(' ')}`
      )
    )
  const scope = Scope.makeUnsafe()
  const program = Effect.gen(function* () {
    yield* tracked('own', 'client')(look('acquire'), () => look('release own'))
    yield* tracked(
      'adapter',
      'socket'
    )(Effect.acquireRelease(Effect.void, () => look('release adapter')))
  })
  Effect.runSync(
    program.pipe(
      Effect.provideService(Scope.Scope, scope),
      Effect.provideService(CurrentActor, {
        path: 'root/a',
        register: (name, kind) => registry.register('root/a', name, kind)
      })
    )
  )
  Effect.runSync(Scope.close(scope, Exit.void))
  expect(seen).toEqual(['acquire: own', 'release adapter: own adapter', 'release own: own'])
  expect(registry.snapshot()).toEqual([])
})
