/** Rules of Prometheus and dashboards of Grafana as the files of `deploy/` have them. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'

export interface Rule {
  readonly file: string
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly annotations?: { readonly runbook_url?: string }
}

export interface Dashboard {
  readonly file: string
  readonly title: string
  readonly expressions: readonly string[]
}

const rulesFolder = (projectRoot: string): string => join(projectRoot, 'deploy/prometheus/rules')
const boardsFolder = (projectRoot: string): string =>
  join(projectRoot, 'deploy/grafana/dashboards')

/** Undefined where the repository is not there, as in an image. */
export const readRules = async (projectRoot: string): Promise<readonly Rule[] | undefined> => {
  const folder = rulesFolder(projectRoot)
  if (!existsSync(folder)) return undefined
  const rules: Rule[] = []
  for (const file of (await readdir(folder)).sort()) {
    const { groups } = parse(await readFile(join(folder, file), 'utf8')) as {
      readonly groups: readonly { readonly rules: readonly Omit<Rule, 'file'>[] }[]
    }
    rules.push(...groups.flatMap((group) => group.rules.map((rule) => ({ ...rule, file }))))
  }
  return rules
}

interface Panel {
  readonly targets?: readonly { readonly expr?: string }[]
  readonly panels?: readonly Panel[]
}

export const readDashboards = async (
  projectRoot: string
): Promise<readonly Dashboard[] | undefined> => {
  const folder = boardsFolder(projectRoot)
  if (!existsSync(folder)) return undefined
  const boards: Dashboard[] = []
  for (const file of (await readdir(folder)).sort()) {
    const { title, panels } = JSON.parse(await readFile(join(folder, file), 'utf8')) as {
      readonly title: string
      readonly panels: readonly Panel[]
    }
    boards.push({ file, title, expressions: panels.flatMap(expressionsOf) })
  }
  return boards
}

const expressionsOf = ({ targets = [], panels = [] }: Panel): readonly string[] => [
  ...targets.flatMap(({ expr }) => (expr === undefined ? [] : [expr])),
  ...panels.flatMap(expressionsOf)
]

/** Names of K2's metrics, and of rules that record, that an expression asks for. */
export const namesIn = (expr: string): readonly string[] => [
  ...new Set([...expr.matchAll(/(?<![\w:])(?:[a-z_]+:)?k2_\w+(?::\w+)?/g)].map(([name]) => name))
]

/** Those that no metric, no part of a histogram and no rule is named. */
export const unknownNames = (
  expressions: readonly string[],
  known: ReadonlySet<string>
): readonly string[] => [
  ...new Set(expressions.flatMap(namesIn).filter((name) => !known.has(name)))
]
