/** A whole run over a stage that is none, by a clock that is wound. */
import { describe, expect, test } from 'vitest'
import { capacityOf, lineBytesPerSecond } from '../../demo/plan.ts'
import { type DemoRecord, type Found, type Level, levels, newRecord } from '../../demo/record.ts'
import { reportOf } from '../../demo/report.ts'
import { runDemo } from '../../demo/run.ts'
import type { Stage } from '../../demo/script.ts'
import { changeAt, sampleAt, startMs } from './support/record.ts'

const everything: Found = {
  issued: 1_000, landed: 990, beforeFirst: 10, lost: 0, duplicate: 0, wrong: 0, examples: []
}

/** A K2 that does as it should: it climbs while it is flooded, and then comes down and heals. */
class FakeStage implements Stage {
  readonly record: DemoRecord
  readonly calls: string[] = []
  found = everything
  nowMs = startMs
  #rank = 0
  #isFlooded = false
  #isDead = false
  #counts = { issued: 0, tier1: 0, spooled: 0, spool: 0, shed: 0, healed: 0, landed: 0 }
  /** Throws at the call of that name. */
  failsAt: string | undefined
  onCall: (name: string) => void = () => undefined

  constructor(record: DemoRecord) {
    this.record = record
  }

  get uploadedBytes() {
    return this.#counts.landed * 18
  }

  async open() {
    this.#note('open')
  }

  async controlExchange(body: Readonly<Record<string, unknown>>) {
    this.#note('control')
    const { floodTier2 } = body as { readonly floodTier2?: number }
    if (floodTier2 !== undefined) this.#isFlooded = floodTier2 > 6
  }

  async killLog() {
    this.#note('kill')
    this.#isDead = true
  }

  async restartLog() {
    this.#note('restart')
    this.#isDead = false
  }

  async tier1ShedGaps() {
    this.#note('gaps')
    return 0
  }

  async drain() {
    this.#note('drain')
    return []
  }

  async judge() {
    this.#note('judge')
    return this.found
  }

  /** Half a second goes by. */
  tick() {
    this.nowMs += 500
    const counts = this.#counts
    counts.issued += this.#isFlooded ? 10_000 : 500
    counts.tier1 += 1_000
    if (this.#isDead) counts.spooled += 990
    counts.spool = this.#isDead ? counts.spool + 990 : 0
    if (this.#isFlooded) counts.shed += 9_000
    if (!this.#isDead) counts.landed += 2_500
    this.#move(this.#isFlooded || this.#isDead ? Math.min(3, this.#rank + 1) : this.#rank - 1)
    if (this.#rank === 0 && counts.shed > 0) {
      counts.healed = Math.min(counts.shed, counts.healed + 20_000)
    }
    const missing = counts.shed - counts.healed
    const { issued, tier1, spooled, spool, shed, healed, landed } = counts
    this.record.samples.push(
      sampleAt((this.nowMs - startMs) / 1_000, {
        level: levels[this.#rank]!,
        issued,
        issuedTier1: tier1,
        k2: {
          spooled, shed, healed, landed, spoolRecords: spool, openGaps: missing,
          pendingTrades: missing, published: landed
        }
      })
    )
  }

  #move(to: number) {
    const rank = Math.max(0, to)
    if (rank === this.#rank) return
    const kind = rank > this.#rank ? 'escalated' : 'recovered'
    const [from, into] = [levels[this.#rank], levels[rank]] as [Level, Level]
    const seconds = (this.nowMs - startMs) / 1_000
    this.record.transitions.push(changeAt(seconds, from, into, { kind }))
    this.#rank = rank
  }

  #note(name: string) {
    this.calls.push(name)
    this.onCall(name)
    if (this.failsAt === name) throw new Error(`${name} failed`)
  }
}

const started = () => {
  const record = newRecord({ variant: 'kafka', seed: 1, isFast: true, startedMs: startMs })
  record.memoryBytesMax = 305 * 1_024 ** 2
  const stage = new FakeStage(record)
  const stop = new AbortController()
  let isWatched = false
  let page = ''
  const run = () =>
    runDemo({
      record,
      stage,
      signal: stop.signal,
      nowMs: () => stage.nowMs,
      tell: () => undefined,
      watch: (signal) => {
        isWatched = true
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            isWatched = false
            resolve()
          })
        })
      },
      wait: async (ms, signal) => {
        for (let passed = 0; passed < ms; passed += 500) {
          if (isWatched) stage.tick()
          else stage.nowMs += 500
          await Promise.resolve()
        }
        signal.throwIfAborted()
      },
      writeReport: (done) => {
        page = reportOf(done)
      }
    })
  return { record, stage, stop, run, page: () => page }
}

test('all acts are played in order, and the exit code is 0 where every promise held', async () => {
  const { stage, run, page, record } = started()
  expect(await run(), JSON.stringify(record.marks)).toBe(0)
  const steps = stage.calls.filter((name) => name !== 'control')
  expect(steps).toEqual(['open', 'kill', 'restart', 'gaps', 'drain', 'judge'])
  expect(page()).toContain('Every promise held')
  expect(record.capacity?.lineBytesPerSecond).toBe(lineBytesPerSecond)
  expect(record.capacity?.perSecond).toBe(
    Math.round(capacityOf({ bytes: 18, landed: 1, seconds: 1, lag: 0 }))
  )
})

test.each([
  ['lost', { lost: 1, landed: 989 }],
  ['doubled', { duplicate: 1 }],
  ['altered', { wrong: 1 }]
])('a single trade that was %s makes it 1', async (_, change) => {
  const { stage, run, page } = started()
  stage.found = { ...everything, ...change }
  expect(await run()).toBe(1)
  expect(page()).toContain('A promise was broken')
})

describe('broken off', () => {
  const names = ['open', 'kill', 'restart', 'drain', 'judge']
  test.each(names)('at %s, the report says so, and how far it came', async (name) => {
    const { stage, stop, run, page, record } = started()
    stage.onCall = (called) => {
      if (called === name) stop.abort(new Error('it was interrupted (SIGINT)'))
    }
    expect(await run()).toBe(1)
    expect(record.ending).toEqual({ type: 'broken_off', why: 'it was interrupted (SIGINT)' })
    expect(page()).toContain('The run was broken off: it was interrupted (SIGINT)')
    expect(page()).not.toContain('Every promise held')
  })

  test.each(names)('by a failure at %s, likewise', async (name) => {
    const { stage, run, page } = started()
    stage.failsAt = name
    expect(await run()).toBe(1)
    expect(page()).toContain(`The run was broken off: ${name} failed`)
  })
})
