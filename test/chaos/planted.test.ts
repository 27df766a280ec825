/**
 * Chaos against a K2 with a bug, on real services (`K2_REQUIRE_SERVICES=1`): a scenario that could
 * not fail would prove nothing. `K2_TEST_SEED` repeats a run; the seed stands in its annotation.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, type TestContext } from 'vitest'
import { judgeLab } from '../../chaos/judge.ts'
import { openLab } from '../../chaos/lab.ts'
import { runFaults } from '../../chaos/run.ts'
import { type ScenarioName, scenarios } from '../../chaos/scenarios.ts'
import { Timeline } from '../../chaos/timeline.ts'
import { areServicesRequired } from '../support/iceberg-services.ts'
import { type Bug, planted } from './support/planted.ts'

const seed = Number(process.env['K2_TEST_SEED'] ?? randomInt(1, 2 ** 31))
const runMsMax = 1_200_000

const runWith = async (context: TestContext, bug: Bug, name: ScenarioName, strikes: number) => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-chaos-planted-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const scenario = scenarios[name]
  const timeline = new Timeline(join(folder, 'timeline.ndjson'), () => undefined)
  const lab = await openLab({
    projectRoot: planted(bug),
    folder,
    seed,
    rate: 500,
    landers: scenario.landers,
    diskBytes: undefined,
    timeline
  })
  try {
    const report = await runFaults(lab, scenario, { seed, minutes: 2, strikes }, timeline)
    const verdict = await judgeLab(lab, report.whole)
    await context.annotate(JSON.stringify({ seed, report, verdict }, undefined, 2))
    return { report, verdict }
  } finally {
    await lab.close()
  }
}

describe.skipIf(!areServicesRequired)('K2 with a bug', () => {
  test(
    'that forgets what the broker could not take: the kill of the broker tells',
    async (context) => {
      const bug = {
        file: 'actors/publisher/lane-runner.ts',
        from: 'Effect.match(spool.append(packed), {',
        to: 'Effect.match(Effect.void, {'
      }
      const { report, verdict } = await runWith(context, bug, 'broker-kill', 1)
      // The process that forgot says so itself (R16); of what it forgot nobody can say why.
      expect(report.strikes).toBe(1)
      expect(report.problems).toContainEqual(
        expect.stringMatching(/^ingest: records do not add up: .*"equation":"spool"/)
      )
      expect(verdict.classes['unexplained-hole'].count).toBeGreaterThan(0)
      expect(verdict.classes.duplicate.count).toBe(0)
    },
    runMsMax
  )
})
