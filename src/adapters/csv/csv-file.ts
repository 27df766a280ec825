/**
 * CSV files of any size, read as a stream, plain or compressed by gzip.
 *
 * 1. Memory is bounded: a batch of rows, each of at most `rowBytesMax`.
 * 2. What is no row by the rules of CSV is a fault with its line and text, and costs only itself.
 * 3. The name of a load is of the content: the same file, compressed or not, is the same load.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type CsvError, parse } from 'csv-parse'

export interface CsvRow {
  /** Of its end; the first is 1. */
  readonly line: number
  readonly fields: readonly string[]
  /** As it stands in the file. */
  readonly raw: string
  /** Why it is no row. */
  readonly fault?: string
}

export interface CsvBatch {
  readonly rows: readonly CsvRow[]
  /** How much of the file has been read. */
  readonly fraction: number
}

const rowBytesMax = 1_024 ** 2
const loadDigits = 12

/** First twelve hex digits of the SHA-256 of a file's content (R26). */
export const loadOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of (await openContent(path)).content) hash.update(chunk as Buffer)
  return hash.digest('hex').slice(0, loadDigits)
}

/** The rows of a file, header included, in batches of at most `rowsMax`. */
export async function* csvBatches(path: string, rowsMax: number): AsyncGenerator<CsvBatch> {
  const { content, fraction } = await openContent(path)
  const faults: CsvRow[] = []
  const parser = parse({
    bom: true,
    info: true,
    raw: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: rowBytesMax,
    onSkip: (error: CsvError | undefined, raw: string | undefined) => {
      const { lines: line = 0 } = (error ?? {}) as { readonly lines?: number }
      faults.push({ line, fields: [], raw: raw ?? '', fault: error?.message ?? 'not CSV' })
      return undefined
    }
  })
  // What fails below the parser ends it with the error, which the loop then throws.
  pipeline(content, parser, () => undefined)
  let rows: CsvRow[] = []
  for await (const parsed of parser) {
    const { record, raw, info } = parsed as ParsedRow
    rows.push(...faults.splice(0), { line: info.lines, fields: record, raw: raw.trimEnd() })
    if (rows.length < rowsMax) continue
    yield { rows, fraction: fraction() }
    rows = []
  }
  yield { rows: [...rows, ...faults], fraction: 1 }
}

interface ParsedRow {
  readonly record: readonly string[]
  readonly raw: string
  readonly info: { readonly lines: number }
}

interface Content {
  readonly content: Readable
  readonly fraction: () => number
}

const openContent = async (path: string): Promise<Content> => {
  const { size } = await stat(path)
  let bytesRead = 0
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytesRead += chunk.length
      done(null, chunk)
    }
  })
  const file = createReadStream(path)
  const counted = pipeline(file, counting, () => undefined) as Readable
  const fraction = () => (size === 0 ? 1 : bytesRead / size)
  return (await isGzip(path))
    ? { content: pipeline(counted, createGunzip(), () => undefined), fraction }
    : { content: counted, fraction }
}

const isGzip = async (path: string): Promise<boolean> => {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await file.close()
  }
}
