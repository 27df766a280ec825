/**
 * Holds the table against the log, both read from the files of a process that is dead.
 *
 * 1. Row by row: the rows of a partition are the log's records below the table's offset, each once,
 *    at its own offset, with its own values; no row is from anywhere else. What retention has
 *    removed from the log has landed (R31).
 * 2. Over time: the table's offsets and the log only grow, and the log has all that was
 *    acknowledged.
 * 3. No id is in the table twice, and a symbol's ids ascend in the log.
 */
import { formatDecimal } from '../../src/market/decimal.ts'
import { type LoggedTrade, LogFolder } from './log-folder.ts'
import { dataFiles, type OpenedTable, openTable, runSql, summaryOf } from './warehouse.ts'

export interface Standing {
  /** Records of the log, rows of the table. */
  readonly logged: number
  readonly landed: number
}

/** Records that are not in the table yet, as it was when last looked at. */
interface Pending {
  /** Offset of the first. */
  from: number
  lines: string[]
}

export class Exactness {
  readonly #dataFolder: string
  readonly #topic: string
  readonly #log: LogFolder
  readonly #pendingByPartition = new Map<number, Pending>()
  readonly #lastIds = new Map<string, number>()

  constructor(dataFolder: string, topic: string) {
    this.#dataFolder = dataFolder
    this.#topic = topic
    this.#log = new LogFolder(dataFolder, topic)
  }

  /**
   * @param acknowledged records that K2 has called durable since the folder was made
   * @throws Error that names the first fault
   */
  async check(acknowledged: number): Promise<Standing> {
    this.#log.readNew({
      onRecord: (record) => this.#note(record),
      onRemoved: (partition, beforeOffset) => {
        Object.assign(this.#pending(partition), { from: beforeOffset, lines: [] })
      }
    })
    const { identity, recordCount: logged } = this.#log
    require(logged >= acknowledged, `${acknowledged} were acknowledged, the log has ${logged}`)
    const table = openTable(this.#dataFolder)
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

  #note(record: LoggedTrade): void {
    const { partition, trade } = record
    this.#pending(partition).lines.push(lineOfTrade(record))
    const id = trade.source_sequence ?? -1
    const last = this.#lastIds.get(trade.symbol) ?? -1
    require(id > last, `the log has ${trade.message_id} behind id ${last}`) // (3)
    this.#lastIds.set(trade.symbol, id)
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
        const count = String(offset)
        const label = `${identity}/${this.#topic}/${partition}`
        return [label, count, count, '0', String(offset - 1), count].join(' ')
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
    const wanted = pending.lines.splice(0, offset - from)
    pending.from = offset
    if (wanted.length === 0) return
    const rows = await runSql(
      `SELECT concat_ws('|', ${columns.join(', ')}) FROM ${parquet(files)}
       WHERE k2_partition = '${identity}/${this.#topic}/${partition}' AND k2_offset >= ${from}
       ORDER BY k2_offset`
    )
    require(rows.length === wanted.length, `${rows.length} rows of ${wanted.length} new offsets`)
    for (const [index, [line]] of rows.entries()) {
      require(line === wanted[index], `the table has\n${line}\nwhere the log has\n${wanted[index]}`)
    }
  }
}

/** What is compared of a row, in the order of `lineOfTrade`. */
const columns = [
  'k2_offset',
  'message_id',
  'trade_id',
  'symbol',
  'exchange',
  'asset_class',
  'epoch_us("timestamp")',
  'price',
  'quantity',
  'currency',
  'side',
  'source_sequence',
  'epoch_us(ingestion_timestamp)',
  "coalesce(platform_sequence::VARCHAR, 'null')",
  'to_json(trade_conditions)',
  'to_json(vendor_data)'
]

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

const lineOfTrade = ({ offset, trade }: LoggedTrade): string =>
  [
    offset,
    trade.message_id,
    trade.trade_id,
    trade.symbol,
    trade.exchange,
    trade.asset_class,
    trade.timestamp,
    formatDecimal(trade.price),
    formatDecimal(trade.quantity),
    trade.currency,
    trade.side,
    trade.source_sequence,
    trade.ingestion_timestamp,
    String(trade.platform_sequence),
    JSON.stringify(trade.trade_conditions),
    JSON.stringify(trade.vendor_data)
  ].join('|')
