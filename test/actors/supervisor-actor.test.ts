import { Deferred, Effect } from 'effect'
import { describe, expect, test } from 'vitest'
import { fromCallback, setup } from 'xstate'
import { tracked } from '../../src/actors/resource-registry.ts'
import { supervisor, worker } from '../../src/actors/supervisor-actor.ts'
import { backoff, makeWorld, nothingEscapes, turns } from './support/supervision.ts'

nothingEscapes()

describe('start', () => {
  test('each child starts when the one before is ready', async () => {
    const { fromEffect, holder, kernel, log, start } = makeWorld()
    const gate = Deferred.makeUnsafe<void>()
    const slow = worker(
      { id: 'slow' },
      fromEffect(({ ready }) =>
        Effect.gen(function* () {
          log.push('open slow')
          yield* Deferred.await(gate)
          ready()
          yield* Effect.never
        })
      )
    )
    const { at } = start(supervisor(kernel, { id: 'root' }, [holder('a'), slow, holder('b')]))
    await turns()
    expect(log).toEqual(['open a', 'open slow'])
    expect(at('root')?.state).toBe('starting')
    expect(at('root/b')?.state).toBe('pending')
    Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(log).toEqual(['open a', 'open slow', 'open b'])
    expect(at('root')).toMatchObject({ state: 'running.sound', tags: ['healthy'] })
    expect(at('root/slow')).toMatchObject({
      state: 'up.running',
      tags: ['healthy'],
      restarts: 0,
      lastError: null
    })
  })

  test('a start past its deadline is a crash; the child is tried again', async () => {
    const { clock, fromEffect, holder, kernel, start } = makeWorld()
    let runs = 0
    const stuck = worker(
      { id: 'stuck', startMsMax: 2_000, backoff },
      fromEffect(({ ready }) =>
        Effect.suspend(() => {
          if (++runs > 1) ready()
          return Effect.never
        })
      )
    )
    const { at } = start(supervisor(kernel, { id: 'root' }, [stuck, holder('b')]))
    clock.increment(2_000)
    await turns()
    expect(at('root/stuck')).toMatchObject({
      state: 'backingOff',
      tags: ['degraded'],
      lastError: { tag: 'StartDeadlineMissed' }
    })
    expect(at('root/b')?.state).toBe('pending')
    clock.increment(100)
    await turns()
    expect(at('root/stuck')).toMatchObject({ state: 'up.running', restarts: 1 })
    expect(at('root/b')?.state).toBe('up.running')
  })

  test.each(['throws when it starts', 'fails at once'])(
    'a child that %s does not spin',
    async (kind) => {
      const { clock, fromEffect, kernel, start } = makeWorld()
      let runs = 0
      const logic =
        kind === 'fails at once'
          ? fromEffect(() => {
              runs += 1
              return Effect.fail('at once')
            })
          : fromCallback(() => {
              runs += 1
              throw new Error('on start')
            })
      const { at } = start(
        supervisor(kernel, { id: 'root' }, [worker({ id: 'c', backoff, ready: 'started' }, logic)])
      )
      await turns()
      expect(runs).toBe(1)
      for (const delay of [100, 200, 400, 800, 1_000, 1_000]) {
        const before = runs
        clock.increment(delay - 1)
        await turns()
        expect(runs).toBe(before)
        clock.increment(1)
        await turns()
        expect(runs).toBe(before + 1)
      }
      expect(at('root/c')?.restarts).toBe(6)
    }
  )
})

describe('restart', () => {
  test('a crashed child restarts after its backoff, its siblings do not notice', async () => {
    const { clock, holder, inspector, kernel, log, start } = makeWorld()
    const { at, crash } = start(supervisor(kernel, { id: 'root' }, [holder('a'), holder('b')]))
    await turns()
    crash('root/a')
    await turns()
    expect(at('root/a')).toMatchObject({
      state: 'backingOff',
      lastError: { tag: 'Dropped', message: 'a dropped', isDependency: false }
    })
    expect(at('root')).toMatchObject({ state: 'running.impaired', tags: ['degraded'], since: 0 })
    clock.increment(100)
    await turns()
    expect(log).toEqual(['open a', 'open b', 'close a', 'open a'])
    expect(at('root/a')).toMatchObject({ state: 'up.running', restarts: 1, since: 100 })
    expect(at('root')?.tags).toEqual(['healthy'])
    expect(
      inspector
        .transitions()
        .filter(({ path }) => path === 'root/a')
        .map(({ to }) => to)
    ).toEqual([
      'up.starting',
      'up.running',
      'releasing',
      'backingOff',
      'standingBy',
      'up.starting',
      'up.running'
    ])
  })

  test('a child over its limit escalates its crash: siblings stop in reverse order', async () => {
    const { clock, holder, kernel, log, start } = makeWorld()
    const limit = { restartsMax: 2, windowMs: 60_000 }
    const { crash, outputs } = start(
      supervisor(kernel, { id: 'root' }, [holder('a'), holder('b', { limit }), holder('c')])
    )
    await turns()
    for (let count = 0; count < 3; count++) {
      crash('root/b')
      await turns()
      clock.increment(400)
      await turns()
    }
    expect(outputs).toEqual([
      {
        _tag: 'Escalated',
        childId: 'b',
        crash: { tag: 'Dropped', message: 'b dropped', isDependency: false }
      }
    ])
    expect(log.slice(-2)).toEqual(['close c', 'close a'])
    expect(kernel.registry.snapshot()).toEqual([])
  })

  test('a nested supervisor that escalates is restarted as a child, from nothing', async () => {
    const { clock, holder, kernel, log, start } = makeWorld()
    const limit = { restartsMax: 0, windowMs: 60_000 }
    const inner = supervisor(kernel, { id: 'inner', backoff }, [
      holder('a'),
      holder('b', { limit })
    ])
    const { at, crash, outputs } = start(supervisor(kernel, { id: 'root' }, [inner]))
    await turns()
    crash('root/inner/b')
    await turns()
    expect(at('root/inner')).toMatchObject({
      state: 'backingOff',
      lastError: { tag: 'Dropped', message: 'b: b dropped' }
    })
    expect(kernel.registry.snapshot()).toEqual([])
    clock.increment(100)
    await turns()
    expect(at('root/inner')?.state).toBe('up.running.running.sound')
    expect(log).toEqual(['open a', 'open b', 'close b', 'close a', 'open a', 'open b'])
    expect(outputs).toEqual([])
  })
})

describe('stop', () => {
  test('reverse order, each awaited, drained first where it drains', async () => {
    const { holder, kernel, log, start } = makeWorld()
    const gate = Deferred.makeUnsafe<void>()
    const inner = supervisor(kernel, { id: 'inner' }, [holder('c'), holder('d')])
    const { outputs, root } = start(
      supervisor(kernel, { id: 'root' }, [
        holder('a', { drainMsMax: 1_000 }),
        holder('b', {}, () => Deferred.await(gate)),
        inner
      ])
    )
    await turns()
    log.length = 0
    root.send({ type: 'stop.requested' })
    await turns()
    expect(log).toEqual(['close d', 'close c'])
    expect(outputs).toEqual([])
    Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(log).toEqual(['close d', 'close c', 'close b', 'drain a', 'close a'])
    expect(outputs).toEqual([{ _tag: 'Stopped' }])
    expect(kernel.registry.snapshot()).toEqual([])
  })

  test('while a child backs off, and while it is being released', async () => {
    const { holder, kernel, start } = makeWorld()
    const gate = Deferred.makeUnsafe<void>()
    const { crash, outputs, root } = start(
      supervisor(kernel, { id: 'root' }, [holder('a'), holder('b', {}, () => Deferred.await(gate))])
    )
    await turns()
    crash('root/a')
    crash('root/b')
    await turns()
    root.send({ type: 'stop.requested' })
    root.send({ type: 'stop.requested' })
    await turns()
    expect(outputs).toEqual([])
    Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(outputs).toEqual([{ _tag: 'Stopped' }])
  })

  test('before everything has started', async () => {
    const { fromEffect, holder, kernel, log, start } = makeWorld()
    const stuck = worker(
      { id: 'stuck' },
      fromEffect(() => Effect.never)
    )
    const { outputs, root } = start(
      supervisor(kernel, { id: 'root' }, [holder('a'), stuck, holder('b')])
    )
    await turns()
    root.send({ type: 'stop.requested' })
    await turns()
    expect(outputs).toEqual([{ _tag: 'Stopped' }])
    expect(log).toEqual(['open a', 'close a'])
  })
})

describe('children of a running supervisor', () => {
  test('are added and removed', async () => {
    const { holder, kernel, log, start } = makeWorld()
    const feed = holder('feed:template')
    const { at, root } = start(
      supervisor(kernel, { id: 'root' }, [holder('a')], { feed: feed.logic })
    )
    await turns()
    const spec = { ...feed.spec, id: 'feed:binance', src: 'feed' }
    root.send({ type: 'child.add_requested', spec })
    root.send({ type: 'child.add_requested', spec })
    root.send({ type: 'child.add_requested', spec: { ...spec, id: 'other', src: 'nowhere' } })
    await turns()
    expect(at('root')?.children.map(({ id }) => id)).toEqual(['a', 'feed:binance'])
    root.send({ type: 'child.remove_requested', childId: 'feed:binance' })
    root.send({ type: 'child.remove_requested', childId: 'unknown' })
    await turns()
    expect(at('root')?.children.map(({ id }) => id)).toEqual(['a'])
    expect(log).toEqual(['open a', 'open feed:template', 'close feed:template'])
    root.send({ type: 'child.add_requested', spec })
    await turns()
    expect(at('root/feed:binance')?.state).toBe('up.running')
  })
})

test('a machine that throws loses its orphans', async () => {
  const { clock, fromEffect, kernel, start } = makeWorld()
  const child = fromEffect(({ ready }) => {
    ready()
    return Effect.andThen(tracked('socket', 'socket')(Effect.void), Effect.never)
  })
  const machine = setup({ actors: { child } }).createMachine({
    invoke: { src: 'child', id: 'child' },
    on: {
      'crash.requested': {
        actions: () => {
          throw new Error('in an action')
        }
      }
    }
  })
  const { at, crash } = start(
    supervisor(kernel, { id: 'root' }, [worker({ id: 'm', ready: 'started', backoff }, machine)])
  )
  await turns()
  for (let count = 0; count < 3; count++) {
    crash('root/m')
    await turns()
    expect(at('root/m')).toMatchObject({
      state: 'backingOff',
      lastError: { tag: 'Error', message: 'in an action' }
    })
    expect(kernel.registry.snapshot()).toEqual([])
    clock.increment(1_000)
    await turns()
    expect(kernel.registry.snapshot().map(({ owner, name }) => `${owner} ${name}`)).toEqual([
      'root/m/child program',
      'root/m/child socket'
    ])
  }
})

test('an orphaned machine that goes on restarting its program gets none started', async () => {
  const { clock, fromEffect, kernel, start } = makeWorld()
  let starts = 0
  const program = fromEffect(() => {
    starts += 1
    return Effect.andThen(tracked('socket', 'socket')(Effect.void), Effect.never)
  })
  const stubborn = setup({ actors: { program } }).createMachine({
    initial: 'on',
    states: {
      on: {
        invoke: { src: 'program', id: 'program', onError: {} },
        after: { 10: { target: 'on', reenter: true } }
      }
    }
  })
  const machine = setup({ actors: { stubborn } }).createMachine({
    invoke: { src: 'stubborn', id: 'stubborn' },
    on: {
      'crash.requested': {
        actions: () => {
          throw new Error('in an action')
        }
      }
    }
  })
  const { crash } = start(
    supervisor(kernel, { id: 'root' }, [
      worker({ id: 'm', ready: 'started', restart: 'temporary' }, machine)
    ])
  )
  await turns()
  expect(starts).toBe(1)
  crash('root/m')
  for (let step = 0; step < 10; step++) {
    await turns()
    clock.increment(10)
  }
  expect(starts).toBe(1)
  expect(kernel.registry.snapshot()).toEqual([])
})

test('the status is plain JSON', async () => {
  const { holder, kernel, start } = makeWorld()
  const { crash, status } = start(supervisor(kernel, { id: 'root' }, [holder('a')]))
  await turns()
  crash('root/a')
  await turns()
  expect(JSON.parse(JSON.stringify(status()))).toEqual(status())
})
