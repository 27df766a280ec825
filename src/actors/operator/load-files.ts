/**
 * Loads CSV files: rows become records, which go through the log into the table.
 *
 * 1. What the table has of a file is not sent again: a load that was stopped goes on there.
 * 2. A row that cannot be loaded costs itself: it is told to `reject`, with its line and why.
 * 3. In memory is a batch of rows, and what log and lander are bounded to.
 */
import * as Effect from 'effect/Effect'
import { type CsvRow, csvBatches, loadOf } from '../../adapters/csv/csv-file.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import { PackedRecordsBuilder } from '../../adapters/log/record-batch.ts'
import type { LoadSource } from '../../market/load/load-source.ts'
import type { LoadForms, ReadRow } from '../../market/load/load-forms.ts'
import { RowRejected } from '../../market/load/row-fields.ts'
import { LoadRefused } from './load-log.ts'
import type { Load } from './open-load.ts'
import type { KeyedRecord, LoadFacts, RowRecords } from './row-records.ts'

export interface LoadedFile {
  readonly path: string
  readonly load: string
  readonly form: string
  readonly rows: number
  readonly rejected: number
  /** Rows that the table is known to have had: never those whose source numbers them. */
  readonly skipped: number
  /** Loads of the same symbols that the table has besides. */
  readonly otherLoads: readonly string[]
  /** Microseconds; null where no row has a time. */
  readonly oldestUs: number | null
}

export interface LoadOptions<R, A> {
  readonly forms: LoadForms<R>
  readonly source: LoadSource
  /** Absent: the rows are read and judged, and nothing is written. */
  readonly to: LoadTarget<A> | undefined
  /** What makes records of the rows of a file. */
  readonly records: (file: LoadFacts) => RowRecords<R, A>
  /** When a record is of; absent where its day says nothing. */
  readonly timeUsOf?: (record: A) => number
  readonly batchRows: number
  readonly reject: (row: { readonly line: number; readonly reason: string; raw: string }) => void
  /** After each batch: rows read of the file, and how much of it that is. */
  readonly progress: (rows: number, fraction: number) => void
}

export interface LoadTarget<A> {
  readonly load: Load
  readonly codec: { readonly fingerprint: string; readonly encode: (record: A) => Uint8Array }
}

export const loadFile = <R, A>(
  path: string,
  options: LoadOptions<R, A>
): Effect.Effect<LoadedFile, { readonly message: string }> =>
  Effect.gen(function* () {
    const load = yield* reading(path, () => loadOf(path))
    const batches = csvBatches(path, options.batchRows)
    const file = new FileLoad(path, load, options)
    for (;;) {
      const next = yield* reading(path, () => batches.next())
      if (next.done === true) return file.summary
      const taken = yield* taking(() => file.take(next.value.rows))
      for (const [partition, packed] of taken) {
        yield* options.to!.load.append(partition, packed.take(options.to!.codec.fingerprint))
      }
      options.progress(file.summary.rows, next.value.fraction)
    }
  })

const reading = <T>(path: string, run: () => Promise<T>): Effect.Effect<T, LoadRefused> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => new LoadRefused({ detail: `${path}: ${messageOf(error)}` })
  })

/** A file of no form that is known is a failure, all else a defect. */
const taking = <T>(run: () => T): Effect.Effect<T, LoadRefused> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (error) {
      return error instanceof LoadRefused ? Effect.fail(error) : Effect.die(error)
    }
  })

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

class FileLoad<R, A> {
  readonly #path: string
  readonly #load: string
  readonly #options: LoadOptions<R, A>
  readonly #records: RowRecords<R, A>
  #read: ReadRow<R> | undefined
  #form = ''
  #rows = 0
  #rejected = 0
  #skipped = 0
  #oldestUs: number | null = null

  constructor(path: string, load: string, options: LoadOptions<R, A>) {
    this.#path = path
    this.#load = load
    this.#options = options
    const { exchange } = options.source
    const sequences = options.to?.load.sequences ?? {}
    this.#records = options.records({ exchange, load, sequences })
  }

  get summary(): LoadedFile {
    return {
      path: this.#path,
      load: this.#load,
      form: this.#form,
      rows: this.#rows,
      rejected: this.#rejected,
      skipped: this.#skipped,
      otherLoads: this.#records.otherLoads(),
      oldestUs: this.#oldestUs
    }
  }

  /** What of the rows is to be appended, by partition. */
  take(rows: readonly CsvRow[]): ReadonlyMap<number, PackedRecordsBuilder> {
    const packed = new Map<number, PackedRecordsBuilder>()
    for (const row of rows) {
      if (this.#read === undefined && row.fault === undefined) {
        if (this.#recognise(row)) continue
      }
      this.#rows++
      try {
        if (row.fault !== undefined) throw new RowRejected(row.fault)
        this.#pack(this.#records.recordOf(this.#read!(row.fields), row.line), packed)
      } catch (error) {
        if (!(error instanceof RowRejected)) throw error
        this.#rejected++
        this.#options.reject({ line: row.line, reason: error.message, raw: row.raw })
      }
    }
    return packed
  }

  /** Whether the row is a header. @throws LoadRefused if the file has no form that is known. */
  #recognise({ fields }: CsvRow): boolean {
    const { forms, source } = this.#options
    const form = forms.of(fields)
    if (form === undefined) {
      const detail = `${this.#path}: neither header nor row of a known form (${forms.wanted})`
      throw new LoadRefused({ detail })
    }
    if (!form.namesSymbol && source.symbol === undefined) {
      const detail = `${this.#path}: ${form.name} do not name their symbol: give it by --symbol`
      throw new LoadRefused({ detail })
    }
    this.#form = form.name
    this.#read = form.reader(source, Date.now() * 1_000)
    return form.hasHeader
  }

  #pack(keyed: KeyedRecord<A> | undefined, packed: Map<number, PackedRecordsBuilder>): void {
    const { to, timeUsOf } = this.#options
    if (keyed === undefined) this.#skipped++
    else if (timeUsOf !== undefined)
      this.#oldestUs = Math.min(this.#oldestUs ?? Infinity, timeUsOf(keyed.record))
    if (to === undefined || keyed === undefined) return
    const partition = partitionOf(keyed.key, to.load.partitions)
    let builder = packed.get(partition)
    if (builder === undefined) packed.set(partition, (builder = new PackedRecordsBuilder()))
    builder.add(keyed.key, to.codec.encode(keyed.record))
  }
}
