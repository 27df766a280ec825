/** Flags of the programs on stage. Every wrong one is reported, with what is allowed. */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export type FlagTypes = Readonly<Record<string, 'boolean' | 'string'>>

export interface Flags {
  readonly has: (name: string) => boolean
  readonly text: (name: string) => string | undefined
}

export const readFlagsOf = (
  args: readonly string[],
  types: FlagTypes
): Flags & { readonly problems: readonly string[] } => {
  const options = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }]))
  const { values, tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const problems: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${token.value}" is no flag`)
    if (token.kind !== 'option') continue
    const type = types[token.name]
    if (type === undefined) problems.push(`"${token.rawName}" is no flag`)
    else if (type === 'boolean' && token.value !== undefined)
      problems.push(`${token.rawName} takes no value`)
    else if (type === 'string' && (token.value === undefined || token.value === ''))
      problems.push(`${token.rawName} needs a value`)
  }
  return {
    problems,
    has: (name) => values[name] === true,
    text: (name) => {
      const value = values[name]
      return typeof value === 'string' ? value : undefined
    }
  }
}

const seedMax = 2 ** 31

/** `--seed`, by default random; what is wrong with it is added to the problems. */
export const seedOf = (flags: Flags, problems: string[]): number => {
  const seed = flags.text('seed')
  if (seed !== undefined && !(/^\d{1,10}$/.test(seed) && Number(seed) <= seedMax))
    problems.push(`--seed is "${seed}": allowed are whole numbers from 0 to ${seedMax}`)
  return Number(seed ?? randomInt(1, seedMax))
}
