/**
 * The single faults: what is done, and what must be seen of it.
 *
 * A fault that goes on for a while is undone here in the end, but `broker-loss`, which is
 * `recover`'s to undo.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { levels, type Sample } from './record.ts'
import { CannotBeDone, type RunningK2, stackOf } from './simulate-k2.ts'
import type { FaultName, SimulateFlags } from './simulate-flags.ts'

export interface FaultArgs {
  readonly k2: RunningK2
  readonly flags: SimulateFlags
  readonly before: Sample
  readonly say: (text: string) => void
}

/** What was to be seen and was not, in words; undefined where all is well. */
export type Struck = Promise<string | undefined>

const pollMs = 500
const noticeMsMax = 30_000

/** Looks until it is seen, or for so long. */
const seen = async (
  { k2 }: FaultArgs,
  msMax: number,
  isIt: (sample: Sample) => boolean
): Promise<boolean> => {
  const untilMs = Date.now() + msMax
  for (;;) {
    if (isIt((await k2.look()).sample)) return true
    if (Date.now() > untilMs) return false
    await delay(pollMs)
  }
}

const circuitOf = ({ signals }: Sample): number =>
  Math.max(0, ...signals.flatMap(({ name, value }) => (name.startsWith('circuit') ? [value] : [])))

const lag = async ({ k2, flags, say }: FaultArgs): Struck => {
  const { times, seconds } = flags
  const rates = (factor: number) =>
    k2.controlExchange({ floodTier1: factor, floodTier2: factor, floodTier3: factor })
  say(`the exchange is ${times} times as busy for ${seconds} s: real load`)
  await rates(times)
  try {
    await delay(seconds * 1_000)
  } finally {
    await rates(1)
  }
  say('the exchange is calm again')
  return undefined
}

const memory = async (args: FaultArgs): Struck => {
  const { k2, flags, say } = args
  const { level, seconds } = flags
  say(`pressure as of memory is injected, up to ${level}; it expires after ${seconds} s`)
  await k2.injectPressure(level, seconds)
  const isRaised = await seen(
    args,
    seconds * 1_000,
    (it) => it.level !== null && levels.indexOf(it.level) >= levels.indexOf(level)
  )
  await delay(pollMs)
  return isRaised ? undefined : `the level did not come to ${level} before the pressure expired`
}

const disconnect = async (args: FaultArgs): Struck => {
  const { k2, flags, before, say } = args
  say('the exchange cuts every connection')
  await k2.controlExchange({ drop: 'all' })
  const published = before.k2?.published ?? 0
  const cutMs = Date.now()
  await delay(pollMs)
  const isBack = await seen(args, flags.seconds * 1_000, ({ k2: now }) => {
    return now !== null && now.published + now.spooled > published
  })
  if (isBack) say(`trades come in again, ${((Date.now() - cutMs) / 1_000).toFixed(1)} s later`)
  return isBack ? undefined : 'no trade came in after that'
}

const brokerLoss = async (args: FaultArgs): Struck => {
  const { flags, before, say } = args
  if (!before.signals.some(({ name }) => name.startsWith('circuit')))
    throw new CannotBeDone('this K2 captures nothing (K2_ROLES), so it has no need of a log')
  if (!before.signals.some(({ name }) => name.startsWith('retention'))) {
    throw new CannotBeDone(
      'this K2 uses the embedded log, or does not land: there is no broker that it could lose. ' +
        'Start it with K2_KAFKA_BOOTSTRAP_SERVERS'
    )
  }
  const stack = await stackOf(flags)
  const kafka = stack.processes.filter(({ spec }) => spec.service === 'kafka')
  say(`kill -9 of ${kafka.map(({ name }) => name).join(', ')} in ${stack.folder}`)
  await Promise.all(kafka.map((broker) => broker.kill()))
  const isFelt = await seen(args, noticeMsMax, (it) => circuitOf(it) > 0)
  if (!isFelt) return 'K2 did not notice: it may use another Kafka than that of the stack'
  say('K2 has noticed: its circuit to the log is open')
  await delay(flags.seconds * 1_000)
  say('Kafka stays away until `npm run simulate -- recover`')
  return undefined
}

const recover = async (args: FaultArgs): Struck => {
  const { k2, flags, say } = args
  if (k2.hasExchange) {
    await k2.controlExchange({ heal: true })
    say('the exchange is well')
  }
  await k2.clearPressure()
  say('no pressure is injected')
  const hadRetention = args.before.signals.some(({ name }) => name.startsWith('retention'))
  if (hadRetention || circuitOf(args.before) > 0) await restartBrokers(args)
  const isNormal = await seen(args, flags.seconds * 1_000, (it) => it.level === 'normal')
  return isNormal ? undefined : `the level is not normal after ${flags.seconds} s: wait longer`
}

/** Those of the stack that do not run; a Kafka that is not of the stack is left alone. */
const restartBrokers = async ({ flags, say }: FaultArgs): Promise<void> => {
  const stack = await stackOf(flags).catch(() => undefined)
  for (const broker of stack?.processes ?? []) {
    if (broker.spec.service !== 'kafka') continue
    const condition = await broker.condition()
    if (condition === 'running' || condition === 'not started') continue
    say(`${broker.name} is ${condition}: it is started again`)
    if (condition === 'paused') await broker.resume()
    else await broker.start()
  }
}

export const faults: Readonly<Record<FaultName, (args: FaultArgs) => Struck>> = {
  lag,
  memory,
  disconnect,
  'broker-loss': brokerLoss,
  recover
}
