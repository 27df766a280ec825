/**
 * What the commands that work on a table open: the table itself, which must exist, and what can be
 * known of the log.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { tradesSpec, quotesSpec } from '../actors/data-types.ts'
import { embeddedLogFacts, type LogFacts } from '../actors/operator/log-facts.ts'
import { type DataFolder, dataFolderAt, openTable } from '../actors/storage/data-folder.ts'
import { storageSettingsOf } from '../actors/storage/stores.ts'
import type { Config } from '../adapters/config/config.ts'
import { suggestion } from '../adapters/config/suggestion.ts'
import type { Table } from '../adapters/iceberg/table.ts'
import type { Flag, Given } from './command-line.ts'

export const tableFlag: Flag = {
  name: '--table',
  value: 'market.trades',
  about: 'Table: market.trades (the preset) or market.quotes.'
}

/** A flag of a command has a value that it cannot have. */
export class FlagRejected extends Schema.TaggedError<FlagRejected>()('FlagRejected', {
  flag: Schema.String,
  value: Schema.String,
  allowed: Schema.String
}) {
  override get message() {
    return `${this.flag} is "${this.value}", but must be ${this.allowed}`
  }
}

const specs = { 'market.trades': tradesSpec, 'market.quotes': quotesSpec } as const

type TableName = keyof typeof specs
type OperatorSpec = (typeof specs)[TableName]

export interface OperatorContext {
  readonly spec: OperatorSpec
  readonly table: Table
  readonly folder: DataFolder
}

/** Opens the table that `--table` names. */
export const openOperatorTable = ({ config, values }: Given) =>
  Effect.gen(function* () {
    const name = values.get(tableFlag.name) ?? 'market.trades'
    const known = new Set<string>(Object.keys(specs))
    if (!known.has(name)) {
      const allowed = `${[...known].join(' or ')}${suggestion(name, known)}`
      return yield* new FlagRejected({ flag: tableFlag.name, value: name, allowed })
    }
    const spec = specs[name as TableName]
    const folder = dataFolderAt(config.dataDir)
    const table = yield* openTable(spec, {
      folder,
      storage: storageSettingsOf(config),
      snapshotsMax: config.snapshotsMax,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: () => undefined,
      mustExist: true
    })
    const context: OperatorContext = { spec, table, folder }
    return context
  })

/** Of the log that the configuration names. */
export const logFactsOf = (config: Config, folder: DataFolder) =>
  config.kafkaBootstrapServers === undefined
    ? embeddedLogFacts(folder.log)
    : Effect.succeed<LogFacts>({ missing: 'bounds of Kafka topics are not looked at' })
