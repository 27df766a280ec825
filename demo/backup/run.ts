/**
 * One live run, driven by the keys of the presenter's page and recorded as its audience sees it.
 *
 * 1. What is recorded is what the presenter executed and judged; nothing is put in afterwards.
 * 2. Paced, a step stays for as long as its talking point takes to be read out.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chromium as playwright, type Page } from 'playwright-core'
import { openPresenter, type Presenter } from '../present/presenter.ts'
import { readingSeconds } from '../rehearse/run.ts'
import type { StepResult } from '../show/run-step.ts'
import { type Screenshot, screenshots } from '../show/material.ts'
import type { Stage } from '../show/stage.ts'
import type { Spoken } from './captions.ts'
import { chromiumLaunch } from '../prerequisites.ts'
import { type Frame, Screencast } from './screencast.ts'
import type { Walked } from './walkthrough.ts'

export interface RecordingOptions {
  readonly projectRoot: string
  readonly stage: Stage
  /** Pictures of the steps go to the first, those of the video to the second. */
  readonly folder: string
  readonly framesFolder: string
  readonly isPaced: boolean
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

export interface Recording {
  readonly walked: readonly Walked[]
  readonly frames: readonly Frame[]
  readonly spoken: readonly Spoken[]
  readonly fromMs: number
  readonly toMs: number
}

const size = { width: 1_920, height: 1_080 }
const rateMs = 2_000
/** K2's page has drawn what the step has changed by then. */
const settleMs = 1_500
/** Beyond a step's own deadline. */
const slackMs = 15_000
const pollMs = 100

export const recordRun = async (options: RecordingOptions): Promise<Recording> => {
  const { projectRoot, stage, framesFolder } = options
  const presenter = await openPresenter({ projectRoot, stage, port: 0, rateMs })
  const browser = await playwright.launch(chromiumLaunch)
  try {
    const page = await browser.newPage({ viewport: size })
    await page.goto(presenter.url)
    await page.locator('h2').first().waitFor()
    const screencast = await Screencast.start(page, framesFolder)
    const fromMs = Date.now()
    const walked: Walked[] = []
    const spoken: Spoken[] = []
    for (const shot of screenshots) {
      const beganMs = Date.now()
      const it = await walk(shot, { page, presenter, options })
      walked.push(it)
      const [since, until] = [beganMs - fromMs, Date.now() - fromMs]
      spoken.push({ text: it.result.says, fromMs: since, toMs: until })
    }
    const toMs = Date.now()
    return { walked, frames: await screencast.stop(), spoken, fromMs, toMs }
  } finally {
    await browser.close()
    await presenter.close()
  }
}

interface Walk {
  readonly page: Page
  readonly presenter: Presenter
  readonly options: RecordingOptions
}

const walk = async (
  { file, section, step }: Screenshot,
  { page, presenter, options }: Walk
): Promise<Walked> => {
  const { folder, isPaced, signal, say } = options
  const beganMs = performance.now()
  await page.keyboard.press('ArrowRight')
  const result = await resultOf(step.id, step.secondsMax * 1_000 + slackMs, { presenter, signal })
  say(`${section.title}, ${step.id}: ${result.problem ?? 'shown'}`)
  await delay(settleMs, undefined, { signal })
  await page.screenshot({ path: join(folder, file) })
  const picture = await page.screenshot({ type: 'jpeg', quality: 75 })
  const restMs = readingSeconds(result.says) * 1_000 - (performance.now() - beganMs)
  if (isPaced && restMs > 0) await delay(restMs, undefined, { signal }) // (2)
  return { section, step, result, picture }
}

const resultOf = async (
  id: string,
  msMax: number,
  { presenter, signal }: Pick<Walk, 'presenter'> & { readonly signal: AbortSignal }
): Promise<StepResult> => {
  const untilMs = performance.now() + msMax
  for (;;) {
    const result = presenter.results.get(id)
    if (result !== undefined) return result
    if (performance.now() > untilMs) throw new Error(`the presenter's page did not execute ${id}`)
    await delay(pollMs, undefined, { signal })
  }
}
