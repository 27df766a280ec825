/** The K2 that is asked: as a whole, and each of its components. */
import type { CheckContext } from './check-context.ts'
import { ageText, jsonOf, plural } from './check-context.ts'
import { type CheckLine, line } from './check-report.ts'

interface Health {
  readonly status: string
  readonly version: string
  readonly level: string | null
  readonly components: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly detail?: string
  }>
}

interface Degradation {
  readonly data: {
    readonly level: string
    readonly since: string
    readonly injected: unknown
    readonly signals: readonly { readonly signal: string; readonly state: string }[]
  }
}

export const serviceChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const { url, ask, isRunning } = context
  if (!isRunning)
    return [
      line('services', 'K2', {
        figure: `none answers at ${url}`,
        remedy: 'npm start   (or --url, of one that runs elsewhere)',
        isFailure: true
      })
    ]
  const answer = await ask('/health')
  const { status, version, components } = jsonOf('/health', answer) as Health
  const unwell = components.filter((it) => it.status !== 'healthy')
  return [
    line('services', 'K2', {
      figure: `${version} is ${status}, ${plural(components.length, 'component')}`,
      values: { components: components.length, unwell: unwell.length, answerMs: answer.ms },
      ...(status === 'healthy'
        ? {}
        : { remedy: 'npm run k2 -- actors --unwell', isFailure: status === 'unhealthy' })
    }),
    await readyCheck(context),
    await levelCheck(context),
    await failureCheck(context),
    ...components.map(componentCheck)
  ]
}

const componentCheck = ({ name, status, detail = '' }: Health['components'][number]): CheckLine => {
  const [part = name] = name.split('/')
  return line('services', name, {
    part,
    figure: detail === '' ? status : `${status}: ${detail}`,
    ...(status === 'healthy'
      ? {}
      : { remedy: 'npm run k2 -- actors --unwell', isFailure: status === 'unhealthy' })
  })
}

const readyCheck = async ({ ask }: CheckContext): Promise<CheckLine> => {
  const { status, ms } = await ask('/health/ready')
  return line('services', 'readiness', {
    figure: `${status} in ${ms.toFixed(0)} ms`,
    values: { answerMs: ms },
    ...(status === 200 ? {} : { remedy: 'npm run k2 -- actors --unwell', isFailure: true })
  })
}

interface Actor {
  readonly path: string
  readonly restarts: number
  readonly lastError: { readonly message: string } | null
  readonly children: readonly Actor[]
}

/** Also of those that are up again. */
const failureCheck = async ({ ask }: CheckContext): Promise<CheckLine> => {
  const path = '/v1/system/actors'
  const { data } = jsonOf(path, await ask(path)) as { readonly data: { readonly root: Actor } }
  const all = actorsOf(data.root)
  const failed = all.filter(({ lastError }) => lastError !== null)
  const restarts = all.reduce((sum, actor) => sum + actor.restarts, 0)
  return line('services', 'failures', {
    figure:
      `${failed.length} of ${plural(all.length, 'actor')} failed since the start, ` +
      plural(restarts, 'restart'),
    values: { actors: all.length, failed: failed.length, restarts },
    ...(failed.length === 0 ? {} : { remedy: 'npm run k2 -- actors --failed' })
  })
}

const actorsOf = (actor: Actor): readonly Actor[] => [actor, ...actor.children.flatMap(actorsOf)]

const levelCheck = async ({ ask }: CheckContext): Promise<CheckLine> => {
  const path = '/v1/system/degradation'
  const { data } = jsonOf(path, await ask(path)) as Degradation
  const { level, since, injected, signals } = data
  const stale = signals.filter(({ state }) => state !== 'fresh')
  const figure =
    `${level} for ${ageText(Date.now() - Date.parse(since))}, ` +
    `${plural(signals.length, 'signal')}, ${stale.length} not fresh`
  const isCalm = level === 'normal' && injected === null
  return line('services', 'level', {
    figure: injected === null ? figure : `${figure}, pressure is injected`,
    values: { signals: signals.length, staleSignals: stale.length },
    ...(isCalm
      ? {}
      : { remedy: injected === null ? 'npm run k2 -- level show' : 'npm run k2 -- level clear' })
  })
}
