/**
 * What an expression of PromQL asks for, as far as tests need it: names, labels that are matched,
 * and labels that are grouped by. No parser: Prometheus' own checks the syntax.
 */
import { rules } from './alert-files.ts'

export interface Selector {
  readonly name: string
  /** Label names, and the values that they must have; undefined: not one value. */
  readonly labels: ReadonlyMap<string, string | undefined>
}

/** Prometheus gives them to every series that it scrapes. */
const scraped: readonly string[] = ['instance', 'job']

/** The expression with recorded names replaced by what they stand for, matchers and all. */
export const expanded = (expr: string): string => {
  const found = rules.find(
    ({ record }) => record !== undefined && new RegExp(`${record}(?![\\w:])`).test(expr)
  )
  if (found?.record === undefined) return expr
  const record = new RegExp(`${found.record}(?![\\w:])(?:\\{([^}]*)\\})?`, 'g')
  return expanded(
    expr.replaceAll(record, (_, matchers?: string) => `(${matching(found.expr, matchers)})`)
  )
}

/** With these matchers on each selector. */
const matching = (expr: string, matchers = ''): string =>
  matchers === ''
    ? expr
    : expr.replaceAll(
        /(?<![\w:])((?:[a-z]+:)?k2_\w+(?::\w+)?)(?:\{([^}]*)\})?/g,
        (_, name: string, own?: string) => `${name}{${own ? `${own},` : ''}${matchers}}`
      )

/** Selectors of K2's metrics. */
export const selectorsOf = (expr: string): readonly Selector[] =>
  [...expr.matchAll(/(?<![\w:])(k2_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', matchers = '']) => ({
    name,
    labels: new Map(
      [...matchers.matchAll(/(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"/g)].map(
        ([, label = '', operator, value]) => [label, operator === '=' ? value : undefined]
      )
    )
  }))

/** Labels that a metric of the expression does not have although they are asked of it. */
export const labelFaults = (
  expr: string,
  known: ReadonlyMap<string, ReadonlySet<string>>
): readonly string[] => {
  const has = (name: string, label: string) =>
    scraped.includes(label) || (known.get(name)?.has(label) ?? false)
  const matched = selectorsOf(expr).flatMap(({ name, labels }) =>
    [...labels.keys()].map((label) => [name, label] as const)
  )
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)\s*(?=\()/g)].flatMap((match) => {
    const [whole, list = ''] = match
    const inner = balanced(expr, match.index + whole.length)
    return selectorsOf(inner).flatMap(({ name }) =>
      list.split(',').map((label) => [name, label.trim()] as const)
    )
  })
  return [...matched, ...grouped]
    .filter(([name, label]) => !has(name, label))
    .map(([name, label]) => `${name} has no ${label}: ${expr}`)
}

/** From an opening parenthesis to the one that closes it. */
const balanced = (text: string, from: number): string => {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === '(') depth++
    if (text[at] === ')' && --depth === 0) return text.slice(from, at + 1)
  }
  throw new Error(`an open parenthesis in ${text}`)
}
