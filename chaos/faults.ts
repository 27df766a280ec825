/**
 * Faults: what strikes, and what undoes it.
 *
 * `heal` undoes the fault whatever state it finds, also when `strike` never ran or failed half-way,
 * and may be called any number of times.
 */
import type { Trace } from './k2-output.ts'
import type { Random } from './random.ts'

/** What faults may do to a lab. */
export interface FaultTarget {
  readonly stack: { readonly service: (name: string) => Breakable }
  readonly landers: readonly Killable[]
  readonly controlExchange: (body: Readonly<Record<string, unknown>>) => Promise<void>
  readonly killIngest: () => Promise<void>
  readonly startIngest: () => Promise<void>
  readonly fillDisk: () => Promise<void>
  readonly freeDisk: () => Promise<void>
}

interface Breakable {
  readonly condition: () => Promise<string>
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
  readonly pause: () => Promise<void>
  readonly resume: () => Promise<void>
}

interface Killable {
  readonly kill: () => Promise<void>
  readonly start: () => void
  readonly pause: () => void
  readonly resume: () => void
}

export interface Fault {
  readonly name: string
  readonly strike: (lab: FaultTarget, random: Random) => Promise<void>
  readonly heal: (lab: FaultTarget) => Promise<void>
  /** How long it stays, ms. */
  readonly holdMs: readonly [min: number, max: number]
  /** What K2 must have logged after a strike, one of them; none: K2 may rightly not notice. */
  readonly traces?: readonly Trace[]
  readonly needsSmallDisk?: boolean
}

const seconds = (min: number, max: number) => [min * 1_000, max * 1_000] as const

/** Whatever was done to it: it runs again and answers. */
const serviceHealed = async (lab: FaultTarget, name: string): Promise<void> => {
  const service = lab.stack.service(name)
  if ((await service.condition()) === 'paused') await service.resume()
  await service.start()
}

const serviceKilled = (name: string, service: string, holdMs: Fault['holdMs']): Fault => ({
  name,
  strike: (lab) => lab.stack.service(service).kill(),
  heal: (lab) => serviceHealed(lab, service),
  holdMs
})

const servicePaused = (name: string, service: string, holdMs: Fault['holdMs']): Fault => ({
  name,
  strike: (lab) => lab.stack.service(service).pause(),
  heal: (lab) => serviceHealed(lab, service),
  holdMs
})

/** Faults of the simulated exchange, set and taken back over its control address. */
const exchangeFault = (
  name: string,
  body: Readonly<Record<string, unknown>>,
  holdMs: Fault['holdMs']
): Fault => ({
  name,
  strike: (lab) => lab.controlExchange(body),
  heal: (lab) => lab.controlExchange({ heal: true }),
  holdMs
})

const landerKill: Fault = {
  name: 'lander-kill',
  strike: (lab, random) => random.pick(lab.landers).kill(),
  heal: async (lab) => lab.landers.forEach((lander) => lander.start()),
  holdMs: seconds(0, 6)
}

const landerPause: Fault = {
  name: 'lander-pause',
  strike: async (lab, random) => random.pick(lab.landers).pause(),
  heal: async (lab) => lab.landers.forEach((lander) => lander.resume()),
  // Beyond the session's time-out: its partitions go to another one meanwhile.
  holdMs: seconds(12, 40)
}

const ingestKill: Fault = {
  name: 'ingest-kill',
  strike: (lab) => lab.killIngest(),
  heal: (lab) => lab.startIngest(),
  holdMs: seconds(0, 5)
}

const registryDownAtStart: Fault = {
  name: 'registry-down-at-start',
  strike: async (lab) => {
    await lab.stack.service('registry').kill()
    await lab.killIngest()
    await lab.startIngest()
  },
  heal: (lab) => serviceHealed(lab, 'registry'),
  holdMs: seconds(5, 15)
}

const diskFull: Fault = {
  name: 'disk-full',
  strike: (lab) => lab.fillDisk(),
  heal: (lab) => lab.freeDisk(),
  holdMs: seconds(5, 15),
  needsSmallDisk: true
}

const diskFullWithoutBroker: Fault = {
  name: 'disk-full-without-broker',
  strike: async (lab) => {
    await lab.stack.service('kafka').kill()
    await lab.fillDisk()
  },
  heal: async (lab) => {
    await lab.freeDisk()
    await serviceHealed(lab, 'kafka')
  },
  holdMs: seconds(5, 15),
  needsSmallDisk: true
}

export const faults = {
  brokerKill: serviceKilled('broker-kill', 'kafka', seconds(0, 8)),
  brokerPause: servicePaused('broker-pause', 'kafka', seconds(40, 40)),
  landerKill,
  landerPause,
  ingestKill,
  registryDown: serviceKilled('registry-down', 'registry', seconds(5, 20)),
  registryDownAtStart,
  catalogDown: serviceKilled('catalog-down', 'catalog', seconds(3, 20)),
  catalogPause: servicePaused('catalog-pause', 'catalog', seconds(5, 30)),
  storeDown: serviceKilled('store-down', 's3', seconds(3, 20)),
  storePause: servicePaused('store-pause', 's3', seconds(5, 30)),
  diskFull,
  diskFullWithoutBroker,
  socketsDropped: exchangeFault('sockets-dropped', { drop: 'all' }, seconds(0, 2)),
  socketsRefused: exchangeFault(
    'sockets-refused',
    { refuse: 'all', drop: 'all' },
    seconds(1, 10)
  ),
  socketsStalled: exchangeFault('sockets-stalled', { stall: true }, seconds(1, 10)),
  framesRepeated: exchangeFault('frames-repeated', { duplicate: 0.2 }, seconds(2, 10)),
  flood: exchangeFault('flood', { floodTier2: 20, floodTier3: 20 }, seconds(2, 8))
} satisfies Record<string, Fault>
