/**
 * What the last full run left behind: of each test file how many tests passed, with which seeds;
 * of each chaos scenario its verdict; of the simulation its totals. All JSON, in one folder.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { testedFile } from '../../scripts/tested-file.mjs'

interface TestedFile {
  /** Summed over the versions of Node that ran it. */
  readonly passed: number
  readonly failed: number
  readonly seeds: readonly string[]
}

export interface TestEvidence {
  readonly commit: string
  readonly at: string
  /** By path from the project's root. */
  readonly files: Readonly<Record<string, TestedFile>>
}

/** As `npm run simulation -- --out FILE` writes it. */
export interface SimulationEvidence {
  readonly commit: string
  readonly at: string
  readonly from: number
  readonly runs: number
  readonly trades: number
  readonly steps: number
  readonly broken: number
  /** How often each fault, state and action was reached. */
  readonly reached: Readonly<Record<string, number>>
}

/** As `npm run chaos -- <scenario> --out FILE` writes it. */
export interface ChaosEvidence {
  readonly scenario: string
  readonly seed: number
  readonly minutes: number
  readonly commit: string
  readonly at: string
  readonly passed: boolean
  readonly strikesByFault: Readonly<Record<string, number>>
  readonly recoveryMs: number
  readonly wholeMs: number
  /** Absent in what was written before it was counted apart from quotes. */
  readonly healedTrades?: Readonly<Record<string, number>>
  readonly verdict: { readonly issued: number; readonly landed: number }
}

export interface Evidence {
  readonly tests: TestEvidence | undefined
  readonly simulation: SimulationEvidence | undefined
  readonly chaos: readonly ChaosEvidence[]
}

export const evidenceFiles = { tests: 'tests.json', simulation: 'simulation.json' } as const

export const readEvidence = (folder: string): Evidence => {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
  const own: readonly string[] = Object.values(evidenceFiles)
  const found = (name: string) => existsSync(join(folder, name))
  return {
    tests: found(evidenceFiles.tests) ? (read(evidenceFiles.tests) as TestEvidence) : undefined,
    simulation: found(evidenceFiles.simulation)
      ? (read(evidenceFiles.simulation) as SimulationEvidence)
      : undefined,
    chaos: readdirSync(folder)
      .filter((name) => name.endsWith('.json') && !own.includes(name))
      .toSorted()
      .map((name) => read(name) as ChaosEvidence)
  }
}

/** What of a report of vitest matters here. */
export interface TestReport {
  readonly startTime: number
  readonly testResults: readonly {
    /** Absolute path. */
    readonly name: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

const seedIn = /\b(K2_[A-Z]+_SEED=\d+)/g

export const testEvidence = (
  reports: readonly TestReport[],
  { commit }: { readonly commit: string }
): TestEvidence => {
  const files: Record<string, { passed: number; failed: number; seeds: string[] }> = {}
  for (const { name, assertionResults } of reports.flatMap(({ testResults }) => testResults)) {
    const file = (files[testedFile(name)] ??= { passed: 0, failed: 0, seeds: [] })
    for (const { status, fullName } of assertionResults) {
      if (status === 'passed') file.passed++
      if (status === 'failed') file.failed++
      const seeds = [...fullName.matchAll(seedIn)].map(([, seed = '']) => seed)
      file.seeds = [...new Set([...file.seeds, ...seeds])]
    }
  }
  const startedMs = Math.min(...reports.map(({ startTime }) => startTime))
  return { commit, at: new Date(startedMs).toISOString(), files }
}
