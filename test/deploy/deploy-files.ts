/**
 * The files of `deploy/` as the programs that read them understand them: YAML with merges,
 * the instructions of a Dockerfile, `.env` lines.
 */
import { readFileSync } from 'node:fs'
import { parseEnv, parseYaml } from '../../src/cli/check/compose-file.ts'

export const readText = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

export const readYaml = (path: string): unknown => parseYaml(readText(path))

/** Assignments of an `.env` file, in order. */
export const readEnv = (path: string): ReadonlyMap<string, string> =>
  parseEnv(readText(path), path)

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
