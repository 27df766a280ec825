/**
 * Faults: what strikes, and what undoes it.
 *
 * `heal` undoes the fault whatever state it finds, also when `strike` never ran or failed half-way,
 * and may be called any number of times.
 */
import type { Drill } from './drill.ts'
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
  /** The runbook's first look that must show it; tried once a run, while it strikes. */
  readonly drill?: Drill
  readonly needsSmallDisk?: boolean
  /** Trades are left out of a connection that lives: nobody can know why. */
  readonly leavesOut?: boolean
}

const lander = /^land-/
const ingest = /^ingest$/
const brokerTraces: Fault['traces'] = [
  { in: ingest, event: /^(?:circuit\.open|producer\.discarded)$/ },
  { in: lander, event: /^(?:group\.failed|actor\.waiting)$/ }
]
const circuitDrill: Drill = {
  alert: 'K2CircuitOpen',
  on: 'ingest',
  shows: /^k2_circuit_breaker_state\{[^}]*\} [12]$/m
}
const dependencyDrill: Drill = {
  alert: 'K2DependencyAway',
  on: 'lander',
  shows: /^root\/\S+ .*(?:catalog|s3:\/\/|ECONN)/im
}
/** A catalog or a store that is away for a moment between two commits is rightly not noticed. */
const storageTraces: Fault['traces'] = [{ in: lander, event: /^actor\.waiting$/ }]

const seconds = (min: number, max: number) => [min * 1_000, max * 1_000] as const

/** Whatever was done to it: it runs again and answers. */
const serviceHealed = async (lab: FaultTarget, name: string): Promise<void> => {
  const service = lab.stack.service(name)
  if ((await service.condition()) === 'paused') await service.resume()
  await service.start()
}

type ServiceFault = Pick<Fault, 'name' | 'holdMs' | 'traces' | 'drill'> & {
  readonly service: string
}

const serviceKilled = ({ service, ...fault }: ServiceFault): Fault => ({
  ...fault,
  strike: (lab) => lab.stack.service(service).kill(),
  heal: (lab) => serviceHealed(lab, service)
})

const servicePaused = ({ service, ...fault }: ServiceFault): Fault => ({
  ...fault,
  strike: (lab) => lab.stack.service(service).pause(),
  heal: (lab) => serviceHealed(lab, service)
})

/** Faults of the simulated exchange, set and taken back over its control address. */
const exchangeFault = ({
  body,
  ...fault
}: Pick<Fault, 'name' | 'holdMs' | 'traces' | 'leavesOut' | 'drill'> & {
  readonly body: Readonly<Record<string, unknown>>
}): Fault => ({
  ...fault,
  strike: (lab) => lab.controlExchange(body),
  heal: (lab) => lab.controlExchange({ heal: true })
})

const landerKill: Fault = {
  name: 'lander-kill',
  strike: (lab, random) => random.pick(lab.landers).kill(),
  heal: async (lab) => lab.landers.forEach((lander) => lander.start()),
  holdMs: seconds(0, 6),
  traces: [{ in: lander, event: /^lander\.started$/ }]
}

const landerPause: Fault = {
  name: 'lander-pause',
  strike: async (lab, random) => random.pick(lab.landers).pause(),
  heal: async (lab) => lab.landers.forEach((lander) => lander.resume()),
  // Beyond the session's time-out: its partitions go to another one meanwhile.
  holdMs: seconds(12, 40),
  traces: [{ in: lander, event: /^group\.(?:rebalancing|joined|failed)$/ }]
}

const ingestKill: Fault = {
  name: 'ingest-kill',
  strike: (lab) => lab.killIngest(),
  heal: (lab) => lab.startIngest(),
  holdMs: seconds(0, 5),
  traces: [{ in: ingest, event: /^feed\.subscribed$/ }],
  drill: { alert: 'K2Down', on: 'ingest', shows: /no K2 has it open/ }
}

const registryDownAtStart: Fault = {
  name: 'registry-down-at-start',
  strike: async (lab) => {
    await lab.stack.service('registry').kill()
    await lab.killIngest()
    await lab.startIngest()
  },
  heal: (lab) => serviceHealed(lab, 'registry'),
  holdMs: seconds(5, 15),
  traces: [{ in: ingest, event: /^registry\.unavailable$/ }]
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
  traces: [{ in: ingest, event: /^(?:spool\.append\.failed|batch\.refused)$/ }],
  drill: circuitDrill,
  needsSmallDisk: true
}

export const faults = {
  brokerKill: serviceKilled({
    name: 'broker-kill',
    service: 'kafka',
    holdMs: seconds(0, 8),
    traces: brokerTraces,
    drill: circuitDrill
  }),
  brokerPause: servicePaused({
    name: 'broker-pause',
    service: 'kafka',
    holdMs: seconds(40, 40),
    traces: brokerTraces,
    drill: circuitDrill
  }),
  landerKill,
  landerPause,
  ingestKill,
  // Who has asked it before goes on without it.
  registryDown: serviceKilled({
    name: 'registry-down',
    service: 'registry',
    holdMs: seconds(5, 20)
  }),
  registryDownAtStart,
  catalogDown: serviceKilled({
    name: 'catalog-down',
    service: 'catalog',
    holdMs: seconds(3, 20),
    traces: storageTraces,
    drill: dependencyDrill
  }),
  catalogPause: servicePaused({
    name: 'catalog-pause',
    service: 'catalog',
    holdMs: seconds(5, 30)
  }),
  storeDown: serviceKilled({
    name: 'store-down',
    service: 's3',
    holdMs: seconds(3, 20),
    traces: storageTraces,
    drill: dependencyDrill
  }),
  storePause: servicePaused({ name: 'store-pause', service: 's3', holdMs: seconds(5, 30) }),
  diskFull,
  diskFullWithoutBroker,
  socketsDropped: exchangeFault({
    name: 'sockets-dropped',
    body: { drop: 'all' },
    holdMs: seconds(0, 2),
    traces: [{ in: ingest, event: /^feed\.subscribed$/ }],
    drill: {
      alert: 'K2FeedReconnecting',
      on: 'ingest',
      shows: /^k2_feed_failures_total\{[^}]*\} [1-9]/m
    }
  }),
  socketsRefused: exchangeFault({
    name: 'sockets-refused',
    body: { refuse: 'all', drop: 'all' },
    holdMs: seconds(1, 10),
    traces: [{ in: ingest, event: /^feed\.(?:attempt_failed|subscribed)$/ }],
    drill: { alert: 'K2FeedDown', on: 'ingest', shows: /^root\/ingest\/feed:binance .*degraded/m }
  }),
  socketsStalled: exchangeFault({
    name: 'sockets-stalled',
    body: { stall: true },
    holdMs: seconds(1, 10),
    leavesOut: true
  }),
  framesRepeated: exchangeFault({
    name: 'frames-repeated',
    body: { duplicate: 0.2 },
    holdMs: seconds(2, 10)
  }),
  flood: exchangeFault({
    name: 'flood',
    body: { floodTier2: 20, floodTier3: 20 },
    holdMs: seconds(2, 8)
  })
} satisfies Record<string, Fault>
