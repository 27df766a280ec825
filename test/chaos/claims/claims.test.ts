import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { claims } from '../../../chaos/claims/claims.ts'
import {
  type ChaosEvidence,
  type Evidence,
  readEvidence,
  testEvidence
} from '../../../chaos/claims/evidence.ts'
import { promised } from '../../../chaos/claims/proofs.ts'
import { scenarios } from '../../../chaos/scenarios.ts'

const nothing: Evidence = { tests: undefined, simulation: undefined, chaos: [] }

const chaosOf = (scenario: string, passed: boolean): ChaosEvidence => ({
  scenario,
  seed: 77,
  minutes: 5,
  commit: 'abcdef0123',
  at: '2026-01-01T00:00:00.000Z',
  passed,
  strikesByFault: { [scenario]: 3 },
  recoveryMs: 2_000,
  wholeMs: 31_000,
  healedTrades: { restart: 12 },
  verdict: { issued: 110, landed: 100 }
})

const kill = 'test/e2e/kill.test.ts'

describe('what is claimed', () => {
  test('every proof exists, and every scenario proves something', () => {
    for (const { proofs } of promised) for (const { file } of proofs) {
      expect(existsSync(file), file).toBe(true)
    }
    const used = new Set(promised.flatMap((it) => it.scenarios))
    expect([...used].toSorted()).toEqual(Object.keys(scenarios).toSorted())
  })

  test('what has not been run is not claimed', () => {
    const text = claims(nothing)
    expect(text).toContain(`| **not run** |  | \`${kill}\` |`)
    expect(text).toContain('broker-kill (not run)')
    expect(text).toContain('Simulated: **not run**.')
  })

  test('counts, seeds and outcomes are those of the evidence', () => {
    const text = claims({
      tests: { commit: 'c', at: '', files: { [kill]: { passed: 3, failed: 1, seeds: ['S=9'] } } },
      simulation: {
        commit: 'abcdef0123', at: '', from: 1, runs: 40, trades: 7, steps: 8, broken: 0,
        reached: { crash: 5 }
      },
      chaos: [chaosOf('broker-kill', true), chaosOf('disk-full', false)]
    })
    expect(text).toContain(`| 3, **1 failed** | \`S=9\` | \`${kill}\` |`)
    expect(text).toContain('broker-kill (passed)')
    expect(text).toContain('disk-full (**failed**)')
    const cells = ['broker-kill', 'broker-kill 3', 5, 77, 110, 100, 'restart 12', '2, 31 s']
    expect(text).toContain(`| ${cells.join(' | ')} | passed |`)
    expect(text).toContain('Simulated: 40 seeds from 1, none broke it.')
    expect(text).toContain('| crash | 5 |')
  })

  test('reports of several Nodes are added up, their seeds kept', () => {
    const report = (status: string, seed: number) => ({
      startTime: 1_000,
      testResults: [
        {
          name: '/clone/of/test/test/a.test.ts',
          assertionResults: [{ status, fullName: `it holds (K2_KILL_SEED=${seed})` }]
        }
      ]
    })
    const reports = [report('passed', 1), report('passed', 2), report('pending', 3)]
    expect(testEvidence(reports, { commit: 'c' })).toEqual({
      commit: 'c',
      at: '1970-01-01T00:00:01.000Z',
      files: {
        'test/a.test.ts': {
          passed: 2,
          failed: 0,
          seeds: ['K2_KILL_SEED=1', 'K2_KILL_SEED=2', 'K2_KILL_SEED=3']
        }
      }
    })
  })

  test('a folder of results is read, whatever of it is there', () => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-claims-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    expect(readEvidence(folder)).toEqual(nothing)
    writeFileSync(join(folder, 'broker-kill.json'), JSON.stringify(chaosOf('broker-kill', true)))
    writeFileSync(join(folder, 'README.md'), '')
    expect(readEvidence(folder).chaos).toEqual([chaosOf('broker-kill', true)])
  })
})
