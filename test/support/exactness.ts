/**
 * Holds the table against the log, both read when no process works on them: from the files of a
 * data folder, or from the services that have them.
 *
 * 1. Row by row: the rows of a partition are the log's records below the table's offset, each once,
 *    at its own offset, with its own values; no row is from anywhere else. What retention has
 *    removed from the log has landed (R31).
 * 2. Over time: the table's offsets and the log only grow, and the log has all that was
 *    acknowledged.
 * 3. No id is in the table twice, and a symbol's ids ascend in the log. Where K2 was killed while
 *    it had a spool, the log may repeat what it has (R36); that lands once.
 */
import { formatDecimal } from '../../src/market/decimal.ts'
import { topicName } from '../../src/market/instrument.ts'
import { quoteV2Schema } from '../../src/market/records/quote-v2.ts'
import { tradeV2Schema } from '../../src/market/records/trade-v2.ts'
import { type LoggedRecord, LogFolder, type LogVisitor } from './log-folder.ts'
import { dataFiles, type OpenedTable, openTable, runSql, summaryOf } from './warehouse.ts'

export interface Standing {
  /** Records of the log, rows of the table. */
  readonly logged: number
  readonly landed: number
}

/** One data type of a data folder. */
export interface CheckedData {
  readonly topic: string
  readonly table: string
  readonly schema: { readonly fields: readonly Field[] }
}

/** A topic; each call of `readNew` goes on where the last one ended. */
export interface CheckedLog {
  /** Names the log in `k2.offsets`; undefined while there is none. */
  readonly identity: string | undefined
  readonly recordCount: number
  readonly readNew: (visitor: LogVisitor) => void | Promise<void>
}

/** What is not in the data folder. */
interface Elsewhere {
  readonly log?: CheckedLog | undefined
  readonly openTable?: ((name: string) => Promise<OpenedTable | undefined>) | undefined
}

interface ExactnessOptions extends Elsewhere {
  /** Whether the log may have records again (3). */
  readonly mayRepeat?: boolean
}

/** What K2 captures of an exchange. */
export const checkedData = (
  exchange: string
): readonly [trades: CheckedData, quotes: CheckedData] => [
  { topic: topicName('crypto', 'trades', exchange), table: 'trades', schema: tradeV2Schema },
  { topic: topicName('crypto', 'quotes', exchange), table: 'quotes', schema: quoteV2Schema }
]

/** Records that are not in the table yet, as it was when last looked at. */
interface Pending {
  /** Offset of the first. */
  from: number
  /** Undefined for a repeat. */
  lines: (string | undefined)[]
}

export class Exactness {
  readonly #openTable: () => OpenedTable | undefined | Promise<OpenedTable | undefined>
  readonly #topic: string
  readonly #fields: readonly Field[]
  readonly #columns: readonly string[]
  readonly #log: CheckedLog
  readonly #pendingByPartition = new Map<number, Pending>()
  readonly #lastIds = new Map<string, number>()
  readonly #mayRepeat: boolean
  /** Where records may be repeated: those that are there. */
  readonly #known = new Set<string>()
  /** By partition: offsets of repeats. */
  readonly #repeats = new Map<number, number[]>()

  constructor(
    dataFolder: string,
    { topic, table, schema }: CheckedData,
    { mayRepeat = false, ...elsewhere }: ExactnessOptions = {}
  ) {
    this.#mayRepeat = mayRepeat
    this.#openTable = () => (elsewhere.openTable ?? ((it) => openTable(dataFolder, it)))(table)
    this.#topic = topic
    this.#fields = schema.fields
    this.#columns = columnsOf(schema.fields)
    this.#log = elsewhere.log ?? new LogFolder(dataFolder, topic, schema)
  }

  /** Repeats that the log has been found to hold. */
  get repeatCount(): number {
    return [...this.#repeats.values()].reduce((sum, offsets) => sum + offsets.length, 0)
  }

  /**
   * @param acknowledged records that K2 has called durable since the folder was made
   * @throws Error that names the first fault
   */
  async check(acknowledged: number): Promise<Standing> {
    await this.#log.readNew({
      onRecord: (record) => this.#note(record),
      onRemoved: (partition, beforeOffset) => {
        Object.assign(this.#pending(partition), { from: beforeOffset, lines: [] })
      }
    })
    const { identity, recordCount: logged } = this.#log
    require(logged >= acknowledged, `${acknowledged} were acknowledged, the log has ${logged}`)
    const table = await this.#openTable()
    if (table === undefined || identity === undefined) return { logged, landed: 0 }
    const offsets = recordedOffsets(table, identity, this.#topic)
    const files = (await dataFiles(table)).map(({ path }) => path)
    await this.#checkTotals(files, { identity, offsets })
    for (const partition of new Set([...offsets.keys(), ...this.#pendingByPartition.keys()])) {
      await this.#checkRows(files, { identity, partition, offset: offsets.get(partition) ?? 0 })
    }
    const landed = [...offsets.values()].reduce((sum, offset) => sum + offset, 0)
    return { logged, landed }
  }

  #note(logged: LoggedRecord): void {
    const { partition, record, offset } = logged
    const { lines } = this.#pending(partition)
    const id = record.source_sequence ?? -1
    const last = this.#lastIds.get(record.symbol) ?? -1
    if (id <= last && this.#known.has(record.message_id)) {
      lines.push(undefined)
      const repeats = this.#repeats.get(partition)
      if (repeats === undefined) this.#repeats.set(partition, [offset])
      else repeats.push(offset)
      return
    }
    require(id > last, `the log has ${record.message_id} behind id ${last}`) // (3)
    lines.push(lineOf(this.#fields, logged))
    this.#lastIds.set(record.symbol, id)
    if (this.#mayRepeat) this.#known.add(record.message_id)
  }

  #pending(partition: number): Pending {
    const pending = this.#pendingByPartition.get(partition) ?? { from: 0, lines: [] }
    this.#pendingByPartition.set(partition, pending)
    return pending
  }

  /** Each partition's rows are as many as its offset says, and no others are there. */
  async #checkTotals(
    files: readonly string[],
    at: { readonly identity: string; readonly offsets: ReadonlyMap<number, number> }
  ): Promise<void> {
    const { identity, offsets } = at
    const sql = `SELECT k2_partition, count(*), count(DISTINCT k2_offset), min(k2_offset),
        max(k2_offset), count(DISTINCT message_id)
      FROM ${parquet(files)} GROUP BY ALL ORDER BY ALL`
    const rows = files.length === 0 ? [] : await runSql(sql)
    const wanted = [...offsets]
      .filter(([, offset]) => offset > 0)
      .map(([partition, offset]) => {
        const repeats = this.#repeats.get(partition)?.filter((it) => it < offset) ?? []
        const count = String(offset - repeats.length)
        const label = `${identity}/${this.#topic}/${partition}`
        return [label, count, count, '0', String(lastOf(offset, repeats)), count].join(' ')
      })
    const found = rows.map((row) => row.join(' '))
    require(
      JSON.stringify(found) === JSON.stringify(wanted.toSorted()),
      'partition, rows, offsets, first, last, ids are ' +
        `${found.join('; ')} where the snapshot says ${wanted.join('; ')}`
    )
  }

  /** (1) for the rows that are new since the last look. */
  async #checkRows(
    files: readonly string[],
    at: { readonly identity: string; readonly partition: number; readonly offset: number }
  ): Promise<void> {
    const { identity, partition, offset } = at
    const pending = this.#pending(partition)
    const { from } = pending
    require(offset >= from, `partition ${partition} has landed to ${offset}, not to ${from}`)
    const logged = from + pending.lines.length
    require(offset <= logged, `partition ${partition} has landed to ${offset} of ${logged}`)
    const wanted = pending.lines.splice(0, offset - from).filter((line) => line !== undefined)
    pending.from = offset
    if (wanted.length === 0) return
    const rows = await runSql(
      `SELECT concat_ws('|', ${this.#columns.join(', ')}) FROM ${parquet(files)}
       WHERE k2_partition = '${identity}/${this.#topic}/${partition}' AND k2_offset >= ${from}
       ORDER BY k2_offset`
    )
    require(rows.length === wanted.length, `${rows.length} rows of ${wanted.length} new offsets`)
    for (const [index, [line]] of rows.entries()) {
      require(line === wanted[index], `the table has\n${line}\nwhere the log has\n${wanted[index]}`)
    }
  }
}

/** The last offset below `offset` that is no repeat. */
const lastOf = (offset: number, repeats: readonly number[]): number => {
  let last = offset - 1
  while (repeats.includes(last)) last -= 1
  return last
}

interface Field {
  readonly name: string
  readonly type: unknown
}

type Shape = 'timestamp' | 'nested' | 'nullable' | 'plain'

const shapeOf = ({ type }: Field): Shape => {
  const text = JSON.stringify(type)
  if (text.includes('timestamp-micros')) return 'timestamp'
  if (text.includes('"map"') || text.includes('"array"')) return 'nested'
  return text.includes('"null"') ? 'nullable' : 'plain'
}

/** By shape: a column's value as `lineOf` writes it. */
const sqlOf: Readonly<Record<Shape, (column: string) => string>> = {
  timestamp: (column) => `epoch_us(${column})`,
  nested: (column) => `to_json(${column})`,
  nullable: (column) => `coalesce(${column}::VARCHAR, 'null')`,
  plain: (column) => column
}

/** What is compared of a row, in the order of `lineOf`. */
const columnsOf = (fields: readonly Field[]): readonly string[] => [
  'k2_offset',
  ...fields.map((field) => sqlOf[shapeOf(field)](`"${field.name}"`))
]

const lineOf = (fields: readonly Field[], { offset, record }: LoggedRecord): string =>
  [
    offset,
    ...fields.map((field) => {
      const value = (record as unknown as Readonly<Record<string, unknown>>)[field.name]
      if (typeof value === 'bigint') return formatDecimal(value)
      return shapeOf(field) === 'nested' ? JSON.stringify(value) : String(value)
    })
  ].join('|')

const require = (holds: boolean, fault: string): void => {
  if (!holds) throw new Error(fault)
}

const parquet = (files: readonly string[]): string =>
  `read_parquet([${files.map((path) => `'${path}'`).join(', ')}])`

const recordedOffsets = (
  table: OpenedTable,
  identity: string,
  topic: string
): ReadonlyMap<number, number> => {
  const offsets = JSON.parse(summaryOf(table)['k2.offsets'] ?? '{}') as Record<
    string,
    Record<string, Record<string, number>>
  >
  const others = Object.keys(offsets).filter((it) => it !== identity)
  require(others.length === 0, `the table has landed from other logs: ${others.join(', ')}`)
  const partitions = Object.entries(offsets[identity]?.[topic] ?? {})
  return new Map(partitions.map(([partition, offset]) => [Number(partition), offset]))
}
