/**
 * What the checker is given, in a DuckDB of its own: the exchange's record, the log, the table, and
 * the explanations of what is missing. Memory is bounded: the rest lies in the work folder.
 */
import { existsSync, openSync, closeSync, fstatSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { partitionOfKey } from './murmur2.ts'

/** Ids that may be missing, by id or by time of issue; `symbol` `*` stands for all. */
export type Explanation = { readonly symbol: string; readonly reason: string } & (
  | { readonly fromId: number; readonly toId: number }
  | { readonly fromMs: number; readonly toMs: number }
)

export interface EvidenceInput {
  /** Folder of the exchange's record. */
  readonly issued: string
  /** Lines of `log-dump.ts`; absent: the log is not looked at. */
  readonly log: string | undefined
  /** Parquet of `dump_table.py`; absent where the table has no row. */
  readonly table: string | undefined
  readonly explanations: readonly Explanation[]
  readonly whole: IssueSpan | undefined
  /** What was written to a connection this long before it ended may not have arrived, ms. */
  readonly cutGraceMs: number
  /** By topic, as the table records it. */
  readonly partitionCounts: ReadonlyMap<string, number>
}

/** What was issued in it must be there: nothing explains its absence. Unix ms, both inclusive. */
export interface IssueSpan {
  readonly fromMs: number
  readonly toMs: number
}

/** The evidence is not whole, so nothing can be said. */
export class EvidenceIncomplete extends Error {}

const memory = '700MiB'

export interface Evidence {
  readonly rows: (sql: string) => Promise<readonly (readonly string[])[]>
  readonly close: () => void
}

/** Loads everything; `work` is a folder of the caller's own. */
export const openEvidence = async (work: string, input: EvidenceInput): Promise<Evidence> => {
  checkRecord(input.issued)
  const instance = await DuckDBInstance.create(join(work, 'evidence.duckdb'), {
    threads: '1',
    memory_limit: memory,
    temp_directory: work,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false'
  })
  const connection = await instance.connect()
  const rows = async (sql: string) => {
    const reader = await connection.runAndReadAll(sql)
    return reader.getRows().map((row) => row.map(String))
  }
  await connection.run("SET TimeZone = 'UTC'")
  await load(connection, input)
  await loadHomes(connection, rows, input)
  return {
    rows,
    close: () => {
      connection.closeSync()
      instance.closeSync()
    }
  }
}

const checkRecord = (folder: string): void => {
  const path = join(folder, 'trades.csv')
  if (!existsSync(path)) throw new EvidenceIncomplete(`${folder} holds no record of an exchange`)
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const tail = Buffer.alloc(Math.min(size, 16))
    readSync(file, tail, 0, tail.length, size - tail.length)
    const text = tail.toString('latin1')
    if (text.endsWith('#full\n'))
      throw new EvidenceIncomplete(`${path} was full before the exchange ended`)
    if (!text.endsWith('\n')) throw new EvidenceIncomplete(`${path} ends in the midst of a line`)
  } finally {
    closeSync(file)
  }
}

const load = async (connection: DuckDBConnection, input: EvidenceInput): Promise<void> => {
  const { issued, log, table } = input
  await connection.run(
    `CREATE TABLE issued AS
       SELECT symbol, id, any_value(price) AS price, any_value(quantity) AS quantity,
         any_value(trade_ms) * 1000 AS time_us, min(issued_ms) AS issued_ms,
         max(deliveries) AS deliveries
       FROM ${csv(join(issued, 'trades.csv'), issuedColumns)} GROUP BY symbol, id;
     CREATE TABLE logged (${loggedColumns});
     CREATE TABLE landed (${landedColumns})`
  )
  if (log !== undefined) {
    await connection.run(`INSERT INTO logged SELECT * FROM ${csv(log, loggedColumns)}`)
  }
  if (table !== undefined) {
    await connection.run(
      `INSERT INTO landed SELECT message_id, symbol, exchange, source_sequence,
         price, quantity, epoch_us("timestamp"), file_exchange, file_day,
         k2_partition, split_part(k2_partition, '/', -3), split_part(k2_partition, '/', -2),
         split_part(k2_partition, '/', -1)::INTEGER, k2_offset
       FROM read_parquet(${literal(table)})`
    )
  }
  await loadExplanations(connection, input)
}

const issuedColumns =
  'symbol VARCHAR, id BIGINT, price DECIMAL(18, 8), quantity DECIMAL(18, 8), ' +
  'trade_ms BIGINT, issued_ms BIGINT, deliveries INTEGER'

const loggedColumns =
  'kafka_partition INTEGER, log_offset BIGINT, message_id VARCHAR, symbol VARCHAR, ' +
  'id BIGINT, price DECIMAL(18, 8), quantity DECIMAL(18, 8), time_us BIGINT'

const landedColumns =
  'message_id VARCHAR, symbol VARCHAR, exchange VARCHAR, id BIGINT, price DECIMAL(18, 8), ' +
  'quantity DECIMAL(18, 8), time_us BIGINT, file_exchange VARCHAR, file_day INTEGER, ' +
  'label VARCHAR, log VARCHAR, topic VARCHAR, kafka_partition INTEGER, log_offset BIGINT'

const loadExplanations = async (
  connection: DuckDBConnection,
  { issued, explanations, cutGraceMs, whole }: EvidenceInput
): Promise<void> => {
  await connection.run('CREATE TABLE whole (low BIGINT, high BIGINT)')
  if (whole !== undefined) {
    await connection.run(`INSERT INTO whole VALUES (${whole.fromMs}, ${whole.toMs})`)
  }
  await connection.run(
    `CREATE TABLE by_id (symbol VARCHAR, low BIGINT, high BIGINT, reason VARCHAR);
     CREATE TABLE by_time (symbol VARCHAR, low BIGINT, high BIGINT, reason VARCHAR)`
  )
  for (const explanation of explanations) {
    const { symbol, reason } = explanation
    const [name, low, high] =
      'fromId' in explanation
        ? ['by_id', explanation.fromId, explanation.toId]
        : ['by_time', explanation.fromMs, explanation.toMs]
    await connection.run(
      `INSERT INTO ${name} VALUES (${literal(symbol)}, ${low}, ${high}, ${literal(reason)})`
    )
  }
  const path = join(issued, 'connections.csv')
  const hasEnds = existsSync(path) && readFileSync(path, 'utf8').split('\n').length > 2
  await connection.run('CREATE TABLE cuts (low BIGINT, high BIGINT, reason VARCHAR)')
  if (!hasEnds) return
  await connection.run(
    `INSERT INTO cuts SELECT closed_ms - ${cutGraceMs}, closed_ms, 'connection_ended'
     FROM ${csv(path, 'connection BIGINT, opened_ms BIGINT, closed_ms BIGINT, reason VARCHAR')}`
  )
}

/** Where each symbol belongs (murmur2 of the key, modulo the partition count). */
const loadHomes = async (
  connection: DuckDBConnection,
  rows: Evidence['rows'],
  { partitionCounts }: EvidenceInput
): Promise<void> => {
  await connection.run(
    'CREATE TABLE homes (topic VARCHAR, symbol VARCHAR, kafka_partition INTEGER)'
  )
  const symbols = await rows('SELECT symbol FROM landed UNION SELECT symbol FROM logged')
  for (const [topic, count] of partitionCounts) {
    for (const [symbol = ''] of symbols) {
      const home = partitionOfKey(symbol, count)
      await connection.run(
        `INSERT INTO homes VALUES (${literal(topic)}, ${literal(symbol)}, ${home})`
      )
    }
  }
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

const csv = (path: string, columns: string): string => {
  const types = columns
    .split(/, (?=[a-z])/)
    .map((column) => column.split(/ (.*)/s))
    .map(([name, type = '']) => `'${name}': '${type}'`)
  return `read_csv(${literal(path)}, header = true, columns = {${types.join(', ')}})`
}
