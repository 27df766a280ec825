/** `npm run k2 -- adopt-log`: has a table go on in a log that is not where the table left it. */
import * as Effect from 'effect/Effect'
import {
  adopt,
  type AdoptionPlan,
  type AdoptionPorts,
  AdoptionRefused,
  planAdoption
} from '../actors/operator/adopt-log.ts'
import type { StartingPoint } from '../actors/operator/adoption-plan.ts'
import { deadLetterBytesMax, deadLetterFileBytesMax } from '../actors/lander/dead-letter-limits.ts'
import { openDeadLetterLog } from '../adapters/dead-letters/dead-letter-log.ts'
import { goOnAt, type RepairedLog, withoutWriter } from '../adapters/log/log-repair.ts'
import { nodeFiles } from '../adapters/log/node-files.ts'
import { nodeProcess } from '../adapters/log/node-process.ts'
import type { Command, CommandIo, Given } from './command-line.ts'
import {
  FlagRejected,
  logFactsOf,
  openOperatorTable,
  type OperatorContext,
  tableFlag
} from './operator-context.ts'

const fromFlag = '--from'

export const adoptLogCommand: Command = {
  name: 'adopt-log',
  about: 'Go on in a log that is another one, was cut off, or has lost or damaged records.',
  flags: [
    tableFlag,
    {
      name: fromFlag,
      value: 'start|end|OFFSET',
      about:
        'Where to go on, or 0=start,1=500 by partition. Unless told, at the oldest place that ' +
        'passes over nothing the log has: another log from its start (what has landed does not ' +
        'land again), the same log at the first offset that it still has.'
    },
    { name: '--yes', about: 'Do it; K2 must be stopped. Without it the plan is only printed.' }
  ],
  examples: ['npm run k2 -- adopt-log', 'npm run k2 -- adopt-log --from 0=start,1=500 --yes'],
  exitCodes: {
    0: 'adopted, or nothing to do',
    1: 'there is something to adopt: --yes was not given',
    2: 'it could not be done; nothing was committed'
  },
  run: (given, io) =>
    Effect.runPromise(
      Effect.scoped(adoption(given, io)).pipe(
        Effect.catch(({ message }) =>
          Effect.sync(() => {
            io.complain(message)
            return 2
          })
        )
      )
    )
}

const adoption = (given: Given, io: CommandIo) =>
  Effect.gen(function* () {
    const from = yield* startingPoints(given.values.get(fromFlag))
    const context = yield* openOperatorTable(given)
    if (!given.values.has('--yes')) {
      const plans = yield* plansOf(given, context, from)
      plans.forEach((plan) => io.print(planText(plan)))
      io.print(plans.length === 0 ? 'nothing to adopt' : 'stop K2 and repeat with --yes to do this')
      return plans.length === 0 ? 0 : 1
    }
    if (given.config.kafkaBootstrapServers !== undefined) {
      return yield* doAdopt({ given, context, from, io, goOnAt: () => notInKafka })
    }
    const process = yield* Effect.promise(nodeProcess)
    const facts = yield* logFactsOf(given.config, context)
    const directoryOf = (topic: string): string =>
      ('missing' in facts ? undefined : facts.directoryOf(topic)) ?? context.folder.log
    const topics = 'missing' in facts ? [] : [...facts.topics.keys()]
    const repaired = (directory: string): RepairedLog => ({ directory, files: nodeFiles, process })
    const go = (at: GoingOn) => goOnAt(repaired(directoryOf(at.topic)), at)
    const directories = new Set([context.folder.log, ...topics.map(directoryOf)])
    return yield* [...directories].reduce(
      (doing, directory) => withoutWriter(repaired(directory), doing),
      doAdopt({ given, context, from, io, goOnAt: go }) as Adopting
    )
  })

type GoingOn = Parameters<typeof goOnAt>[1]
type Adopting = Effect.Effect<number, { readonly message: string }>

/** A plan for Kafka never asks for it. */
const notInKafka = Effect.die(new Error('a topic of Kafka goes on where it ends'))

interface Doing {
  readonly given: Given
  readonly context: OperatorContext
  readonly from: StartingPoints
  readonly io: CommandIo
  readonly goOnAt: AdoptionPorts['goOnAt']
}

const doAdopt = ({ given, context, from, io, goOnAt: go }: Doing) =>
  Effect.gen(function* () {
    const { table, folder, spec } = context
    const plans = yield* plansOf(given, context, from)
    const letters = yield* openDeadLetterLog({
      folder: folder.deadLetters,
      name: `adopt-${spec.name}`,
      fileBytesMax: deadLetterFileBytesMax,
      bytesMax: deadLetterBytesMax
    })
    for (const plan of plans) {
      const { snapshotId } = yield* adopt(plan, {
        table,
        goOnAt: go,
        writeLetters: letters.write
      })
      io.print(`${planText(plan)}\ncommitted as snapshot ${snapshotId}; start K2 to go on`)
    }
    if (plans.length === 0) io.print('nothing to adopt')
    return 0
  }).pipe(Effect.scoped)

const plansOf = ({ config }: Given, context: OperatorContext, from: StartingPoints) =>
  Effect.gen(function* () {
    const { table, spec } = context
    if (spec.name === 'gaps') {
      const reason = 'market.gaps needs no adoption: the ledger goes on with any log of claims'
      return yield* new AdoptionRefused({ reasons: [reason] })
    }
    if (spec.name === 'candles_1m') {
      const reason = 'market.candles_1m needs no adoption: it is made of the trades, not of a log'
      return yield* new AdoptionRefused({ reasons: [reason] })
    }
    const log = yield* logFactsOf(config, context)
    if ('missing' in log) {
      const isKafka = config.kafkaBootstrapServers !== undefined
      const reason = isKafka ? log.missing : `${log.missing}; start K2 once, which makes one`
      return yield* new AdoptionRefused({ reasons: [reason] })
    }
    return yield* planAdoption({ table, log, from })
  })

type StartingPoints = (partition: number) => StartingPoint | undefined

const startingPoints = (text: string | undefined) => {
  if (text === undefined) return Effect.succeed<StartingPoints>(() => undefined)
  const allowed = 'start, end or an offset, or such by partition: 0=start,1=500'
  const refused = new FlagRejected({ flag: fromFlag, value: text, allowed })
  const forAll = pointOf(text)
  if (forAll !== undefined) return Effect.succeed<StartingPoints>(() => forAll)
  const byPartition = new Map<number, StartingPoint>()
  for (const part of text.split(',')) {
    const [, partition, value = ''] = /^(\d{1,6})=(.+)$/.exec(part) ?? []
    const point = pointOf(value)
    if (partition === undefined || point === undefined) return Effect.fail(refused)
    byPartition.set(Number(partition), point)
  }
  return Effect.succeed<StartingPoints>((partition) => byPartition.get(partition))
}

const pointOf = (text: string): StartingPoint | undefined => {
  if (text === 'start' || text === 'end') return text
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

const planText = ({ topic, logIdentity, retired, partitions }: AdoptionPlan): string =>
  [
    `${topic} in log ${logIdentity}`,
    ...Object.entries(retired).map(
      ([identity, offsets]) =>
        `  gives up log ${identity}, landed to ${JSON.stringify(offsets)}: what it holds beyond ` +
        'is not landed, and becomes holes'
    ),
    ...partitions.map(
      ({ partition, from, to, reason }) =>
        `  partition ${partition}: ${from === null ? '' : `from ${from} `}to ${to}; ${reason}`
    )
  ].join('\n')
