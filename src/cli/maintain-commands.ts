/**
 * `npm run k2 -- compact` and `k2 expire`: what K2 does to its tables by itself, once and now.
 *
 * Files that no snapshot names any more are deleted once the longest query is over; who does not
 * want to wait for that leaves them to `maintain orphans` by `--no-wait`.
 */
import * as Effect from 'effect/Effect'
import {
  compactNow,
  deleteFiles,
  expireNow,
  isLaidOutByItself,
  lookAt,
  maintainedTables,
  type MaintainedTable
} from '../actors/operator/maintain-tables.ts'
import { suggestion } from '../adapters/config/suggestion.ts'
import { ArgumentsRejected, type Command, type CommandIo, type Given } from './command-line.ts'
import { noDataFolder } from './no-data.ts'
import { fullName } from './operator-context.ts'

const graceMs = 60_000
const tables = Object.keys(maintainedTables) as readonly MaintainedTable[]

const tableFlag = {
  name: '--table',
  value: 'market.trades',
  about: `Only this one of ${tables.join(', ')}.`,
  values: tables
}
const noWaitFlag = {
  name: '--no-wait',
  about:
    'Delete nothing: what is left over goes by maintain orphans. Else files that no snapshot ' +
    'names any more are deleted when the longest query is over.'
}
const exitCodes = {
  0: 'done, or nothing to do',
  1: 'a table or a file could not be read or deleted; the others are done',
  2: 'wrong flags, or no data folder: nothing was done'
}
const notes = [
  'K2 may run meanwhile: each step is a commit of its own, which a commit of K2 that came first ' +
    'makes plan anew, or give up.'
]

export const compactCommand: Command = {
  name: 'compact',
  about: 'Merge small data files now, until the tables are laid out; K2 does so itself.',
  notes,
  flags: [tableFlag, noWaitFlag],
  examples: ['npm run k2 -- compact', 'npm run k2 -- compact --table market.trades --no-wait'],
  exitCodes,
  run: (given, io) => run(given, io, (name) => compaction(given, io, name))
}

export const expireCommand: Command = {
  name: 'expire',
  about: 'Let go of days beyond K2_RETENTION_DAYS and of old snapshots now; K2 does so itself.',
  notes,
  flags: [
    tableFlag,
    {
      name: '--keep',
      value: 'N',
      about: 'Snapshots that stay, 1 to 10000 (preset: K2_SNAPSHOTS_MAX). Tagged ones stay, too.'
    },
    noWaitFlag
  ],
  examples: ['npm run k2 -- expire', 'npm run k2 -- expire --table market.trades --keep 10'],
  exitCodes,
  run: (given, io) => {
    const keep = keepOf(given)
    return run(given, io, (name) => expiry(given, io, { name, keep }))
  }
}

type Work = (name: MaintainedTable) => Effect.Effect<
  readonly string[],
  { readonly _tag: string; readonly message: string }
>

/** @throws ArgumentsRejected */
const run = (given: Given, io: CommandIo, work: Work): Promise<number> => {
  const names = tablesOf(given)
  const nothing = noDataFolder(given)
  if (nothing !== undefined) {
    io.complain(nothing)
    return Promise.resolve(2)
  }
  return Effect.runPromise(maintain(given, io, { names, work, sleep: Effect.sleep }))
}

/** The exit code. `sleep` waits for the queries that run. */
const maintain = (
  given: Given,
  io: CommandIo,
  {
    names,
    work,
    sleep
  }: {
    readonly names: readonly MaintainedTable[]
    readonly work: Work
    readonly sleep: (ms: number) => Effect.Effect<void>
  }
): Effect.Effect<number> =>
  Effect.gen(function* () {
    const removed: string[] = []
    let failures = 0
    for (const name of names) {
      const files = yield* work(name).pipe(
        Effect.catch(({ _tag, message }): Effect.Effect<readonly string[]> => {
          // A data type that was never captured has no table.
          if (_tag === 'TableMissing' && names.length > 1) return Effect.succeed([])
          io.complain(`${name}: ${message}`)
          failures++
          return Effect.succeed([])
        })
      )
      removed.push(...files)
    }
    io.progress?.end()
    if (removed.length > 0) failures += yield* removeLeftOver(given, io, removed, sleep)
    return failures === 0 ? 0 : 1
  })

const removeLeftOver = (
  given: Given,
  io: CommandIo,
  removed: readonly string[],
  sleep: (ms: number) => Effect.Effect<void>
): Effect.Effect<number> => {
  const { config, values } = given
  if (values.has(noWaitFlag.name)) {
    io.print(`${removed.length} files are left over: k2 maintain orphans deletes them`)
    return Effect.succeed(0)
  }
  const waitMs = config.queryTimeoutMs + graceMs
  io.print(`${removed.length} files go in ${Math.ceil(waitMs / 1_000)} s, when no query reads them`)
  return Effect.andThen(sleep(waitMs), deleteFiles(config, removed)).pipe(
    Effect.map((failed) => {
      io.print(`${removed.length - failed} files deleted`)
      return failed
    }),
    Effect.catch(({ message }) => {
      io.complain(message)
      return Effect.succeed(1)
    })
  )
}

const compaction = ({ config }: Given, io: CommandIo, name: MaintainedTable) => {
  let groups = 0
  let files = 0
  let newFiles = 0
  if (isLaidOutByItself(name)) {
    return Effect.map(lookAt(config, name), () => {
      io.print(`${name}: lays itself out as it is made of the trades, there is nothing to merge`)
      return []
    })
  }
  return compactNow(config, name, (event) => {
    if (event.type === 'compaction.abandoned') {
      io.complain(`${name}: ${event.rows} rows were left (${event.reason}): K2 was first`)
      return
    }
    groups++
    files += event.files
    newFiles += event.newFiles
    io.progress?.show(`${name}: ${files} files merged into ${newFiles}`)
  }).pipe(
    Effect.tap(() =>
      Effect.sync(() =>
        io.print(
          groups === 0
            ? `${name}: nothing to merge`
            : `${name}: ${files} files merged into ${newFiles}, in ${groups} commits`
        )
      )
    )
  )
}

const expiry = (
  { config }: Given,
  io: CommandIo,
  { name, keep }: { readonly name: MaintainedTable; readonly keep: number }
) =>
  Effect.map(expireNow(config, name, keep), ({ beforeDay, snapshots, removed }) => {
    const days = beforeDay === null ? 'no day' : `days before ${dayText(beforeDay)}`
    io.print(`${name}: ${days} and ${snapshots} snapshots let go`)
    return removed
  })

const dayText = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10)

const tablesOf = ({ values }: Given): readonly MaintainedTable[] => {
  const asked = values.get(tableFlag.name)
  if (asked === undefined) return tables
  const found = tables.find((it) => it === fullName(asked))
  if (found !== undefined) return [found]
  throw new ArgumentsRejected(
    `--table is "${asked}", but must be ${tables.join(' or ')}${suggestion(asked, new Set(tables))}`
  )
}

const keepOf = ({ config, values }: Given): number => {
  const text = values.get('--keep')
  if (text === undefined) return config.snapshotsMax
  const keep = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (keep >= 1 && keep <= 10_000) return keep
  throw new ArgumentsRejected(`--keep is "${text}", but must be a whole number from 1 to 10000`)
}
