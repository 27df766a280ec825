import * as Effect from 'effect/Effect'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedMachine, seededRandom } from '../../../chaos/simulation/simulated-files.ts'
import { openLog, type OpenedLog, packed, readAll, topic } from './log-support.ts'
import { simulatedClock } from './simulated-clock.ts'

type Step =
  | { readonly do: 'append'; readonly records: number; readonly bytes: number }
  | { readonly do: 'work'; readonly operations: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'consume'; readonly share: number }
  | { readonly do: 'read' | 'kill' | 'cutPower' | 'failSync' | 'failWrite' | 'reopen' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      records: fc.integer({ min: 1, max: 3 }),
      bytes: fc.integer({ min: 0, max: 150 })
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('work' as const),
      operations: fc.integer({ min: 1, max: 12 })
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 30 }) })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('consume' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true })
    })
  },
  ...(['read', 'kill', 'cutPower', 'failSync', 'failWrite', 'reopen'] as const).map((name) => ({
    weight: 1,
    arbitrary: fc.constant({ do: name })
  }))
)

const turnsMax = 20_000

/** The log on a simulated machine, and what its users were promised. */
class World {
  readonly promised = new Map<number, string>()
  readonly machine: SimulatedMachine
  readonly clock = simulatedClock()
  opened!: OpenedLog
  consumed = 0
  visibleEnd = 0
  #appended = 0

  constructor(seed: number) {
    this.machine = new SimulatedMachine(seededRandom(seed))
  }

  /** Lets the machine work until something has ended. */
  async until<A>(work: Promise<A>): Promise<A> {
    const state = { ended: false }
    const end = () => {
      state.ended = true
    }
    work.then(end, end)
    for (let turn = 0; turn < turnsMax; turn++) {
      if (state.ended) return work
      this.machine.step()
      await new Promise(setImmediate)
    }
    throw new Error('the machine never came to an end')
  }

  async open(): Promise<void> {
    const { machine, clock } = this
    const pid = machine.process
    let ids = 0
    this.machine.failures.length = 0
    this.opened = await this.until(
      openLog('/data/log', {
        clock,
        files: machine.files(),
        process: {
          self: { pid, incarnation: 'simulated' },
          isAlive: (mark) => Promise.resolve(mark.pid === machine.process),
          uniqueId: () => `id-${pid}-${ids++}`
        },
        neverBelow: [{ topic, partition: 0, offset: this.consumed }],
        limits: { segmentBytes: 400, flushBytes: 300, pendingBytesMax: 2_000, retentionMs: 5 }
      })
    )
    const { startOffset } = await Effect.runPromise(this.opened.log.bounds(topic, 0))
    expect(startOffset).toBeLessThanOrEqual(this.consumed)
    await this.verify(startOffset)
  }

  /** Whatever was acknowledged or seen is there, and offsets have no hole. */
  async verify(fromOffset: number): Promise<void> {
    const { log } = this.opened
    expect(log.faults).toEqual([])
    const { durableEnd } = await Effect.runPromise(log.bounds(topic, 0))
    expect(durableEnd).toBeGreaterThanOrEqual(this.visibleEnd)
    const promised = [...this.promised]
    const records = await this.until(readAll(log, fromOffset, 300))
    expect(records.map(([offset]) => offset)).toEqual(records.map((_, index) => fromOffset + index))
    // More may have become durable while it was read.
    expect(fromOffset + records.length).toBeGreaterThanOrEqual(durableEnd)
    const found = new Map(records)
    for (const [offset, value] of promised) {
      if (offset >= fromOffset) expect([offset, found.get(offset)]).toEqual([offset, value])
    }
    for (const [offset, value] of found) this.promised.set(offset, value)
    this.visibleEnd = fromOffset + records.length
  }

  async run(next: Step): Promise<void> {
    const { log, close } = this.opened
    switch (next.do) {
      case 'append':
        return this.append(next.records, next.bytes)
      case 'work':
        for (let count = 0; count < next.operations; count++) {
          this.machine.step()
          await new Promise(setImmediate)
        }
        break
      case 'wait':
        this.clock.advance(next.ms)
        break
      case 'consume':
        this.look()
        this.consumed += Math.floor(next.share * (this.visibleEnd - this.consumed))
        log.setConsumed(topic, 0, this.consumed)
        break
      case 'read':
        // What is consumed may be deleted at any moment.
        return this.verify(this.consumed)
      case 'kill':
        this.look()
        this.machine.kill()
        return this.open()
      case 'cutPower':
        this.look()
        this.machine.powerCut()
        return this.open()
      case 'reopen':
        await this.until(close())
        return this.open()
      case 'failSync':
        this.machine.failures.push('sync')
        break
      case 'failWrite':
        this.machine.failures.push('write')
        break
      default:
        next satisfies never
    }
  }

  /** What a reader could see now must survive. */
  look(): void {
    this.visibleEnd = Math.max(this.visibleEnd, this.opened.log.watermarks()[0]!.durableEnd)
  }

  append(records: number, bytes: number): void {
    const values = Array.from({ length: records }, () => `${this.#appended++}`.padEnd(bytes, '.'))
    const { log } = this.opened
    void Effect.runPromise(
      Effect.match(log.append(topic, 0, packed(...values)), {
        onSuccess: ({ baseOffset }) => {
          for (const [index, value] of values.entries()) {
            expect(this.promised.get(baseOffset + index) ?? value).toBe(value)
            this.promised.set(baseOffset + index, value)
          }
        },
        onFailure: ({ _tag }) => expect(_tag).toBe('LogUnavailable')
      })
    )
  }
}

const timeout = 120_000

describe('embedded log on a machine that crashes', () => {
  it('keeps every acknowledged and every visible record at its offset', { timeout }, async () => {
    let tornTails = 0
    let deleted = 0
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(step, { minLength: 40, maxLength: 120 }),
        async (seed, steps) => {
          const world = new World(seed)
          await world.open()
          for (const next of steps) {
            const { events } = world.opened
            await world.run(next)
            if (world.opened.events === events) continue
            tornTails += world.opened.events.filter(({ type }) => type === 'tail.truncated').length
            deleted += events.filter(({ type }) => type === 'segment.removed').length
          }
          world.machine.powerCut()
          await world.open()
        }
      ),
      { numRuns: 250 }
    )
    // The test would prove nothing if crashes never tore a tail or nothing was ever deleted.
    expect(tornTails).toBeGreaterThan(0)
    expect(deleted).toBeGreaterThan(0)
  })

  it('brings back no segment whose removal was not durable when the next one went', async () => {
    const failures = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      const world = new World(seed)
      await world.open()
      const steps: readonly Step[] = [
        ...Array.from({ length: 4 }, (): Step[] => [
          { do: 'append', records: 3, bytes: 150 },
          { do: 'wait', ms: 20 },
          { do: 'work', operations: 12 }
        ]).flat(),
        { do: 'failSync' },
        { do: 'consume', share: 1 },
        { do: 'work', operations: 12 },
        { do: 'consume', share: 1 },
        { do: 'work', operations: 1 }
      ]
      for (const next of steps) await world.run(next)
      for (const { type } of world.opened.events) failures.add(type)
      await world.run({ do: 'cutPower' })
    }
    expect(failures).toContain('retention.failed')
  })
})
