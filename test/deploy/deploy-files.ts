/**
 * The files of `deploy/` as the programs that read them understand them: YAML with merges,
 * Compose's interpolation, the instructions of a Dockerfile, `.env` lines.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export type Environment = Readonly<Record<string, string | undefined>>

export const readText = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

export const readYaml = (path: string): unknown => parse(readText(path), { merge: true })

/** Assignments of an `.env` file, in order; an empty value is unset for Compose's `:?` and `:-`. */
export const readEnv = (path: string): ReadonlyMap<string, string> =>
  new Map(
    readText(path)
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => {
        const match = /^([A-Za-z_]\w*)=(.*)$/.exec(line)
        if (match === null) throw new Error(`${path}: "${line}" is no assignment`)
        return [match[1]!, match[2]!]
      })
  )

/** A variable that `${NAME:?message}` asks for and that is unset or empty. */
export class VariableMissing extends Error {
  readonly variable: string

  constructor(variable: string, message: string) {
    super(`${variable}: ${message}`)
    this.variable = variable
  }
}

/** Compose's interpolation: `$$`, `${A}`, `${A:-default}`, `${A:?message}`, nested. */
export const interpolate = (value: unknown, env: Environment): unknown => {
  if (typeof value === 'string') return interpolateText(value, env)
  if (Array.isArray(value)) return value.map((item) => interpolate(item, env))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolate(item, env)])
  )
}

const interpolateText = (text: string, env: Environment): string => {
  let result = ''
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== '$') result += text[at]
    else if (text[at + 1] === '$') {
      result += '$'
      at++
    } else if (text[at + 1] === '{') {
      const end = closingBrace(text, at + 1)
      result += variableOf(text.slice(at + 2, end), env)
      at = end
    } else throw new Error(`"${text}" has a single $: write $$ or \${NAME}`)
  }
  return result
}

const closingBrace = (text: string, open: number): number => {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++
    if (text[at] === '}' && --depth === 0) return at
  }
  throw new Error(`"${text}" has an open brace`)
}

const variableOf = (expression: string, env: Environment): string => {
  const match = /^(\w+)(?::([-?])(.*))?$/s.exec(expression)
  if (match === null) throw new Error(`"\${${expression}}" is not understood`)
  const [, name, operator, rest = ''] = match
  const value = env[name!] ?? ''
  if (value !== '' || operator === undefined) return value
  if (operator === '?') throw new VariableMissing(name!, rest)
  return interpolateText(rest, env)
}

export interface Instruction {
  readonly name: string
  readonly text: string
}

/** Instructions of a Dockerfile in order, continued lines joined. */
export const readDockerfile = (path: string): readonly Instruction[] =>
  readText(path)
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', ...rest] = line.split(' ')
      return { name, text: rest.join(' ') }
    })
