/**
 * Executes one step against the stage.
 *
 * 1. It never fails and never hangs: what went wrong is the step's problem, and after its deadline
 *    it is given up.
 * 2. What is told was measured in this very call.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { processUse } from '../../bench/environment.ts'
import { withoutSettings } from '../../chaos/without-settings.ts'
import type { Sample } from '../record.ts'
import { lookAt } from '../watch.ts'
import { aborted } from './aborted.ts'
import type { Faults } from './faults.ts'
import type { Rates } from './rates.ts'
import type { Stage } from './stage.ts'
import { type Action, type Answer, type Earlier, type Figure, said, type Step } from './step.ts'

export interface StepResult {
  readonly id: string
  readonly startedAt: string
  readonly ms: number
  /** What was executed and what came back; undefined where nothing did. */
  readonly answer: Answer | undefined
  readonly figures: readonly Figure[]
  /** The talking point, with the figures. */
  readonly says: string
  /** Why it does not count as shown; undefined: it does. */
  readonly problem: string | undefined
}

/** Of a look that waits for a commit. */
const rateMsMax = 15_000
const pollMs = 250

export interface StepContext {
  readonly projectRoot: string
  readonly stage: Stage
  readonly faults: Faults
  /** Answers so far; the answer of this step is added. */
  readonly earlier: Map<string, Answer>
  /** Aborted: the step is left. */
  readonly signal: AbortSignal
  /** Between two looks at rates. */
  readonly rateMs: number
}

export const runStep = async (step: Step, context: StepContext): Promise<StepResult> => {
  const startedAt = new Date().toISOString()
  const startedMs = performance.now()
  const deadline = AbortSignal.timeout(step.secondsMax * 1_000)
  const signal = AbortSignal.any([context.signal, deadline])
  let answer: Answer | undefined
  let figures: readonly Figure[] = []
  let problem: string | undefined
  try {
    answer = await Promise.race([execute(step.does, { ...context, signal }), aborted(signal)])
    context.earlier.set(step.id, answer)
    ;({ figures, problem } = step.judge(answer, context.earlier))
  } catch (error) {
    problem = deadline.aborted
      ? `it was given up after ${step.secondsMax} s: ${reasonOf(error)}`
      : reasonOf(error) // (1)
  }
  const ms = Math.round(performance.now() - startedMs)
  return { id: step.id, startedAt, ms, answer, figures, says: said(step.says, figures), problem }
}

/** What an action does, as its user would type it, where that is known before. */
const commandOf = (action: Action, url: string, earlier: Earlier): string => {
  switch (action.kind) {
    case 'http':
      return `curl '${url}${givenOf(action.path, earlier)}'`
    case 'sql':
      return `curl '${url}/v1/sql?explain=1' --json '${JSON.stringify({ sql: action.sql })}'`
    case 'cli':
      return `npx k2 ${cliArgs(action, url).join(' ')}`
    case 'rates':
      return `curl ${url}/metrics, and the exchange's /control; some seconds later again`
    case 'fault':
      return faultCommands[action.fault]
    default:
      return action satisfies never
  }
}

const cliArgs = (
  { args, isLocal = false }: Extract<Action, { kind: 'cli' }>,
  url: string
): readonly string[] => (isLocal ? args : [...args, '--url', url])

const faultCommands = {
  flood: 'POST /control/faults {"floodTier2": …, "floodTier3": …} to the exchange',
  recover: 'the flood is over: watch the level and the gap ledger',
  kill: 'kill -9 of the process that has the log'
} as const

const givenOf = <A>(given: A | ((earlier: Earlier) => A), earlier: Earlier): A =>
  typeof given === 'function' ? (given as (earlier: Earlier) => A)(earlier) : given

const execute = (action: Action, context: StepContext): Promise<Answer> => {
  const { stage, earlier, signal } = context
  const command = commandOf(action, stage.url, earlier)
  switch (action.kind) {
    case 'http': {
      const address = `${stage.url}${givenOf(action.path, earlier)}`
      return asked({ command, address, signal, times: action.times ?? 1 })
    }
    case 'sql': {
      const address = `${stage.url}/v1/sql?explain=1`
      return asked({ command, address, body: { sql: action.sql }, signal, times: 1 })
    }
    case 'cli':
      return called(context, command, cliArgs(action, stage.url))
    case 'rates':
      return measured(context, command)
    case 'fault':
      return broken(command, () => context.faults.run(action.fault, signal))
    default:
      return action satisfies never
  }
}

interface Asking {
  readonly command: string
  readonly address: string
  /** JSON that is sent. */
  readonly body?: unknown
  readonly signal: AbortSignal
  readonly times: number
}

const asked = async ({ command, address, body, signal, times }: Asking): Promise<Answer> => {
  const headers = { ...key(), 'content-type': 'application/json' }
  const sent =
    body === undefined
      ? { headers: key() }
      : { method: 'POST', headers, body: JSON.stringify(body) }
  const ms: number[] = []
  let [text, code] = ['', 0]
  for (let time = 0; time < times; time++) {
    const startedMs = performance.now()
    const response = await fetch(address, { ...sent, signal })
    text = await response.text()
    code = response.status
    ms.push(performance.now() - startedMs)
    if (!response.ok && !(code === 503 && address.endsWith('/health')))
      throw new Error(`${command} was answered with ${code}: ${text.slice(0, 300)}`)
  }
  return { command, text, json: parsed(text), code, ms }
}

const key = (): Readonly<Record<string, string>> => {
  const given = process.env['K2_API_KEY']
  return given === undefined ? {} : { 'x-api-key': given }
}

const called = (
  { projectRoot, signal }: StepContext,
  command: string,
  args: readonly string[]
): Promise<Answer> => {
  const startedMs = performance.now()
  const program = join(projectRoot, 'dist', 'cli', 'k2.js')
  const env = { ...withoutSettings(process.env), ...apiKey() }
  const options = { cwd: projectRoot, env, signal, maxBuffer: 64 * 1_024 ** 2 }
  return new Promise((resolve, reject) => {
    const all = [program, ...args]
    const child = execFile(process.execPath, all, options, (error, stdout, stderr) => {
      if (error !== null && child.exitCode === null) return reject(error)
      const text = stdout === '' ? stderr : stdout
      const ms = [performance.now() - startedMs]
      resolve({ command, text, json: parsed(stdout), code: child.exitCode ?? -1, ms })
    })
  })
}

const apiKey = (): NodeJS.ProcessEnv => {
  const given = process.env['K2_API_KEY']
  return given === undefined ? {} : { K2_API_KEY: given }
}

const measured = async (context: StepContext, command: string): Promise<Answer> => {
  const { stage, signal, rateMs } = context
  const look = async () => {
    const { sample } = await lookAt({ k2Url: stage.url, exchangeUrl: stage.exchangeUrl })
    const { pid } = stage
    const cpuSeconds = pid === undefined ? null : (await processUse(pid)).cpuSeconds
    return { sample, cpuSeconds, atMs: performance.now() }
  }
  return broken(command, async (): Promise<Rates> => {
    const before = await look()
    const untilMs = before.atMs + rateMsMax
    await delay(rateMs, undefined, { signal })
    let after = await look()
    // What lands does so by commits, some seconds apart.
    while (after.sample.k2?.landed === before.sample.k2?.landed && after.atMs < untilMs) {
      await delay(pollMs, undefined, { signal })
      after = await look()
    }
    const seconds = (after.atMs - before.atMs) / 1_000
    const rate = (of: (sample: Sample) => number | null | undefined) => {
      const [first, last] = [of(before.sample), of(after.sample)]
      return first == null || last == null ? null : (last - first) / seconds
    }
    const [published, landed] = [rate(({ k2 }) => k2?.published), rate(({ k2 }) => k2?.landed)]
    if (published === null || landed === null) throw new Error('K2 does not answer')
    const cores =
      before.cpuSeconds === null || after.cpuSeconds === null
        ? null
        : (after.cpuSeconds - before.cpuSeconds) / seconds
    return { seconds, issued: rate(({ issued }) => issued), published, landed, cores }
  })
}

/** Something that is watched, with what was seen as its answer. */
const broken = async (
  command: string,
  watch: () => Promise<unknown>
): Promise<Answer> => {
  const startedMs = performance.now()
  const json = await watch()
  const ms = [performance.now() - startedMs]
  return { command, text: JSON.stringify(json, undefined, 2), json, code: 0, ms }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message
}
