/**
 * Loads CSV files: rows become records, which go through the log into the table.
 *
 * 1. A record of a source without ids is `{EXCHANGE}:{symbol}:{load}-{n}`: `load` is of the file's
 *    content, `n` counts the file's accepted rows of the symbol from 1 (R26). The same content is
 *    the same load, whatever the file's name; one byte more is another.
 * 2. What the table has of a load is not sent again: a load that was stopped goes on there.
 * 3. A row that cannot be loaded costs itself: it is told to `reject`, with its line and why.
 * 4. In memory is a batch of rows, and what log and lander are bounded to.
 */
import * as Effect from 'effect/Effect'
import { type CsvRow, csvBatches, loadOf } from '../../adapters/csv/csv-file.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import { PackedRecordsBuilder } from '../../adapters/log/record-batch.ts'
import { type LoadSource } from '../../market/load/load-source.ts'
import { type LoadForms, type ReadRow, type RowContent } from '../../market/load/row-forms.ts'
import { RowRejected } from '../../market/load/row-fields.ts'
import type { SymbolSequence } from '../../market/sequence.ts'
import { type Load, LoadRefused } from './open-load.ts'

export interface LoadedFile {
  readonly path: string
  readonly load: string
  readonly form: string
  readonly rows: number
  readonly rejected: number
  /** Of a source without ids: rows that the table had. */
  readonly skipped: number
  /** Loads of the same symbols that the table has besides. */
  readonly otherLoads: readonly string[]
}

export interface LoadOptions<A> {
  readonly forms: LoadForms<A>
  readonly source: LoadSource
  /** Absent: the rows are read and judged, and nothing is written. */
  readonly to: LoadTarget<A> | undefined
  readonly batchRows: number
  readonly reject: (row: { readonly line: number; readonly reason: string; raw: string }) => void
  /** After each batch: rows read of the file, and how much of it that is. */
  readonly progress: (rows: number, fraction: number) => void
}

export interface LoadTarget<A> {
  readonly load: Load
  readonly codec: { readonly fingerprint: string; readonly encode: (record: A) => Uint8Array }
  /** The record of a row, by its ids. */
  readonly recordOf: (content: RowContent<A>['content'], ids: RecordIds) => A
}

interface RecordIds {
  readonly messageId: string
  /** `trade_id` or `quote_id`. */
  readonly ownId: string
  readonly sequence: number
}

export const loadFile = <A>(
  path: string,
  options: LoadOptions<A>
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

class FileLoad<A> {
  readonly #path: string
  readonly #load: string
  readonly #options: LoadOptions<A>
  /** Rows of each symbol that were numbered, and up to which the table has them. */
  readonly #numbers = new Map<string, { last: number; readonly landed: number }>()
  #read: ReadRow<A> | undefined
  #form = ''
  #rows = 0
  #rejected = 0
  #skipped = 0

  constructor(path: string, load: string, options: LoadOptions<A>) {
    this.#path = path
    this.#load = load
    this.#options = options
  }

  get summary(): LoadedFile {
    return {
      path: this.#path,
      load: this.#load,
      form: this.#form,
      rows: this.#rows,
      rejected: this.#rejected,
      skipped: this.#skipped,
      otherLoads: this.#otherLoads()
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
        this.#pack(this.#read!(row.fields), packed)
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

  #pack(row: RowContent<A>, packed: Map<number, PackedRecordsBuilder>): void {
    const { to } = this.#options
    const ids = this.#idsOf(row)
    if (to === undefined || ids === undefined) return
    const partition = partitionOf(row.symbol, to.load.partitions)
    let builder = packed.get(partition)
    if (builder === undefined) packed.set(partition, (builder = new PackedRecordsBuilder()))
    builder.add(row.symbol, to.codec.encode(to.recordOf(row.content, ids)))
  }

  /** (1); undefined where the table has the row (2). */
  #idsOf({ symbol, nativeId, nativeName }: RowContent<A>): RecordIds | undefined {
    const { exchange } = this.#options.source
    const own = `${exchange}:${symbol}`
    if (nativeId !== null) {
      const ownId = nativeName ?? `${exchange}-${nativeId}`
      return { messageId: `${own}:${nativeId}`, ownId, sequence: nativeId }
    }
    let numbers = this.#numbers.get(symbol)
    if (numbers === undefined) {
      numbers = { last: 0, landed: highOf(this.#sequences[`${own}:${this.#load}`]) }
      this.#numbers.set(symbol, numbers)
    }
    const n = ++numbers.last
    if (n <= numbers.landed) {
      this.#skipped++
      return undefined
    }
    const ownId = `${exchange}-${this.#load}-${n}`
    return { messageId: `${own}:${this.#load}-${n}`, ownId, sequence: n }
  }

  get #sequences(): Readonly<Record<string, SymbolSequence>> {
    return this.#options.to?.load.sequences ?? {}
  }

  #otherLoads(): readonly string[] {
    const { exchange } = this.#options.source
    return [...this.#numbers.keys()].flatMap((symbol) => {
      const begin = `${exchange}:${symbol}:`
      return Object.keys(this.#sequences)
        .filter((key) => key.startsWith(begin) && key !== `${begin}${this.#load}`)
        .map((key) => key.slice(begin.length))
    })
  }
}

/** The table has a load's rows in order, so that up to its newest it has them all. */
const highOf = (sequence: SymbolSequence | undefined): number => sequence?.epochs.at(-1)?.high ?? 0
