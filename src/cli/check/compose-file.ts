/** The compose file as Docker Compose reads it: YAML with merges, variables put in. */
import { parse } from 'yaml'

export type Environment = Readonly<Record<string, string | undefined>>

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes?: Readonly<Record<string, unknown>>
  readonly networks?: Readonly<Record<string, unknown>>
}

interface ComposeService {
  readonly image?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
}

export const parseYaml = (text: string): unknown => parse(text, { merge: true })

/** Assignments of an `.env` file, in order; an empty value is unset for Compose's `:?` and `:-`. */
export const parseEnv = (text: string, path: string): ReadonlyMap<string, string> =>
  new Map(
    text
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

/** What of it does not hang together: names that nothing of the file has. */
export const composeFaults = ({
  services,
  volumes = {},
  networks = {}
}: ComposeFile): readonly string[] =>
  Object.entries(services).flatMap(([name, service]) => {
    const named = (service.volumes ?? [])
      .map((it) => it.split(':')[0]!)
      .filter((it) => !/^[./~]/.test(it))
    return [
      ...(service.image === undefined ? [`${name} has no image`] : []),
      ...Object.keys(service.depends_on ?? {})
        .filter((it) => !Object.hasOwn(services, it))
        .map((it) => `${name} waits for ${it}, which is no service`),
      ...named
        .filter((it) => !Object.hasOwn(volumes, it))
        .map((it) => `${name} has the volume ${it}, which is not declared`),
      ...(service.networks ?? [])
        .filter((it) => !Object.hasOwn(networks, it))
        .map((it) => `${name} is in the network ${it}, which is not declared`)
    ]
  })
