/** Rules of Prometheus and their unit tests, as the files of `deploy/prometheus` have them. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readYaml } from './deploy-files.ts'

export interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Alert extends Rule {
  readonly alert: string
}

export const ruleFiles = readdirSync(
  fileURLToPath(new URL('../../deploy/prometheus/rules', import.meta.url))
)

const rulesOf = (file: string): readonly Rule[] =>
  (
    readYaml(`deploy/prometheus/rules/${file}`) as { groups: { rules: Rule[] }[] }
  ).groups.flatMap(({ rules }) => rules)

export const rules: readonly Rule[] = ruleFiles.flatMap(rulesOf)

const isAlert = (rule: Rule): rule is Alert => rule.alert !== undefined

/** By file. */
export const alerts: readonly (Alert & { readonly file: string })[] = ruleFiles.flatMap((file) =>
  rulesOf(file)
    .filter(isAlert)
    .map((alert) => ({ ...alert, file }))
)

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string
      readonly exp_alerts: readonly unknown[]
    }[]
  }[]
}

/** Whether an alert's unit tests see it fire, and see it not fire. */
export const testedIn = (file: string, alert: string) => {
  const { tests } = readYaml(`deploy/prometheus/tests/${file}`) as RuleTests
  const cases = tests
    .flatMap((it) => it.alert_rule_test)
    .filter(({ alertname }) => alertname === alert)
  return {
    fires: cases.some(({ exp_alerts: expected }) => expected.length > 0),
    isQuiet: cases.some(({ exp_alerts: expected }) => expected.length === 0)
  }
}
