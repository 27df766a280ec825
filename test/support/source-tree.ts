/**
 * The project's own files as text, and who imports whom, for tests of the architecture.
 *
 * 1. Paths are relative to the project's root and use `/`.
 * 2. Imports are read from the text: static, re-exported, dynamic, and modules that run as the
 *    entry of a thread (`new URL('./x.ts', import.meta.url)`).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const foldersIgnored = new Set(['.git', '.k2', '.venv', 'coverage', 'dist', 'node_modules'])

export interface Import {
  /** A file of the project, or a package's specifier. */
  readonly target: string
  /** Whether anything of it is there at run time. */
  readonly isValue: boolean
}

/** Files below a folder with one of the extensions, sorted; none when there is no such folder. */
export const filesUnder = (folder: string, extensions: readonly string[]): readonly string[] => {
  if (!existsSync(join(projectRoot, folder))) return []
  return readdirSync(join(projectRoot, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name).slice(projectRoot.length + 1).split(sep).join('/')
    )
    .filter((path) => extensions.some((extension) => path.endsWith(extension)))
    .sort()
}

/** Files under version control; without a repository, all but what it would ignore. */
export const trackedFiles = (): readonly string[] => {
  if (existsSync(join(projectRoot, '.git'))) {
    const options = { cwd: projectRoot, encoding: 'utf8' } as const
    return execFileSync('git', ['ls-files', '-z'], options)
      .split('\0')
      .filter((path) => path !== '' && existsSync(join(projectRoot, path)))
  }
  return readdirSync(projectRoot, { withFileTypes: true })
    .filter(({ name }) => !foldersIgnored.has(name))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(entry.name, ['']) : [entry.name]))
}

export const readText = (path: string): string => readFileSync(join(projectRoot, path), 'utf8')

/**
 * The lines that are neither blank nor comment, with their numbers from 1. Comments behind code
 * stay: a check may find too much in them, never too little.
 */
export const codeLines = (
  text: string
): readonly { readonly line: number; readonly code: string }[] => {
  let isInComment = false
  return text.split('\n').flatMap((code, index) => {
    const wasInComment = isInComment
    const start = code.trimStart()
    if (wasInComment || start.startsWith('/*')) isInComment = !code.includes('*/')
    const isComment = wasInComment || start.startsWith('/*') || start.startsWith('//')
    return isComment || start === '' ? [] : [{ line: index + 1, code }]
  })
}

/** What a module imports, in the order of the text. */
export const importsOf = (path: string, text: string): readonly Import[] => {
  const code = codeLines(text)
    .map((entry) => entry.code)
    .join('\n')
  return importPatterns.flatMap((pattern) =>
    [...code.matchAll(pattern)].map(({ groups }) => ({
      target: resolved(path, groups?.['from'] ?? ''),
      isValue: groups?.['type'] === undefined && !isOnlyTypes(groups?.['names'])
    }))
  )
}

/** The modules of the project that run when `entry` runs, itself among them. */
export const runsWith = (
  entry: string,
  importsByFile: ReadonlyMap<string, readonly Import[]>
): ReadonlySet<string> => {
  const reached = new Set([entry])
  // A set yields what is added while it is walked; each module is added once.
  for (const path of reached) {
    for (const { target, isValue } of importsByFile.get(path) ?? []) {
      if (isValue && importsByFile.has(target)) reached.add(target)
    }
  }
  return reached
}

const importPatterns = [
  /^\s*(?:im|ex)port\s+(?<type>type\s+(?!from\b))?(?<names>[^'";]*?)\bfrom\s+'(?<from>[^']+)'/gm,
  /^\s*import\s+'(?<from>[^']+)'/gm,
  /\bimport\(\s*'(?<from>[^']+)'/g,
  /\bnew URL\(\s*'(?<from>[^']+\.(?:ts|mjs))',\s*import\.meta\.url\s*\)/g
]

const resolved = (path: string, specifier: string): string =>
  specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier

/** `{ type A, type B }` leaves nothing to run. */
const isOnlyTypes = (names: string | undefined): boolean => {
  const listed = names?.trim().match(/^\{(?<list>[^}]*)\}$/)?.groups?.['list']
  if (listed === undefined) return false
  return listed
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .every((name) => name.startsWith('type '))
}
