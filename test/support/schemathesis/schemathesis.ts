/**
 * Schemathesis (PyPI): requests made from the document of the API, valid ones and others, and their
 * answers held against it.
 *
 * One worker: CPython 3.11 does not parse on two threads at a time ("AST constructor recursion
 * depth mismatch").
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pythonWith } from '../python/venv.ts'

const version = '4.32.5'

/** The command, or the reason why there is none. */
export const schemathesis = (): { readonly command: string } | { readonly missing: string } => {
  try {
    const python = pythonWith(`schemathesis-${version}`, [`schemathesis==${version}`])
    return { command: join(dirname(python), 'schemathesis') }
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    const missing = `Schemathesis is not available: ${reason}`
    if (process.env['K2_REQUIRE_PYTHON'] === '1') throw new Error(missing, { cause: error })
    return { missing }
  }
}

/** What every answer has to meet. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
  'allow_header_conformance'
]

export interface FuzzOptions {
  readonly url: string
  readonly seed: number
  /** Of each operation, at most. */
  readonly examplesMax: number
  readonly excludedPaths: readonly string[]
}

export interface Fuzzed {
  readonly requests: number
  /** Nothing was wrong with any answer, and Schemathesis itself came to an end. */
  readonly isSound: boolean
  readonly output: string
}

export const fuzz = async (
  command: string,
  { url, seed, examplesMax, excludedPaths }: FuzzOptions
): Promise<Fuzzed> => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-fuzz-'))
  const report = join(folder, 'report.json')
  const settings = {
    checks: checks.join(','),
    seed: String(seed),
    'max-examples': String(examplesMax),
    'generation-database': 'none',
    report: 'json',
    'report-json-path': report,
    'suppress-health-check': 'all',
    'request-timeout': '60'
  }
  const args = [
    'run',
    `${url}/openapi.json`,
    '--continue-on-failure',
    '--no-color',
    ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    ...excludedPaths.flatMap((path) => ['--exclude-path', path])
  ]
  try {
    const { code, output } = await run(command, args, folder)
    const { test_cases: cases } = JSON.parse(readFileSync(report, 'utf8'))
    return { requests: Number(cases.generated), isSound: code === 0, output }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const run = (command: string, args: readonly string[], cwd: string) =>
  new Promise<{ readonly code: number | null; readonly output: string }>((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', reject).on('close', (code) => resolve({ code, output }))
  })
