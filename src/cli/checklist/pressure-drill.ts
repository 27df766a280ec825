/**
 * The drill of the checklist: a running K2 is told that it is under pressure, for some seconds, and
 * has to rise and to come back by itself.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type CheckContext, jsonOf } from '../check/check-context.ts'
import { type CheckLine, line } from '../check/check-report.ts'

const riseMsMax = 15_000
/** The cooldown of the settings, twice, and the ramp. */
const returnMsMax = 120_000
const pollMs = 200
const expiresSeconds = 5

const path = '/v1/system/degradation'
const remedy = 'npm run k2 -- level show'

export const pressureDrill = async ({ ask }: Pick<CheckContext, 'ask'>): Promise<CheckLine> => {
  const levelNow = async () =>
    (jsonOf(path, await ask(path)) as { readonly data: { readonly level: string } }).data.level
  const failed = (figure: string) => line('services', 'drill', { figure, remedy, isFailure: true })
  const before = await levelNow()
  if (before !== 'normal') return failed(`the level is ${before} before anything was done`)
  const body = JSON.stringify({ level: 'soft', expires_seconds: expiresSeconds })
  const headers = { 'x-reason': 'drill of the demo-day checklist' }
  const told = await ask('/v1/system/pressure', { method: 'POST', body, headers })
  if (told.status !== 200) return failed(`pressure cannot be injected: ${told.text.slice(0, 200)}`)
  const startedMs = performance.now()
  const reach = async (isThere: (level: string) => boolean, msMax: number) => {
    const deadlineMs = performance.now() + msMax
    while (performance.now() < deadlineMs) {
      if (isThere(await levelNow())) return (performance.now() - startedMs) / 1_000
      await pause(pollMs)
    }
    return undefined
  }
  const risen = await reach((level) => level !== 'normal', riseMsMax)
  if (risen === undefined) return failed(`the level did not rise within ${riseMsMax / 1_000} s`)
  const back = await reach((level) => level === 'normal', returnMsMax)
  if (back === undefined)
    return failed(`the level was not normal again within ${returnMsMax / 1_000} s`)
  return line('services', 'drill', {
    figure: `rose within ${risen.toFixed(1)} s, was normal again after ${back.toFixed(1)} s`,
    values: { riseSeconds: risen, returnSeconds: back }
  })
}
