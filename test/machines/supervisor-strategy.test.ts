import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  changeChild,
  type ChildEntry,
  isLive,
  newEntry,
  withPhase,
  withSignal
} from '../../src/machines/supervisor-children.ts'
import { type Strategy, supervisorFlags } from '../../src/machines/supervisor-flags.ts'
import {
  childSpec,
  InvalidChildSpec,
  type RestartType
} from '../../src/machines/supervisor-spec.ts'
import {
  isShutdown,
  isStartingUp,
  nextOrders,
  withCrash
} from '../../src/machines/supervisor-strategy.ts'

const crash = { tag: 'Dropped', message: 'gone', isDependency: false }
const names = ['a', 'b', 'c', 'd', 'e']
const strategies = ['one_for_one', 'one_for_all', 'rest_for_one'] as const

const group = (restarts: ReadonlyArray<RestartType>): ReadonlyArray<ChildEntry> =>
  restarts.map((restart, index) => ({
    ...newEntry(childSpec({ id: names[index]!, restart })),
    phase: 'up',
    hasStarted: true
  }))

/**
 * Carries the orders out. What a child holds is told apart from its phase, so that the order of
 * releases is seen by itself.
 */
const makeWorld = (strategy: Strategy, restarts: ReadonlyArray<RestartType>) => {
  let children = group(restarts)
  const holding = new Set(children.map(({ spec }) => spec.id))
  const log: Array<string> = []
  const phase = (id: string) => children.find(({ spec }) => spec.id === id)!.phase
  const order = () => {
    const { standDown, stop, start } = nextOrders(strategy, children)
    for (const id of [standDown, stop]) {
      if (id === null) continue
      log.push(`stop ${id}`)
      children = withPhase(children, id, id === stop ? 'ending' : 'standingDown')
    }
    for (const id of start) {
      log.push(`start ${id}`)
      children = withPhase(children, id, 'starting')
      holding.add(id)
    }
  }
  const world = {
    log,
    holding,
    phase,
    crash: (id: string) => {
      children = withCrash(strategy, children, id, crash)
      order()
    },
    /** The next thing that happens to a child by itself; false where nothing does. */
    go: (id: string): boolean => {
      const signal = (type: Parameters<typeof withSignal>[1]['type']) => {
        children = withSignal(children, { type, childId: id })
      }
      const now = phase(id)
      if (now === 'down' || now === 'standingDown' || now === 'ending') {
        holding.delete(id)
        log.push(`gone ${id}`)
      }
      if (now === 'down') signal('child.vacated')
      else if (now === 'vacated' || now === 'standingDown') signal('child.standing_by')
      else if (now === 'ending') {
        children = changeChild(children, id, { phase: 'ended' })
      } else if (now === 'starting') {
        log.push(`up ${id}`)
        signal('child.started')
      } else return false
      order()
      return true
    },
    settle: () => {
      while (children.some(({ spec }) => world.go(spec.id)));
    }
  }
  return world
}

const takenBy = (strategy: Strategy, ids: ReadonlyArray<string>, crashed: string) =>
  ids.filter(
    (id) =>
      id === crashed ||
      strategy === 'one_for_all' ||
      (strategy === 'rest_for_one' && ids.indexOf(id) > ids.indexOf(crashed))
  )

describe('G-1 strategies', () => {
  const cases = strategies.flatMap((strategy) =>
    [1, 2, 3, 4, 5].flatMap((count) =>
      names.slice(0, count).map((crashed) => [strategy, count, crashed] as const)
    )
  )
  test.each(cases)('%s of %i, %s crashes: the exact set, in order', (strategy, count, crashed) => {
    const ids = names.slice(0, count)
    const { crash, log, phase, settle } = makeWorld(
      strategy,
      ids.map(() => 'permanent')
    )
    crash(crashed)
    settle()
    const taken = takenBy(strategy, ids, crashed)
    const downwards = taken
      .toReversed()
      .flatMap((id) => (id === crashed ? [`gone ${id}`] : [`stop ${id}`, `gone ${id}`]))
    // The one that crashed is released while those after it are asked, so only its place among
    // those before it is fixed.
    expect(log.filter((line) => line !== `gone ${crashed}`)).toEqual([
      ...downwards.filter((line) => line !== `gone ${crashed}`),
      ...taken.flatMap((id) => [`start ${id}`, `up ${id}`])
    ])
    for (const before of taken.slice(0, taken.indexOf(crashed))) {
      expect(log.indexOf(`stop ${before}`)).toBeGreaterThan(log.indexOf(`gone ${crashed}`))
    }
    expect(ids.map(phase)).toEqual(ids.map(() => 'up'))
  })

  test('any crashes at any moment: nobody is lost, doubled, or started too soon', () => {
    const act = fc.record({ id: fc.nat(4), isCrash: fc.boolean() })
    fc.assert(
      fc.property(
        fc.constantFrom<Strategy>(...strategies),
        fc.array(fc.constantFrom<RestartType>('permanent', 'transient', 'temporary'), {
          minLength: 1,
          maxLength: 5
        }),
        fc.array(act, { maxLength: 40 }),
        (strategy, restarts, acts) => {
          const ids = names.slice(0, restarts.length)
          const world = makeWorld(strategy, restarts)
          const { holding, log, phase } = world
          const isTemporary = (id: string) => restarts[ids.indexOf(id)] === 'temporary'
          const affected = new Set<string>()
          /** Crashed, and its wait is not over. */
          const waiting = new Set<string>()
          let seen = 0
          const judge = () => {
            for (const line of log.slice(seen)) {
              const [what, id = ''] = line.split(' ')
              const others = [...affected].filter((other) => other !== id)
              if (what === 'stop') {
                expect(affected).toContain(id)
                // reverse order, each awaited
                expect(others.filter((other) => other > id && holding.has(other))).toEqual([])
              } else if (what === 'start') {
                expect(affected.has(id) && !isTemporary(id)).toBe(true)
                // (3) nothing of the group still holds, waits, or should have come before
                if (strategy !== 'one_for_one') {
                  expect(others.filter((other) => other < id)).toEqual([])
                  expect([...waiting]).toEqual([])
                }
                affected.delete(id)
              }
            }
            seen = log.length
          }
          const went = (id: string): boolean => {
            const before = phase(id)
            if (before === 'vacated') waiting.delete(id)
            const did = world.go(id)
            if (before === 'ending') affected.delete(id)
            judge()
            return did
          }
          for (const { id: at, isCrash } of acts) {
            const id = ids[at % ids.length]!
            const running = ['starting', 'up', 'condemned'].includes(phase(id))
            if (!isCrash) went(id)
            else if (running && !isTemporary(id)) {
              const taken = takenBy(strategy, ids, id)
              for (const one of taken) if (isLive(phase(one))) affected.add(one)
              waiting.add(id)
              world.crash(id)
              judge()
            }
          }
          while (ids.some(went));
          for (const id of ids) {
            const expected = isTemporary(id) ? ['up', 'ended'] : ['up']
            expect(expected).toContain(phase(id))
            expect(holding.has(id)).toBe(phase(id) === 'up')
          }
        }
      ),
      { numRuns: 1_000 }
    )
  })

  test.each(strategies)('%s: those after one that is not awaited start with it', (strategy) => {
    let children: ReadonlyArray<ChildEntry> = names.slice(0, 4).map((id) => {
      const ready = id === 'a' || id === 'c' ? 'unawaited' : 'reported'
      return newEntry(childSpec({ id, ready }))
    })
    const start = (): ReadonlyArray<string> => {
      const orders = nextOrders(strategy, children)
      for (const id of orders.start) children = withPhase(children, id, 'starting')
      return orders.start
    }
    expect(start()).toEqual(['a', 'b'])
    expect([isStartingUp(strategy, children), start()]).toEqual([true, []])
    children = withSignal(children, { type: 'child.started', childId: 'b' })
    expect(start()).toEqual(['c', 'd'])
    children = withSignal(children, { type: 'child.started', childId: 'd' })
    expect(isStartingUp(strategy, children)).toBe(false)
  })

  test('a temporary child of a group ends with it, a completed transient one starts again', () => {
    const children = changeChild(group(['permanent', 'temporary', 'transient']), 'c', {
      phase: 'ended'
    })
    const phasesAfter = (strategy: Strategy) =>
      withCrash(strategy, children, 'a', crash).map(({ phase }) => phase)
    expect(phasesAfter('one_for_one')).toEqual(['down', 'up', 'ended'])
    expect(phasesAfter('one_for_all')).toEqual(['down', 'condemned', 'pending'])
    expect(phasesAfter('rest_for_one')).toEqual(['down', 'condemned', 'pending'])
    const vacated = withPhase(withCrash('one_for_all', children, 'a', crash), 'a', 'vacated')
    expect(nextOrders('one_for_all', vacated)).toEqual({ standDown: null, stop: 'b', start: [] })
  })

  test('the crash of a temporary child takes nobody along', () => {
    for (const strategy of strategies) {
      const phases = withCrash(strategy, group(['permanent', 'temporary', 'permanent']), 'b', crash)
      expect(phases.map(({ phase }) => phase)).toEqual(['up', 'down', 'up'])
    }
  })

  test('who depends on a quarantined child stands by until it is released', () => {
    for (const [strategy, started] of [
      ['one_for_one', ['a', 'c']],
      ['rest_for_one', ['a']],
      ['one_for_all', []]
    ] as const) {
      const starts: Array<string> = []
      let children = group(['permanent', 'permanent', 'permanent']).map((child): ChildEntry => ({
        ...child,
        phase: child.spec.id === 'b' ? 'quarantined' : 'standingBy'
      }))
      const settle = () => {
        for (let round = 0; round < 4; round++) {
          for (const id of nextOrders(strategy, children).start) {
            starts.push(id)
            children = [...withPhase(children, id, 'up')]
          }
        }
      }
      settle()
      expect([strategy, starts]).toEqual([strategy, started])
      children = [...withPhase(children, 'b', 'standingBy')]
      settle()
      expect(starts.toSorted()).toEqual(['a', 'b', 'c'])
    }
  })
})

describe('G-2 significant children', () => {
  const significant = (id: string, isSignificant = true): ChildEntry => ({
    ...newEntry(childSpec({ id, restart: 'transient', significant: isSignificant })),
    phase: 'up'
  })

  test.each([
    // autoShutdown, [id, significant, has ended] …, who has just ended, shut down
    ['never', [['a', false, true]], 'a', false],
    [
      'any_significant',
      [
        ['a', true, true],
        ['b', true, false]
      ],
      'a',
      true
    ],
    [
      'any_significant',
      [
        ['a', true, false],
        ['b', false, true]
      ],
      'b',
      false
    ],
    [
      'all_significant',
      [
        ['a', true, true],
        ['b', true, false]
      ],
      'a',
      false
    ],
    [
      'all_significant',
      [
        ['a', true, true],
        ['b', true, true]
      ],
      'b',
      true
    ],
    [
      'all_significant',
      [
        ['a', true, true],
        ['b', false, false]
      ],
      'a',
      true
    ],
    [
      'all_significant',
      [
        ['a', true, true],
        ['b', false, true]
      ],
      'b',
      false
    ]
  ] as const)('%s %j, %s ended: %s', (autoShutdown, list, endedId, expected) => {
    const children = list.map(([id, isSignificant, hasEnded]): ChildEntry => ({
      ...significant(id, isSignificant),
      phase: hasEnded ? 'ended' : 'up'
    }))
    const ended = children.find(({ spec }) => spec.id === endedId)!
    expect(isShutdown(autoShutdown, children, ended)).toBe(expected)
  })

  test('what contradicts is refused by name', () => {
    expect(() => childSpec({ id: 'a', significant: true })).toThrow(
      /child "a": significant is for transient and temporary children/
    )
    const spec = childSpec({ id: 'b', significant: true, restart: 'transient' })
    expect(() => supervisorFlags('s', {}, [spec])).toThrow(
      /child "b": significant needs a supervisor whose autoShutdown/
    )
    expect(supervisorFlags('s', { autoShutdown: 'any_significant' }, [spec])).toMatchObject({
      strategy: 'one_for_one',
      autoShutdown: 'any_significant'
    })
    const intensity = { restartsMax: -1, windowMs: 0 }
    expect(() => supervisorFlags('s', { intensity }, [])).toThrow(InvalidChildSpec)
    expect(() => supervisorFlags('s', { intensity }, [])).toThrow(
      /child "s": intensity\.restartsMax .+; intensity\.windowMs/
    )
  })
})
