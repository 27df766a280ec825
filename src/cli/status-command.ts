/**
 * `npm run k2 -- status`: what a data folder holds and who has it open, by reading alone; by
 * `--url`, how a running K2 is.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { doesExist } from '../adapters/disk/folders.ts'
import { formatBytes } from '../adapters/config/values.ts'
import { answerFromApi, type ApiAnswer, runCommand, urlFlag } from './ask-api.ts'
import type { Command, CommandIo, Given } from './command-line.ts'
import { printTable } from './rows-output.ts'

export const statusCommand: Command = {
  name: 'status',
  about: 'Say what the data folder holds and who has it open; by --url, how a running K2 is.',
  flags: [
    { ...urlFlag, about: 'Of the K2 that runs there. Unless told, the data folder is looked at.' },
    { name: '--json', about: 'Print it as one JSON document.' }
  ],
  examples: ['npm run k2 -- status', 'npm run k2 -- status --url http://127.0.0.1:8000'],
  exitCodes: {
    0: 'well, as far as it can be seen',
    1: 'a table or the log cannot be read; or a part of that K2 is not healthy',
    2: 'there is no such folder, or K2 does not answer'
  },
  run: (given, io) =>
    given.values.has(urlFlag.name)
      ? answerFromApi(given, io, {
          path: '/health',
          decode: decodeHealth,
          tell: (answered) => tellHealth(given, answered, io),
          exitCodeOf: ({ status }) => (status === 'healthy' ? 0 : 1)
        })
      : runCommand(io, ofFolder(given, io))
}

const ofFolder = ({ config, values }: Given, io: CommandIo) =>
  Effect.gen(function* () {
    if (!(yield* doesExist(config.dataDir))) {
      return yield* Effect.fail(
        new Error(
          `there is no data folder ${config.dataDir}: name one by --data-dir, start K2, or ask ` +
            'one that runs elsewhere by --url'
        )
      )
    }
    const { folderStatus } = yield* loadFolderStatus
    const status = yield* folderStatus(config)
    if (values.has('--json')) io.print(JSON.stringify(status, undefined, 2))
    else tellFolder(status, io)
    return status.faults.length === 0 ? 0 : 1
  })

// Loaded only where it is used: who asks a running K2 needs no table.
const loadFolderStatus = Effect.promise(() => import('../actors/operator/folder-status.ts'))

type Folder = Effect.Success<
  ReturnType<Effect.Success<typeof loadFolderStatus>['folderStatus']>
>

const tellFolder = (status: Folder, io: CommandIo): void => {
  const { folder, bytes, pid, tables, topics, faults } = status
  const writer = pid === null ? 'no K2 has it open' : `process ${pid} has it open`
  io.print(`${folder}: ${formatBytes(bytes)}, ${writer}`)
  if (tables.length > 0)
    printTable(io, [
      ['table', 'rows', 'files', 'bytes', 'snapshots', 'committed'],
      ...tables.map((it) => [
        it.table,
        String(it.rows),
        String(it.files),
        String(it.bytes),
        String(it.snapshots),
        it.committedMs === null ? '' : new Date(it.committedMs).toISOString()
      ])
    ])
  if (topics.length > 0)
    printTable(io, [
      ['topic', 'partitions', 'records that wait'],
      ...topics.map((it) => [it.topic, String(it.partitions), String(it.waiting)])
    ])
  for (const fault of faults) io.complain(fault)
}

const tellHealth = (
  { values }: Given,
  { text, answer }: ApiAnswer<ReturnType<typeof decodeHealth>>,
  io: CommandIo
): void => {
  if (values.has('--json')) {
    io.print(text)
    return
  }
  const { version, status, level, components } = answer
  io.print(`K2 ${version} is ${status}, at level ${level ?? 'not known yet'}`)
  printTable(
    io,
    components.map(({ name, status: state, detail = '' }) => [name, state, detail])
  )
}

const decodeHealth = Schema.decodeUnknownSync(
  Schema.Struct({
    version: Schema.String,
    status: Schema.String,
    level: Schema.NullOr(Schema.String),
    components: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        status: Schema.String,
        detail: Schema.optional(Schema.String)
      })
    )
  })
)
