/**
 * `npm run docs`: fills measured figures into the documents, from the results that runs have left,
 * and makes pictures and printed pages of them.
 * Exit code 0: done; 1: a figure is missing, or with `--check` a document is not current; 2: wrong
 * flags. A document with a problem is left as it is.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { documentPaths, readDocument, renderDocument, strayFigures } from './documents.ts'
import { madePaths, makeFile } from './made-files.ts'

const root = resolve(import.meta.dirname, '..', '..')

const usage = `usage: npm run docs [-- --check]

Fills the figures in the documents from bench/results, chaos/results and demo/results, and makes
pictures and the printed page of them. Between <!--k2:NAME--> and <!--/--> nothing is written by
hand; docs/README.md says what NAME can be.

  --check   writes nothing, says what is not current
  --help    this text

Exit code 0: all documents are current; 1: something is missing or not current; 2: wrong flags.`

const main = (args: readonly string[]): number => {
  if (args.includes('--help')) {
    console.log(usage)
    return 0
  }
  const unknown = args.find((argument) => argument !== '--check')
  if (unknown !== undefined) {
    console.error(`docs: "${unknown}" is no flag: --check or --help`)
    return 2
  }
  const isCheck = args.includes('--check')
  const problems = [
    ...madePaths.flatMap((path) => make(path, isCheck)),
    ...documentPaths(root).flatMap((path) => handle(path, isCheck))
  ]
  for (const problem of problems) console.error(`docs: ${problem}`)
  return problems.length > 0 ? 1 : 0
}

/** What is wrong with a document. */
const handle = (path: string, isCheck: boolean): readonly string[] => {
  const text = readDocument(root, path)
  const rendered = renderDocument(root, text)
  const stray = strayFigures(path, rendered.text).map(
    (it) => `${it} is measured nowhere: <!--k2:…-->, or <!--k2:setting--> around a limit`
  )
  const problems = [
    ...rendered.problems.map((problem) => `${path}:${problem.line}: ${problem.text}`),
    ...stray
  ]
  return problems.length > 0 ? problems : put(path, text, rendered.text, isCheck)
}

const make = (path: string, isCheck: boolean): readonly string[] => {
  const file = join(root, path)
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  try {
    return put(path, before, makeFile(root, path), isCheck)
  } catch (error) {
    return [`${path}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

const put = (
  path: string,
  before: string | undefined,
  now: string,
  isCheck: boolean
): readonly string[] => {
  if (before === now) return []
  if (isCheck) return [`${path} is not what the results say: npm run docs`]
  writeFileSync(join(root, path), now)
  console.log(`docs: ${path}`)
  return []
}

process.exitCode = main(process.argv.slice(2))
