/** What a rehearsal is judged by, and one for real. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withoutSettings } from '../../chaos/without-settings.ts'
import { nodeFlags } from '../../scripts/node-flags.mjs'
import { drills } from '../../demo/rehearse/drills.ts'
import { readRehearseFlags } from '../../demo/rehearse/flags.ts'
import { type Drill, problemsOf, type Rehearsal } from '../../demo/rehearse/record.ts'
import { htmlOf, markdownOf } from '../../demo/rehearse/report.ts'
import type { Verdict } from '../../demo/rehearse/results.ts'
import { readingSeconds } from '../../demo/rehearse/run.ts'
import { drillsPlanned, type Score, scoreOf } from '../../demo/rehearse/score.ts'
import { sections } from '../../demo/show/sections.ts'
import { figuresSaid } from '../../demo/show/step.ts'
import { areServicesRequired } from '../support/iceberg-services.ts'

const nothing: Rehearsal = {
  environment: { date: '2026-01-01T00:00:00.000Z', commit: 'abc', cpu: 'one', cores: 2 },
  command: 'npm run rehearse',
  settings: { variant: 'embedded', seed: 1, isPaced: true },
  sections: [],
  totalSeconds: 0,
  budgetSeconds: 720,
  drills: [],
  facts: {
    check: undefined,
    docs: undefined,
    decisions: { all: 0, whole: 0 },
    alerts: { all: 0, inRunbook: 0 },
    links: { all: 0, broken: [] }
  }
}

const withOther = (section: Drill['section'], seconds: number): Drill => ({
  ...drillOf('x'), others: [{ section, seconds }]
})

const drillOf = (id: string): Drill => ({
  id, title: id, fault: 'a fault', section: 'streaming', noticedSeconds: 1, seconds: 2,
  files: ['01-parts.png'], hasRecorded: true, others: [], problem: undefined
})

/** All that there is went well. */
const whole: Rehearsal = {
  ...nothing,
  sections: sections.map(({ id, title, budgetSeconds, steps }) => ({
    id,
    title,
    budgetSeconds,
    seconds: budgetSeconds - 1,
    executingSeconds: 3,
    isShown: true,
    isInBudget: true,
    steps: steps.map(({ id: step, says }) => ({
      id: step,
      startedAt: '2026-01-01T00:00:00.000Z',
      ms: 10,
      answer: undefined,
      figures: figuresSaid(says).map((name) => ({ name, value: 5_000, unit: '' })),
      says,
      problem: undefined
    }))
  })),
  totalSeconds: 713,
  drills: drills.map(({ id }) => drillOf(id)),
  facts: {
    check: { code: 0, summary: 'all ok' },
    docs: { code: 0, summary: 'current' },
    decisions: { all: 12, whole: 12 },
    alerts: { all: 30, inRunbook: 30 },
    links: { all: 40, broken: [] }
  }
}

const withSection = (id: string, change: Partial<Rehearsal['sections'][number]>): Rehearsal => ({
  ...whole,
  sections: whole.sections.map((it) => (it.id === id ? { ...it, ...change } : it))
})

/** As run.ts does: a step that is not shown takes its section with it. */
const withProblem = (stepId: string): Rehearsal => ({
  ...whole,
  sections: whole.sections.map((section) => {
    if (section.steps.every(({ id }) => id !== stepId)) return section
    const steps = section.steps.map((it) =>
      it.id === stepId ? { ...it, problem: 'it was not', figures: [] } : it
    )
    return { ...section, steps, isShown: false }
  })
})

const pointsOf = (run: Rehearsal, name: string): number | undefined =>
  scoreOf(run).criteria.find((it) => it.name === name)?.points

describe('the score', () => {
  test('is of a hundred points, by the rubric', () => {
    const { criteria, max } = scoreOf(whole)
    expect(max).toBe(100)
    const sums = (group: string) =>
      criteria.filter((it) => it.group === group).reduce((sum, it) => sum + it.max, 0)
    expect([sums('Execution'), sums('Content'), sums('Professionalism')]).toEqual([60, 20, 20])
  })

  test('is nought where nothing was measured', () => {
    expect(scoreOf(nothing).points).toBe(0)
  })

  test('of a run in which all went well is all that can be measured, and no more', () => {
    const { points, reachable, max } = scoreOf(whole)
    expect(points).toBe(reachable)
    expect(reachable).toBe(90)
    expect(reachable).toBeLessThan(max)
  })

  test('says why for each point', () => {
    for (const { name, evidence } of scoreOf(whole).criteria)
      if (name !== 'Polish') expect(evidence.length, name).toBeGreaterThan(0)
  })

  const losses: readonly (readonly [string, Rehearsal, string])[] = [
    ...whole.sections.map(
      ({ id }) => [`section ${id}`, withSection(id, { isShown: false }), 'Demo flow'] as const
    ),
    ['a section over its budget', withSection('storage', { isInBudget: false }), 'Demo flow'],
    ['a run over twelve minutes', { ...whole, totalSeconds: 721 }, 'Demo flow'],
    ['a fast run', { ...whole, settings: { ...whole.settings, isPaced: false } }, 'Demo flow'],
    ['no flood', withProblem('flood'), 'Failure handling'],
    ['no recovery', withProblem('recover'), 'Failure handling'],
    ['no kill', withProblem('kill'), 'Failure handling'],
    ['no proof', withProblem('proof'), 'Data quality'],
    ['an empty query', withProblem('union'), 'Data quality'],
    ['parts unwell', withProblem('parts'), 'Infrastructure'],
    ['a figure that was not measured', withProblem('bytes'), 'Evidence'],
    ['no metrics', withProblem('series'), 'Operational maturity'],
    ['a slow switch', { ...whole, drills: [slow(), ...whole.drills.slice(1)] }, 'Backups'],
    ['a slow switch', { ...whole, drills: [slow(), ...whole.drills.slice(1)] }, 'Failure handling'],
    ['no backup material', { ...whole, drills: bare() }, 'Backups'],
    ['k2 check failed', facts({ check: { code: 1, summary: '' } }), 'Infrastructure'],
    ['documents that are not current', facts({ docs: { code: 1, summary: '' } }), 'Evidence'],
    ['few decisions', facts({ decisions: { all: 9, whole: 4 } }), 'Architecture decisions'],
    ['a broken link', facts({ links: { all: 40, broken: ['README.md: x'] } }), 'Navigation'],
    ['no runbook', facts({ alerts: { all: 9, inRunbook: 8 } }), 'Operational maturity']
  ]

  function slow(): Drill {
    return { ...drillOf('feed-cut'), seconds: 31 }
  }

  function bare(): readonly Drill[] {
    return whole.drills.map((it) => ({ ...it, files: [] }))
  }

  function facts(change: Partial<Rehearsal['facts']>): Rehearsal {
    return { ...whole, facts: { ...whole.facts, ...change } }
  }

  test.each(losses)('%s takes points of %s', (_why, run, name) => {
    expect(pointsOf(run, name)).toBeLessThan(pointsOf(whole, name)!)
    expect(scoreOf(run).points).toBeLessThan(scoreOf(whole).points)
  })

  test('never exceeds what can be measured, whatever is in the record', () => {
    const share = fc.record({ all: fc.nat(50), whole: fc.nat(50) })
    const property = fc.property(
      fc.subarray([...whole.sections]), fc.array(fc.constant(drillOf('x')), { maxLength: 9 }),
      share, fc.nat(2_000),
      (some, drilled, decisions, totalSeconds) => {
        const run = { ...whole, sections: some, drills: drilled, totalSeconds }
        const { criteria, points, reachable } = scoreOf({
          ...run, facts: { ...whole.facts, decisions, alerts: { all: 0, inRunbook: 7 } }
        })
        expect(points).toBeLessThanOrEqual(reachable)
        for (const it of criteria) expect(it.points).toBeLessThanOrEqual(it.max - it.people)
      }
    )
    fc.assert(property)
  })

  test('counts as many drills as there are', () => expect(drills.length).toBe(drillsPlanned))
})

describe('the verdict', () => {
  test('of a whole run is good', () => expect(problemsOf(whole)).toEqual([]))

  test.each([
    ['a step', withProblem('union'), /Hybrid queries, union: not shown: it was not/],
    ['a budget', withSection('cost', { isInBudget: false, seconds: 61 }), /took 61.0 s of 60/],
    ['a slow drill', { ...whole, drills: [{ ...drillOf('x'), seconds: 30 }] }, /took 30.0, not 30/],
    [
      'a section of a dead K2',
      { ...whole, drills: [withOther('cost', 31)] },
      /x: cost was there after 31 s/
    ],
    ['no switch', { ...whole, drills: [{ ...drillOf('x'), seconds: null }] }, /for ever/],
    ['a drill', { ...whole, drills: [{ ...drillOf('x'), problem: 'nothing' }] }, /x: nothing/]
  ])('names %s', (_name, run, text) => {
    expect(problemsOf(run)).toEqual([expect.stringMatching(text)])
  })

  test('stands in the report, in both forms, with every problem', () => {
    const run = withProblem('proof')
    const judged = { score: scoreOf(run), verdict: { isGood: false, problems: problemsOf(run) } }
    for (const report of [markdownOf(run, judged), htmlOf(run, judged)]) {
      expect(report).toContain(judged.verdict.problems[0])
      expect(report).toContain(`${judged.score.points} of 100`)
      expect(report).toContain('nothing is given for it here')
    }
  })
})

describe('flags', () => {
  test('have presets', () => {
    expect(readRehearseFlags(['--seed=4'])).toEqual({
      isFast: false, isKafka: false, installs: false, seed: 4, report: undefined, results: undefined
    })
    expect(readRehearseFlags(['--help'])).toBe('help')
  })

  test.each([
    ['--fastt', /"--fastt" is no flag/],
    ['now', /"now" is no flag/],
    ['--seed=x', /--seed is "x": allowed are/],
    ['--report=a.txt', /--report is "a.txt": it must end in .html or .md/],
    ['--report', /--report needs a value/],
    ['--out=a', /--out is "a"/],
    ['--fast=1', /--fast takes no value/],
    ['--install', /--install is for --kafka/]
  ])('"%s" is refused', (flag, problem) => {
    expect(readRehearseFlags([flag])).toMatchObject({
      problems: [expect.stringMatching(problem)]
    })
  })
})

test('all that is said can be read out in twelve minutes', () => {
  const says = sections.flatMap(({ steps }) => steps.map((step) => step.says))
  const minutes = says.reduce((sum, text) => sum + readingSeconds(text), 0) / 60
  expect(minutes).toBeGreaterThan(4)
  expect(minutes).toBeLessThan(12)
})

describe.skipIf(!areServicesRequired)('for real', () => {
  test('everything is shown, and switching is in time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-rehearsal-test-'))
    const file = join(folder, 'rehearsal.json')
    try {
      const { code, text } = await run(['--fast', '--seed', '3', '--out', file])
      const written = JSON.parse(readFileSync(file, 'utf8')) as Rehearsal & {
        readonly verdict: Verdict
        readonly score: Score
      }
      // How long it takes is this machine's, and what else runs here, to say.
      const { problems } = written.verdict
      expect(problems.filter((it) => !/: took \d/.test(it)), text).toEqual([])
      expect(code, text).toBe(problems.length === 0 ? 0 : 1)
      const said = written.sections.flatMap(({ steps }) => steps.map(({ says }) => says))
      expect(said.filter((it) => it.includes('…'))).toEqual([])
      expect(written.score.points).toBe(scoreOf(written).points)
      expect(readFileSync(join(folder, 'rehearsal.md'), 'utf8')).toContain('# Dress rehearsal')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }, 900_000)

  const run = (flags: readonly string[]) =>
    new Promise<{ readonly code: number | null; readonly text: string }>((resolve) => {
      const program = join(process.cwd(), 'demo', 'rehearse', 'main.ts')
      const child = spawn(process.execPath, [...nodeFlags, '--import', 'tsx', program, ...flags], {
        env: { UV_THREADPOOL_SIZE: '16', ...withoutSettings(process.env) },
        stdio: ['ignore', 'pipe', 'pipe']
      })
      let text = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (some: string) => {
          text += some
        })
      child.once('close', (code) => resolve({ code, text }))
    })
})
