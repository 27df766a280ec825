/**
 * Switch-over drills: something breaks, the presenter tells of it, and the backup of the section is
 * served and verified; timed from the fault. Then it is undone.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { problemOf } from '../present/backup-files.ts'
import type { Presenter } from '../present/presenter.ts'
import type { K2State } from '../present/watch-k2.ts'
import { sections } from '../show/sections.ts'
import type { Stage } from '../show/stage.ts'
import type { SectionId } from '../show/step.ts'
import { type Drill, drillSecondsMax } from './record.ts'

interface Plan {
  readonly id: string
  readonly title: string
  readonly fault: string
  /** Within which it happens. */
  readonly section: SectionId
  /** All other sections are switched to as well. */
  readonly isOfAll?: boolean
  readonly strike: (stage: Stage) => Promise<void>
  readonly undo: (stage: Stage) => Promise<void>
}

export const drills: readonly Plan[] = [
  {
    id: 'feed-cut',
    title: 'The feed is cut',
    fault: 'the exchange cuts every connection, and takes no new one',
    section: 'streaming',
    strike: (stage) => stage.controlExchange({ refuse: 'all', drop: 'all' }),
    undo: (stage) => stage.controlExchange({ heal: true })
  },
  {
    id: 'page-unreachable',
    title: 'The page cannot be reached',
    fault: 'SIGSTOP of K2: it is there, and does not answer',
    section: 'monitoring',
    strike: (stage) => stage.pauseK2(),
    undo: (stage) => stage.resumeK2()
  },
  {
    id: 'k2-killed',
    title: 'K2 is killed',
    fault: 'SIGKILL of K2',
    section: 'hybrid',
    isOfAll: true,
    strike: (stage) => stage.killK2(),
    undo: (stage) => stage.startK2()
  }
]

const pollMs = 100
const backMsMax = 60_000

export const drill = async (plan: Plan, stage: Stage, presenter: Presenter): Promise<Drill> => {
  const { id, title, fault, section } = plan
  let [noticedSeconds, seconds]: [number | null, number | null] = [null, null]
  let files: readonly string[] = []
  let hasRecorded = false
  const others: { section: SectionId; seconds: number }[] = []
  let problem: string | undefined
  const struckMs = performance.now()
  const since = () => Math.round(performance.now() - struckMs) / 1_000
  try {
    await until(presenter, ({ state }) => state === 'live', backMsMax)
    const beganMs = performance.now()
    await plan.strike(stage)
    const sinceFault = () => since() - (beganMs - struckMs) / 1_000
    await until(presenter, ({ state }) => state !== 'live', drillSecondsMax * 1_000)
    noticedSeconds = sinceFault()
    ;({ files, hasRecorded } = await served(presenter, section))
    if (files.length === 0 && !hasRecorded) problem = 'there was nothing to switch to'
    else seconds = sinceFault()
    for (const { id: other } of plan.isOfAll === true ? sections : []) {
      await served(presenter, other)
      others.push({ section: other, seconds: sinceFault() })
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
  }
  try {
    await plan.undo(stage)
    await until(presenter, ({ state }) => state === 'live', backMsMax)
  } catch (error) {
    problem ??= `it could not be undone: ${String(error)}`
  }
  const found = { noticedSeconds, seconds, files, hasRecorded, others, problem }
  return { id, title, fault, section, ...found }
}

const until = async (
  { url }: Presenter,
  isIt: (state: K2State) => boolean,
  msMax: number
): Promise<void> => {
  const untilMs = performance.now() + msMax
  for (;;) {
    const { k2 } = (await (await fetch(`${url}/state`)).json()) as { readonly k2: K2State }
    if (isIt(k2)) return
    if (performance.now() > untilMs)
      throw new Error(`after ${msMax / 1_000} s the presenter still says: ${k2.detail}`)
    await delay(pollMs)
  }
}

/** All that there is of a section, asked for as the presenter's page does. */
const served = async ({ url }: Presenter, section: SectionId) => {
  const show = (await (await fetch(`${url}/show`)).json()) as {
    readonly sections: readonly { readonly id: string; readonly material: readonly string[] }[]
  }
  const names = show.sections.find(({ id }) => id === section)?.material ?? []
  for (const name of names) {
    const response = await fetch(`${url}/backup/${name}`)
    const bytes = new Uint8Array(await response.arrayBuffer())
    const problem = response.ok ? problemOf(name, bytes) : `was answered with ${response.status}`
    if (problem !== undefined) throw new Error(`${name} ${problem}`)
  }
  const recorded = await (await fetch(`${url}/recorded/${section}`)).text()
  return { files: names, hasRecorded: recorded.includes('Shown.') }
}
