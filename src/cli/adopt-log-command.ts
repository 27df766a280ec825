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
import type { Config } from '../adapters/config/config.ts'
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
    const plans = plansOf(given.config, context, from)
    if (!given.values.has('--yes')) {
      const planned = yield* plans
      planned.forEach((plan) => io.print(planText(plan)))
      const isNothing = planned.length === 0
      io.print(isNothing ? 'nothing to adopt' : 'stop K2 and repeat with --yes to do this')
      return isNothing ? 0 : 1
    }
    // Brokers let nobody keep the others away: should a lander commit meanwhile, the adoption is
    // fenced.
    if (isKafka(given.config))
      return yield* doAdopt({ context, plans, goOnAt: () => Effect.void, io })
    const process = yield* Effect.promise(nodeProcess)
    const log: RepairedLog = { directory: context.folder.log, files: nodeFiles, process }
    const doing = doAdopt({ context, plans, goOnAt: (at) => goOnAt(log, at), io })
    return yield* withoutWriter(log, doing)
  })

const isKafka = ({ kafkaBootstrapServers }: Config): boolean => kafkaBootstrapServers !== undefined

interface Doing extends Pick<AdoptionPorts, 'goOnAt'> {
  readonly context: OperatorContext
  readonly plans: ReturnType<typeof plansOf>
  readonly io: CommandIo
}

const doAdopt = ({ context, plans: planning, goOnAt, io }: Doing) =>
  Effect.gen(function* () {
    const { table, folder, spec } = context
    const plans = yield* planning
    const letters = yield* openDeadLetterLog({
      folder: folder.deadLetters,
      name: `adopt-${spec.name}`,
      fileBytesMax: deadLetterFileBytesMax,
      bytesMax: deadLetterBytesMax
    })
    for (const plan of plans) {
      const { snapshotId } = yield* adopt(plan, {
        table,
        goOnAt,
        writeLetters: letters.write
      })
      io.print(`${planText(plan)}\ncommitted as snapshot ${snapshotId}; start K2 to go on`)
    }
    if (plans.length === 0) io.print('nothing to adopt')
    return 0
  }).pipe(Effect.scoped)

const plansOf = (config: Config, context: OperatorContext, from: StartingPoints) =>
  Effect.gen(function* () {
    const log = yield* logFactsOf(config, context)
    if ('missing' in log) {
      const remedy = isKafka(config) ? 'is it up?' : 'start K2 once, which makes one'
      return yield* new AdoptionRefused({ reasons: [`${log.missing}; ${remedy}`] })
    }
    const plans = yield* planAdoption({ table: context.table, log, from })
    const reasons = isKafka(config) ? plans.flatMap(cutOffByBrokers) : []
    if (reasons.length > 0) return yield* new AdoptionRefused({ reasons })
    return plans
  })

/** An embedded log can be told to go on where the table is; brokers cannot. */
const cutOffByBrokers = ({ topic, partitions }: AdoptionPlan): readonly string[] =>
  partitions
    .filter(({ logGoesOnAt }) => logGoesOnAt !== null)
    .map(
      ({ partition, reason }) =>
        `${topic}-${partition}: ${reason}, but Kafka will give out the offsets below it again, ` +
        'which the table holds already: delete the topic, start K2, which makes it anew, and ' +
        'adopt that one'
    )

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
