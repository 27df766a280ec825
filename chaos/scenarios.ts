/** The scenarios: which faults a run strikes with, and how. */
import { type Fault, faults } from './faults.ts'

export interface Scenario {
  readonly about: string
  /** Each strike is one of them, picked by the seed. */
  readonly faults: readonly Fault[]
  /** Strikes of a run that is not limited otherwise; undefined: as many as the time allows. */
  readonly strikes: number | undefined
  /** Rest between two strikes, ms. */
  readonly restMs: readonly [min: number, max: number]
  /** Landers that share the work. */
  readonly landers: number
  /** K2's data folders lie on a disk of this size; undefined: as large as there is. */
  readonly diskBytes?: number
}

const restMs = [2_000, 8_000] as const
const base = { strikes: undefined, restMs, landers: 1 }
const MiB = 1_024 ** 2

export const scenarios = {
  'broker-kill': {
    ...base,
    about: 'the broker gets SIGKILL and comes back after seconds',
    faults: [faults.brokerKill],
    strikes: 20
  },
  'broker-pause': {
    ...base,
    about: 'the broker gets SIGSTOP for 40 s: connections stay, nothing answers',
    faults: [faults.brokerPause],
    restMs: [5_000, 10_000]
  },
  'lander-kill': {
    ...base,
    about: 'one of two landers gets SIGKILL, or SIGSTOP until it has lost its partitions',
    faults: [faults.landerKill, faults.landerKill, faults.landerPause],
    landers: 2
  },
  'ingest-kill': {
    ...base,
    about: 'the process that captures gets SIGKILL; what passes meanwhile is an explained hole',
    faults: [faults.ingestKill]
  },
  'registry-down': {
    ...base,
    about: 'the schema registry is away, also while the capturing process starts',
    faults: [faults.registryDown, faults.registryDownAtStart]
  },
  'catalog-down': {
    ...base,
    about: 'the Iceberg catalog is killed or hangs',
    faults: [faults.catalogDown, faults.catalogPause]
  },
  'store-down': {
    ...base,
    about: 'the object store is killed or hangs',
    faults: [faults.storeDown, faults.storePause]
  },
  'disk-full': {
    ...base,
    about: "K2's own disk is full while the broker is away",
    faults: [faults.diskFull, faults.diskFullWithoutBroker],
    diskBytes: 256 * MiB
  },
  'socket-storm': {
    ...base,
    about: 'the exchange drops connections, refuses them, stalls, repeats and floods',
    faults: [
      faults.socketsDropped,
      faults.socketsRefused,
      faults.socketsStalled,
      faults.framesRepeated,
      faults.flood
    ]
  },
  everything: {
    ...base,
    about: 'a random mix of all of them, one at a time',
    faults: Object.values(faults).filter(({ needsSmallDisk }) => needsSmallDisk !== true),
    landers: 2
  }
} satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof scenarios
