/**
 * What the commands that work on a table open: the table itself, which must exist, and what can be
 * known of the log.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { connectionOf } from '../actors/log/kafka-settings.ts'
import { kafkaLogFacts } from '../actors/operator/kafka-facts.ts'
import { embeddedLogFacts, type LogFacts } from '../actors/operator/log-facts.ts'
import { type MaintainedTable, maintainedTables } from '../actors/operator/maintain-tables.ts'
import { tableContextOf } from '../actors/operator/table-context.ts'
import { type DataFolder, openTableIn } from '../actors/storage/data-folder.ts'
import { openStores, type Stores } from '../actors/storage/stores.ts'
import type { Config } from '../adapters/config/config.ts'
import { suggestion } from '../adapters/config/suggestion.ts'
import { readRecordedState, type Table } from '../adapters/iceberg/table.ts'
import type { Flag, Given } from './command-line.ts'
import { noDataFolder } from './no-data.ts'

const tables = Object.keys(maintainedTables)

export const tableFlag: Flag = {
  name: '--table',
  value: 'market.trades',
  about: `Table: market.trades (the preset) or another of ${tables.join(', ')}.`,
  values: tables
}

/** Of a table, which may be given without its namespace. */
export const fullName = (table: string): string =>
  table.includes('.') ? table : `market.${table}`

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

class NoDataFolder extends Schema.TaggedError<NoDataFolder>()('NoDataFolder', {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

type OperatorSpec = (typeof maintainedTables)[MaintainedTable]

export interface OperatorContext {
  readonly spec: OperatorSpec
  readonly table: Table
  readonly folder: DataFolder
  readonly listBelow: Stores['listBelow']
}

/** Opens the table that `--table` names. */
export const openOperatorTable = (given: Given) =>
  Effect.gen(function* () {
    const { config, values } = given
    const detail = noDataFolder(given)
    if (detail !== undefined) return yield* new NoDataFolder({ detail })
    const name = fullName(values.get(tableFlag.name) ?? 'trades')
    const known = new Set<string>(tables)
    if (!known.has(name)) {
      const allowed = `${[...known].join(' or ')}${suggestion(name, known)}`
      return yield* new FlagRejected({ flag: tableFlag.name, value: name, allowed })
    }
    const spec = maintainedTables[name as MaintainedTable]
    const opening = tableContextOf(config)
    const { storage, folder, nowMs } = opening
    const stores = yield* openStores(storage, folder, nowMs)
    const table = yield* openTableIn(stores, spec, { ...opening, mustExist: true })
    const context: OperatorContext = { spec, table, folder, listBelow: stores.listBelow }
    return context
  })

/** Of the log that the configuration names; of Kafka, the topics that the table has landed. */
export const logFactsOf = (config: Config, { folder, table }: OperatorContext) =>
  Effect.gen(function* () {
    if (config.kafkaBootstrapServers === undefined)
      return yield* embeddedLogFacts([folder.log, folder.loadLog])
    const recorded = yield* readRecordedState(table).pipe(
      // Which is a finding of its own.
      Effect.catchTag(['OffsetsMissing', 'SummaryAltered'], () => Effect.succeed(null))
    )
    const topics = Object.values(recorded?.offsets ?? {}).flatMap((it) => Object.keys(it))
    return yield* kafkaLogFacts(connectionOf(config), [...new Set(topics)]).pipe(
      Effect.map((facts): LogFacts => facts),
      Effect.catch(({ message: missing }) => Effect.succeed<LogFacts>({ missing }))
    )
  })
