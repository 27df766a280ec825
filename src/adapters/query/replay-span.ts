/**
 * A span of a replay: the records of one view that are not of an earlier one, and where a lease has
 * them.
 *
 * 1. Any later lease has all rows of the span, in whichever files they lie by then; what else these
 *    hold is left out by its offsets.
 * 2. Nobody looks at offsets of files whose rows are known to be of the span, or not to be: those
 *    that a lease had which the span began with. Merging files changes no sequence number of what
 *    is only of them.
 */
import type { TimedRows } from './replay-slices.ts'
import type { SliceSource } from './replay-sql.ts'
import type { RecordsView, ScanFile, ScanLease, TailPart } from './query-ports.ts'
import { inView, reaches } from './records-view.ts'

export interface Span {
  /** Of what was sent before; undefined where nothing was. */
  readonly since: RecordsView | undefined
  readonly to: RecordsView
  /**
   * Rows of files up to this sequence number are all of `to`, and of `since` where there is one
   * (2). -Infinity where nothing is known.
   */
  readonly knownSequence: number
}

type Lease = Pick<ScanLease<never>, 'files' | 'source' | 'beyond'>

/** Up to which sequence number files have nothing beyond the view of their lease. */
export const knownSequenceOf = ({ files, beyond }: Lease, view: RecordsView): number =>
  reaches(view.watermarks, beyond.floors)
    ? files.reduce(newerSequence, -Infinity)
    : -Infinity

const newerSequence = (newest: number, { sequenceNumber = -Infinity }: ScanFile): number =>
  Math.max(newest, sequenceNumber)

interface Range {
  readonly sinceUs: number
  /** Exclusive. */
  readonly untilUs: number
}

interface SpanRows {
  readonly files: readonly ScanFile[]
  readonly sources: readonly SliceSource[]
  readonly hasTail: boolean
}

/** Where rows of the span are that are of a range of time. */
export const rowsOfSpan = (span: Span, lease: Lease, range: Range): SpanRows => {
  const meets = ({ timestampLowerUs, timestampUpperUs }: Omit<TimedRows, 'recordCount'>) =>
    timestampUpperUs >= range.sinceUs && timestampLowerUs < range.untilUs
  const files = filesOf(span, lease).filter(meets)
  const isKnown = ({ sequenceNumber = Infinity }: ScanFile) => sequenceNumber <= span.knownSequence
  const known = files.filter(isKnown)
  const others = files.filter((file) => !isKnown(file))
  const condition = ofSpan(span)
  const tail = tailIn(lease, meets)
  return {
    files,
    hasTail: tail !== undefined,
    sources: [
      ...(known.length === 0 ? [] : [filesSource(lease.source, 'files', known)]),
      ...(others.length === 0
        ? []
        : [withCondition(filesSource(lease.source, 'later_files', others), condition)]),
      ...(tail === undefined
        ? []
        : [withCondition({ sql: `(${tail.sql})`, parameters: tail.parameters }, condition)])
    ]
  }
}

const tailIn = ({ beyond: { tail } }: Lease, meets: (tail: TailPart) => boolean) =>
  tail !== undefined && meets(tail) ? tail : undefined

/** For how the rows of the span lie in time. */
export const partsOfSpan = (span: Span, lease: Lease): readonly TimedRows[] => {
  const { tail } = lease.beyond
  return [
    ...filesOf(span, lease),
    ...(tail === undefined ? [] : [{ ...tail, recordCount: tail.rowsMax }])
  ]
}

/** Files that may have rows of the span. */
const filesOf = ({ since, knownSequence }: Span, { files, beyond }: Lease): readonly ScanFile[] => {
  if (since === undefined) return files
  if (reaches(since.watermarks, beyond.floors)) return []
  return files.filter(({ sequenceNumber = Infinity }) => sequenceNumber > knownSequence)
}

const filesSource = (
  source: string,
  name: string,
  files: readonly ScanFile[]
): SliceSource => ({
  sql: source.replaceAll('$files', `$${name}`),
  parameters: { [name]: { type: 'texts', value: files.map(({ path }) => path) } }
})

const ofSpan = ({ since, to }: Span): Required<Omit<SliceSource, 'sql'>> => {
  const inTo = inView('to', to)
  if (since === undefined) return { ...inTo, condition: inTo.sql }
  const inSince = inView('since', since)
  return {
    condition: `${inTo.sql} AND NOT ${inSince.sql}`,
    parameters: { ...inTo.parameters, ...inSince.parameters }
  }
}

const withCondition = (
  source: SliceSource,
  { condition, parameters }: Required<Omit<SliceSource, 'sql'>>
): SliceSource => ({
  ...source,
  condition,
  parameters: { ...source.parameters, ...parameters }
})
