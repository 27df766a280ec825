/**
 * What proves a promise: test files, chaos scenarios, the simulation; and what nothing proves.
 * Written by hand; how often each was tried, with what outcome, is read from the last full run.
 */
import type { ScenarioName } from '../scenarios.ts'

interface Proof {
  /** What is done to K2, or what is held against what. */
  readonly about: string
  /** From the project's root. */
  readonly file: string
}

export interface Promised {
  readonly promise: string
  readonly proofs: readonly Proof[]
  readonly scenarios: readonly ScenarioName[]
  /** Whether the deterministic simulation checks it in each of its runs. */
  readonly isSimulated: boolean
}

export const promised: readonly Promised[] = [
  {
    promise:
      'Nothing acknowledged is lost, nothing lands twice: kill any process at any instant, any ' +
      'number of times.',
    proofs: [
      { about: 'SIGKILL at random moments, table against log', file: 'test/e2e/kill.test.ts' },
      {
        about: 'SIGKILL before and after each durable step of a commit',
        file: 'test/e2e/fault-points.test.ts'
      },
      {
        about: 'The same on Kafka, a REST catalog and S3, and on mixed pairs, in a file of its own',
        file: 'test/e2e/fault-points-services.test.ts'
      },
      {
        about: 'SIGKILL of a real broker, lost and withheld answers; histories in Jepsen’s words',
        file: 'test/adapters/log/kafka/kafka-faults.test.ts'
      },
      {
        about: 'Each class of fault in a recorded history is found',
        file: 'test/chaos/history/check-history.test.ts'
      },
      {
        about: 'Landers that share a group, and one that believes it still owns a partition',
        file: 'test/actors/lander/kafka/landing-group.test.ts'
      },
      {
        about: 'Commits beside maintenance, in random interleavings',
        file: 'test/actors/repair/maintenance-model.test.ts'
      },
      {
        about: 'Catalogs that conflict, fail before or after applying, time out or reset',
        file: 'test/adapters/iceberg/rest-model.test.ts'
      },
      {
        about: 'The log’s disk torn at any byte of a crash',
        file: 'test/adapters/log/log-crash.test.ts'
      },
      { about: 'The judge finds each class of damage', file: 'test/chaos/oracle/oracle.test.ts' }
    ],
    scenarios: [
      'broker-kill',
      'broker-pause',
      'lander-kill',
      'registry-down',
      'catalog-down',
      'store-down',
      'everything'
    ],
    isSimulated: true
  },
  {
    promise:
      'Every hole is explained: a trade that the exchange issued and the table lacks stands in ' +
      'the gap ledger with its id range and reason, and is healed once pressure is over.',
    proofs: [
      {
        about: 'SIGKILL of K2, also within a commit of the ledger: ledger = what the table lacks',
        file: 'test/e2e/gaps.test.ts'
      },
      { about: 'SIGKILL under load, then table = exchange', file: 'test/e2e/healing.test.ts' },
      {
        about: 'Shed, paused, refused and conflated: each id is in the table or in one claim',
        file: 'test/actors/letting-go.test.ts'
      }
    ],
    scenarios: ['ingest-kill', 'socket-storm', 'everything'],
    isSimulated: true
  },
  {
    promise:
      'Memory and disk are bounded whatever happens downstream: every queue has a byte limit, ' +
      'and what exceeds it goes to disk or is shed by rule, and counted.',
    proofs: [
      {
        about: 'Buffers and workers raise the level, and it falls once they are released',
        file: 'test/actors/degradation/pressure.test.ts'
      },
      {
        about: 'The disk limit is reached: batches wait, and land later',
        file: 'test/actors/runtime.test.ts'
      }
    ],
    scenarios: ['disk-full'],
    isSimulated: false
  },
  {
    promise:
      'Every transition explains itself: which signal, which value, which threshold, which action.',
    proofs: [
      {
        about: 'Both sides of each threshold, each state and transition, random signals',
        file: 'test/machines/degradation-machine.test.ts'
      },
      { about: 'Levels as seen over HTTP', file: 'test/actors/degradation/over-http.test.ts' }
    ],
    scenarios: [],
    isSimulated: false
  }
]

export const notTested: readonly string[] = [
  'The real venue: every exchange here is simulated or a recording of the real one.',
  'The loss of a machine or its disk, or a disk that lies about fsync: one machine ran all of it.',
  'A partition between brokers, and the loss of an unclean leader: the fault tests use one broker.',
  'Clocks that differ between machines. Steps of one clock are simulated.',
  'Runs of days: the longest fault of a run is told above; ages of hours run on a simulated clock.',
  'The container images: the compose file and the Dockerfile are validated, not started.',
  'Operating systems other than Linux, and file systems other than ext4 and tmpfs.',
  'A repeated read (tokens): that promise is not built yet.'
]
