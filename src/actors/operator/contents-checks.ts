/**
 * Holds the data files of the current snapshot against their manifest entries, and their rows
 * against each other: counts, bounds, nulls, partition and day, repeated keys and places (R15).
 */
import * as Effect from 'effect/Effect'
import {
  type AuditColumn,
  type AuditValue,
  type ColumnAudit,
  type ParquetAudit,
  withParquetAudit
} from '../../adapters/duckdb/parquet-audit.ts'
import { decodeValue } from '../../adapters/iceberg/bounds.ts'
import type { RecordedState } from '../../adapters/iceberg/k2-summary.ts'
import type { DataFileEntry } from '../../adapters/iceberg/manifest.ts'
import { currentSchema, defaultSpec } from '../../adapters/iceberg/metadata.ts'
import type { IcebergSchema } from '../../adapters/iceberg/schema.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import type { Findings } from './doctor-report.ts'
import { temporaryFolder, withLocalCopy } from './local-copy.ts'
import { liveFiles, readOr, type TableView } from './table-view.ts'

export interface ContentsFindings {
  readonly contents: Findings
  readonly dayPartitions: Findings
  readonly keys: Findings
  readonly positions: Findings
  readonly homes: Findings
}

const memoryBytesMax = 512 * 1_024 ** 2
const examplesMax = 20

/** `recorded` is null where the table has lost its offsets. */
export const checkContents = (
  view: TableView,
  recorded: RecordedState | null,
  findings: ContentsFindings
) => {
  const { current } = view
  if (current === null) return Effect.void
  const files = liveFiles(view, current['snapshot-id']).map((it) => it.data_file)
  return withParquetAudit({ temporary: temporaryFolder, memoryBytesMax }, (audit) =>
    Effect.gen(function* () {
      for (const file of files) yield* checkFile(view, audit, { file, findings })
      yield* checkKeys(audit, recorded, findings)
    })
  )
}

interface FileCheck {
  readonly file: DataFileEntry
  readonly findings: ContentsFindings
}

const checkFile = (view: TableView, audit: ParquetAudit, { file, findings }: FileCheck) => {
  const schema = currentSchema(view.metadata)
  const snapshotIds = view.current === null ? [] : [view.current['snapshot-id']]
  const { file_path: location } = file
  findings.contents.checked++
  const reading = withLocalCopy(view.table, location, (path) =>
    Effect.gen(function* () {
      const { recordCount, columns } = yield* audit.summarise(path, columnsOf(schema))
      if (recordCount !== file.record_count)
        findings.contents.add(`${location}: ${recordCount} rows, recorded ${file.record_count}`)
      for (const column of columns) {
        for (const text of columnFaults(schema, file, { ...column, recordCount }))
          findings.contents.add(`${location}: ${text}`)
      }
      yield* checkPartition(view, audit, { file, findings, path })
      yield* audit.gather(path)
    })
  )
  return readOr(reading, (reason) => findings.contents.add(reason, snapshotIds))
}

/** Columns that have bounds: those of primitive types. */
const columnsOf = (schema: IcebergSchema): readonly AuditColumn[] =>
  schema.fields.flatMap(({ name, type }) => (typeof type === 'string' ? [{ name, type }] : []))

const columnFaults = (
  schema: IcebergSchema,
  file: DataFileEntry,
  column: ColumnAudit & { readonly recordCount: number }
): readonly string[] => {
  const { name, nullCount, recordCount, min, max } = column
  const field = schema.fields.find((it) => it.name === name)!
  const said = <V>(values: readonly { readonly key: number; readonly value: V }[] | null) =>
    values?.find(({ key }) => key === field.id)?.value
  const faults: string[] = []
  const values = said(file.value_counts)
  if (values !== undefined && values !== recordCount)
    faults.push(`${name} has ${recordCount} values, recorded ${values}`)
  const nulls = said(file.null_value_counts)
  if (nulls !== undefined && nulls !== nullCount)
    faults.push(`${name} has ${nullCount} nulls, recorded ${nulls}`)
  const bounds = [said(file.lower_bounds), said(file.upper_bounds)].map((bytes) =>
    bytes === undefined ? undefined : decodeValue(field.type as string, bytes)
  )
  const [lower, upper] = bounds as readonly (AuditValue | number | undefined)[]
  if (lower !== undefined && min !== undefined && isBelow(min, lower))
    faults.push(`${name} begins at ${min}, below its lower bound ${lower}`)
  if (upper !== undefined && max !== undefined && isBelow(upper, max))
    faults.push(`${name} ends at ${max}, above its upper bound ${upper}`)
  return faults
}

/** Iceberg compares text by its UTF-8 bytes. */
const isBelow = (left: AuditValue | number, right: AuditValue | number): boolean =>
  typeof left === 'string' && typeof right === 'string'
    ? Buffer.compare(Buffer.from(left), Buffer.from(right)) < 0
    : left < right

const checkPartition = (
  { metadata }: TableView,
  audit: ParquetAudit,
  { file, findings, path }: FileCheck & { readonly path: string }
) =>
  Effect.gen(function* () {
    const schema = currentSchema(metadata)
    const fields = defaultSpec(metadata).fields.filter(({ transform }) =>
      ['identity', 'day'].includes(transform)
    )
    const wanted = fields.map(({ name }) => String(file.partition[name] ?? null))
    const found = yield* audit.partitionsOf(
      path,
      fields.map((it) => ({
        column: schema.fields.find(({ id }) => id === it['source-id'])!.name,
        transform: it.transform
      }))
    )
    findings.dayPartitions.checked++
    for (const row of found) {
      const text = row.map(String)
      if (JSON.stringify(text) === JSON.stringify(wanted)) continue
      const names = fields.map(({ name }) => name).join(', ')
      findings.dayPartitions.add(
        `${file.file_path}: rows of ${names} = ${text.join(', ')} in partition ${wanted.join(', ')}`
      )
    }
  })

const checkKeys = (
  audit: ParquetAudit,
  recorded: RecordedState | null,
  findings: ContentsFindings
) =>
  Effect.gen(function* () {
    const labels = yield* audit.labels
    const rows = labels.reduce((sum, it) => sum + it.rows, 0)
    findings.keys.checked = rows
    findings.positions.checked = labels.reduce(
      (sum, it) => (it.label === '' ? sum : sum + it.rows),
      0
    )
    const ids = yield* audit.repeatedIds(examplesMax)
    findings.keys.addAll(ids.examples.map(timesText), ids.keys)
    const positions = yield* audit.repeatedPositions(examplesMax)
    findings.positions.addAll(positions.examples.map(timesText), positions.keys)
    for (const { label, maxOffset } of labels) {
      const { identity, topic, partition } = partsOf(label)
      const next = recorded?.offsets[identity]?.[topic]?.[partition]
      if (next !== undefined && maxOffset >= next)
        findings.positions.add(`${label} has a row at ${maxOffset}, the table is at ${next}`)
    }
    for (const [symbol, label] of yield* audit.homes) {
      findings.homes.checked++
      const { identity, topic, partition } = partsOf(label)
      const count = recorded?.partitionCounts[identity]?.[topic]
      // Of a log that was given up, nobody knows the count any more.
      if (count === undefined) continue
      const home = partitionOf(symbol, count)
      if (home !== partition)
        findings.homes.add(`${symbol} has rows of ${label}, its partition is ${home} of ${count}`)
    }
  })

const timesText = ({ key, count }: { readonly key: string; readonly count: number }): string =>
  `${key}: ${count} times`

/** Of a row's `k2_partition`: `{log}/{topic}/{partition}`. */
const partsOf = (label: string) => {
  const [, identity = '', topic = '', partition = ''] = /^(.*)\/([^/]*)\/(\d+)$/.exec(label) ?? []
  return { identity, topic, partition: Number(partition) }
}
