/**
 * A reporter of vitest: writes what beforeAll and afterAll threw into the file that
 * K2_HOOK_FAILURES names, for `summary.mjs`. Vitest's JSON report only shows the tests of such a
 * suite as skipped.
 */
import { writeFileSync } from 'node:fs'

export default class HookFailures {
  onTestRunEnd(modules) {
    const failures = modules.flatMap((module) =>
      [...module.children.allSuites()].flatMap((suite) =>
        suite.errors().map(({ message, stack }) => ({
          file: module.moduleId,
          suite: suite.fullName,
          reason: stack ?? message
        }))
      )
    )
    writeFileSync(process.env.K2_HOOK_FAILURES, JSON.stringify(failures))
  }
}
