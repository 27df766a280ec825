/**
 * A drill: while a fault strikes, the first look of the alert that it causes is read from the
 * runbook and run as it is written, with the settings of the K2 that the alert would name. It must
 * show the cause before long.
 */
import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { readRunbook } from './runbook.ts'
import { withoutSettings } from './without-settings.ts'

export interface Drill {
  readonly alert: string
  /** Whose alert it is. */
  readonly on: 'ingest' | 'lander'
  /** What names the cause. */
  readonly shows: RegExp
}

interface DrilledK2 {
  readonly projectRoot: string
  /** Its settings, as whoever looks has them in the environment. */
  readonly env: Readonly<Record<string, string>>
}

const seenMsMax = 90_000
const commandMsMax = 60_000
const pauseMs = 500
const shownChars = 500

/** In words, where the cause was not to be seen; undefined where it was. */
export const drillRunbook = async (
  { alert, shows }: Drill,
  { projectRoot, env }: DrilledK2
): Promise<string | undefined> => {
  const command = readRunbook(projectRoot).find((it) => it.alert === alert)?.firstLook[0]
  if (command === undefined) return `the runbook has no first look for ${alert}`
  const deadlineMs = Date.now() + seenMsMax
  for (;;) {
    const output = await run(command, projectRoot, env)
    if (shows.test(output)) return undefined
    if (Date.now() > deadlineMs) {
      return `${alert}: ${command} did not show ${shows.source}: ${output.slice(-shownChars)}`
    }
    await delay(pauseMs)
  }
}

/** Both streams: a command that finds something unwell ends with 1. */
const run = (
  command: string,
  cwd: string,
  env: Readonly<Record<string, string>>
): Promise<string> =>
  new Promise((resolve) => {
    const options = { cwd, env: { ...withoutSettings(process.env), ...env }, timeout: commandMsMax }
    execFile('bash', ['-c', command], options, (_error, stdout, stderr) => resolve(stdout + stderr))
  })
