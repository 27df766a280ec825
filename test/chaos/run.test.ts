/** Invariants of `chaos/run.ts`, with a lab without processes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Fault } from '../../chaos/faults.ts'
import { runFaults } from '../../chaos/run.ts'
import { Timeline } from '../../chaos/timeline.ts'
import { FakeLab, quickFault } from './support/fake-lab.ts'

const run = async (lab: FakeLab, faults: readonly Fault[], limits = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-run-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'timeline.ndjson')
  const scenario = { about: '', faults, strikes: 3, restMs: [0, 0] as const, landers: 2 }
  const ended = runFaults(
    lab,
    scenario,
    { seed: 7, minutes: 1, strikes: undefined, ...limits },
    new Timeline(file, () => undefined)
  )
  const timeline = () =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { what: string }).what)
  return { ended, timeline }
}

describe('a run', () => {
  test('strikes as often as the scenario says, heals, and drains in order', async () => {
    const { ended, timeline } = await run(new FakeLab(), [quickFault({ name: 'a' })])
    expect(await ended).toMatchObject({ strikes: 3, strikesByFault: { a: 3 }, problems: [] })
    expect(timeline()).toEqual([
      'warmed up',
      ...Array.from({ length: 3 }, () => ['strike a', 'undone a']).flat(),
      'healed',
      'K2 is well',
      'nothing is missing any more',
      ...['ingest', 'land-1', 'land-2', 'serve'].map((name) => `${name} has drained`)
    ])
  })

  test('fewer strikes where asked for', async () => {
    const { ended } = await run(new FakeLab(), [quickFault({ name: 'a' })], { strikes: 1 })
    expect(await ended).toMatchObject({ strikes: 1 })
  })

  test('a fault is drilled once, while it strikes; what is not shown is told', async () => {
    const lab = new FakeLab()
    lab.blindness = 'K2CircuitOpen: nothing to be seen'
    const drill = { alert: 'K2CircuitOpen', on: 'ingest', shows: /x/ } as const
    const { ended, timeline } = await run(lab, [quickFault({ name: 'a', drill })])
    expect(await ended).toMatchObject({ strikes: 3, problems: [lab.blindness] })
    expect(lab.drilled).toEqual(['K2CircuitOpen'])
    expect(timeline().slice(1, 4)).toEqual([
      'strike a',
      "the runbook's look at K2CircuitOpen does not show it",
      'undone a'
    ])
  })

  test('the same seed strikes with the same faults', async () => {
    const faults = ['a', 'b', 'c'].map((name) => quickFault({ name }))
    const runs = [await run(new FakeLab(), faults), await run(new FakeLab(), faults)]
    const [one, other] = await Promise.all(runs.map(({ ended }) => ended))
    expect(one?.strikesByFault).toEqual(other?.strikesByFault)
  })

  test('all is healed also where a strike fails, and where a heal does', async () => {
    const healed: string[] = []
    const strike = () => Promise.reject(new Error('cannot strike'))
    const heal = (name: string) => async () => {
      healed.push(name)
      if (name === 'a') throw new Error('a stays')
    }
    const faults = ['a', 'b'].map((name) => quickFault({ name, strike, heal: heal(name) }))
    const { ended } = await run(new FakeLab(), faults)
    await expect(ended).rejects.toThrow('not healed: Error: a stays')
    expect(healed).toEqual(['a', 'b'])
  })

  test('what is still missing is reported; it was asked for while K2 captured', async () => {
    const lab = new FakeLab()
    const problem = '7 trades in 1 gaps were still missing after 9 ms'
    lab.wholeness = { wholeMs: 9, healed: { restart: 3 }, problems: [problem] }
    const { ended, timeline } = await run(lab, [quickFault({ name: 'a' })])
    const fromMs = Date.now()
    const { problems, healedTrades, whole } = await ended
    expect(problems).toEqual([problem])
    expect(healedTrades).toEqual({ restart: 3 })
    expect(whole.toMs).toBeGreaterThanOrEqual(whole.fromMs)
    expect(whole.toMs).toBeGreaterThanOrEqual(fromMs)
    expect(timeline()).toContain(problem)
    expect(lab.wasWholeBeforeDrain).toBe(true)
  })

  test('a hole without a reason is reported, unless the exchange left trades out', async () => {
    const problemsOf = async (fault: Fault) => {
      const lab = new FakeLab()
      lab.wholeness = { wholeMs: 9, healed: { restart: 3, unknown: 2 }, problems: [] }
      return (await (await run(lab, [fault])).ended).problems
    }
    const unexplained = ['2 trades were missing without a reason']
    expect(await problemsOf(quickFault({ name: 'a' }))).toEqual(unexplained)
    expect(await problemsOf(quickFault({ name: 'a', leavesOut: true }))).toEqual([])
  })

  test('records that do not add up are reported, and not waited for', async () => {
    const lab = new FakeLab()
    lab.imbalance = 'land-1: records do not add up'
    const { ended } = await run(lab, [quickFault({ name: 'a' })])
    const unwaited = 'records do not add up: nothing more was waited for'
    expect((await ended).problems).toEqual([unwaited, lab.imbalance])
    expect(lab.wasWholeBeforeDrain).toBe(undefined)
  })

  test('a member that ended by itself is reported', async () => {
    const lab = new FakeLab()
    lab.serve.unexpectedEnds.push('serve ended by itself (exit code 1)')
    const { ended } = await run(lab, [quickFault({ name: 'a' })])
    expect((await ended).problems).toEqual(['serve ended by itself (exit code 1)'])
  })

  test('one that ends with another code than 0 did not drain', async () => {
    const lab = new FakeLab()
    lab.ingest.ended = { code: 1, signal: null }
    const { ended } = await run(lab, [quickFault({ name: 'a' })])
    expect((await ended).problems).toEqual([
      'ingest should have drained and ended with 0: {"code":1,"signal":null}'
    ])
  })

  test('a crash in the output of one is reported', async () => {
    const lab = new FakeLab()
    lab.landers[0]!.output = JSON.stringify({ at: new Date(), event: 'actor.restarting' })
    const { ended } = await run(lab, [quickFault({ name: 'a' })])
    expect((await ended).problems[0]).toBe('land-1: actor.restarting, 1 times')
  })

  test('a strike that left no trace is reported, one that was cut short is not', async () => {
    const traces = [{ in: /^serve$/, event: /^it$/ }]
    const { ended } = await run(new FakeLab(), [quickFault({ name: 'a', traces })])
    expect((await ended).problems).toEqual([
      'a struck, and K2 did not notice: no ^it$ in ^serve$'
    ])
    const long = quickFault({ name: 'a', traces, holdMs: [1e6, 1e6] })
    const cut = await run(new FakeLab(), [long], { minutes: 1e-4 })
    expect((await cut.ended).problems).toEqual([])
  })
})
