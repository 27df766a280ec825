/** `npm run k2 -- check`: everything that a K2 consists of, each with its state and its figure. */
import { baseUrl, duration } from '../adapters/config/values.ts'
import { urlFlag } from './ask-api.ts'
import { asker, askUrl, type CheckContext, NoAnswer, projectRoot } from './check/check-context.ts'
import { exitCodeOf, reportText } from './check/check-report.ts'
import { runChecks } from './check/run-checks.ts'
import { isUp, readStack } from './check/stack-address.ts'
import { ArgumentsRejected, type Command, type CommandIo, type Given } from './command-line.ts'

const fullFlag = {
  name: '--full',
  about: 'Also call every route, compare rows with the data folder, run doctor, find backups.'
}
const windowFlag = {
  name: '--window',
  value: '2s',
  about: 'How long rates of feeds and topics are measured (preset 2s).'
}
export const prometheusFlag = {
  name: '--prometheus',
  value: 'URL',
  about: 'Prometheus that is asked for rules and alerts; unless told, that of npm run stack.'
}
export const grafanaFlag = {
  name: '--grafana',
  value: 'URL',
  about: 'Grafana that is asked how it is.'
}

export const checkCommand: Command = {
  name: 'check',
  about: 'Check every service, feed, topic, table, metric, dashboard and alert, with figures.',
  notes: [
    'A line each: its state (ok, warning, FAILED, - where it is not configured), the figure that ' +
      'was measured, and on anything that is not well the command that helps. Without a K2 that ' +
      'runs, what can be checked without one is.',
    'With --full each route of /openapi.json is called with what the table really has and held ' +
      'against its schema; a snapshot is read by that K2 and by the reader of the data folder ' +
      '(--data-dir), digit by digit; records are accounted for; doctor examines each table.'
  ],
  flags: [
    urlFlag,
    fullFlag,
    windowFlag,
    prometheusFlag,
    grafanaFlag,
    { name: '--all', about: 'Show lines of parts that are well one by one.' },
    { name: '--json', about: 'Print the report as one JSON document.' }
  ],
  examples: [
    'npm run k2 -- check',
    'npm run k2 -- check --full --all',
    'npm run k2 -- check --url http://127.0.0.1:8000 --json'
  ],
  exitCodes: {
    0: 'nothing failed; warnings are told',
    1: 'something failed',
    2: 'no K2 answers, or a flag is wrong'
  },
  run: async (given, io) => {
    const context = await checkContextOf(given)
    const report = await runChecks(context, shownOn(io), given.values.has(fullFlag.name))
    io.progress?.end()
    const { values } = given
    io.print(
      values.has('--json')
        ? JSON.stringify(report, undefined, 2)
        : reportText(report, values.has('--all'))
    )
    return exitCodeOf(report)
  }
}

/** How far it is, where it takes long enough for somebody to wonder. */
const shownOn = ({ progress }: CommandIo): ((about: string) => void) => {
  let shownMs = performance.now()
  return (about) => {
    if (progress === undefined || performance.now() - shownMs < progress.everyMs) return
    shownMs = performance.now()
    progress.show(about)
  }
}

/** @throws ArgumentsRejected */
export const checkContextOf = async (given: Given): Promise<CheckContext> => {
  const { config, values } = given
  const faults: string[] = []
  const url = urlOf(given, urlFlag.name, faults) ?? `http://127.0.0.1:${config.httpPort}`
  const prometheusUrl = urlOf(given, prometheusFlag.name, faults)
  const grafanaUrl = urlOf(given, grafanaFlag.name, faults)
  const asked = values.get(windowFlag.name) ?? windowFlag.value
  const window = duration(100, 60_000).parse(asked)
  if (!('value' in window))
    faults.push(`${windowFlag.name} is "${asked}", but must be ${window.allowed}`)
  if (faults.length > 0 || !('value' in window)) throw new ArgumentsRejected(faults.join('\n'))
  const stack = await readStack(projectRoot)
  const isScraped = typeof stack === 'object' && isUp(stack, 'prometheus')
  return {
    config,
    projectRoot,
    stack,
    url,
    isRunning: await doesAnswer(url),
    prometheusUrl: prometheusUrl ?? (isScraped ? stack.addresses.prometheusUrl : undefined),
    grafanaUrl,
    windowMs: window.value,
    ask: asker(url, config)
  }
}

const urlOf = ({ values }: Given, flag: string, faults: string[]): string | undefined => {
  const text = values.get(flag)
  if (text === undefined) return undefined
  const parsed = baseUrl('http', 'https').parse(text)
  if ('value' in parsed) return parsed.value
  faults.push(`${flag} is "${text}", but must be ${parsed.allowed}`)
  return undefined
}

const answerMsMax = 10_000

const doesAnswer = async (url: string): Promise<boolean> => {
  try {
    await askUrl(new URL('/health/live', url).href, {}, { msMax: answerMsMax })
    return true
  } catch (error) {
    if (error instanceof NoAnswer) return false
    throw error
  }
}
