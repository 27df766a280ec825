/**
 * Read tokens and cursors: points of a table as text that clients send back (R15).
 *
 * 1. They are signed: what was not made here, or is cut or changed, is told from what was. The key
 *    is derived from the table's UUID, which no answer of the API has: whoever serves the table
 *    agrees, without a file to share, and a table made anew refuses the tokens of the old one. Who
 *    can read the catalog could forge one; it would show nothing that the table does not.
 * 2. They are bounded in length. A point that does not fit, as thousands of records are held back,
 *    has no token.
 * 3. A token goes with any query of its table; a cursor with the query that it continues.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import * as Schema from 'effect/Schema'
import type { RecordPosition } from './newest-first.ts'
import type { ReadPoint } from './read-point.ts'

/** Addresses have 8,192 characters at most, and other parameters. */
export const tokenCharsMax = 4_096

export interface TokenCodec {
  /** Undefined: it does not fit (2). */
  readonly token: (content: TokenContent) => string | undefined
  readonly cursor: (content: CursorContent) => string | undefined
  /** Undefined: it is none of ours (1). */
  readonly readToken: (text: string) => TokenContent | undefined
  readonly readCursor: (text: string) => CursorContent | undefined
}

export interface TokenContent {
  readonly point: ReadPoint
  /** How the snapshot was chosen; empty: the current one. */
  readonly choice: string
}

export interface CursorContent extends TokenContent {
  /** Of the query that it continues (`queryDigest`). */
  readonly query: string
  /** Of the last row that was given. */
  readonly after: RecordPosition
}

export const makeTokenCodec = (table: { readonly uuid: string }): TokenCodec => {
  const key = createHmac('sha256', table.uuid).update('k2 read tokens').digest()
  const signatureOf = (kind: string, body: string): string =>
    createHmac('sha256', key)
      .update(`${kind}.${body}`)
      .digest('base64url')
      .slice(0, signatureChars)
  const write = (kind: string, wire: unknown): string | undefined => {
    const body = deflateRawSync(Buffer.from(JSON.stringify(wire))).toString('base64url')
    const text = `${kind}.${body}.${signatureOf(kind, body)}`
    return text.length > tokenCharsMax ? undefined : text
  }
  const read = (kind: string, text: string): unknown => {
    const [prefix, body = '', signature = '', ...others] = text.split('.')
    const isOurs =
      text.length <= tokenCharsMax &&
      prefix === kind &&
      others.length === 0 &&
      isSame(signature, signatureOf(kind, body))
    if (!isOurs) return undefined
    return JSON.parse(inflateRawSync(Buffer.from(body, 'base64url')).toString('utf8'))
  }
  return {
    token: (content) => write(tokenKind, tokenWire(content)),
    cursor: ({ query, after, ...content }) =>
      write(cursorKind, [...tokenWire(content), query, positionWire(after)]),
    readToken: (text) => {
      const wire = read(tokenKind, text)
      return wire === undefined ? undefined : tokenOf(decodeToken(wire))
    },
    readCursor: (text) => {
      const wire = read(cursorKind, text)
      if (wire === undefined) return undefined
      const [choice, point, query, position] = decodeCursor(wire)
      return { ...tokenOf([choice, point]), query, after: positionOf(position) }
    }
  }
}

const tokenKind = 'r1'
const cursorKind = 'c1'
/** 132 bits. */
const signatureChars = 22

/** What tells one query from another; the same parameters give the same text. */
export const queryDigest = (query: unknown): string =>
  createHash('sha256').update(JSON.stringify(query)).digest('base64url').slice(0, 16)

const isSame = (left: string, right: string): boolean => {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const pointShape = Schema.Tuple([
  Schema.NullOr(Schema.String),
  Schema.Number,
  Schema.Array(Schema.Tuple([Schema.String, Schema.Number, Schema.Array(Schema.Number)])),
  Schema.Array(Schema.String)
])
const positionShape = Schema.Tuple([
  Schema.Number,
  Schema.String,
  Schema.NullOr(Schema.Number),
  Schema.String
])
const tokenShape = Schema.Tuple([Schema.String, pointShape])
const decodeToken = Schema.decodeUnknownSync(tokenShape)
const decodeCursor = Schema.decodeUnknownSync(
  Schema.Tuple([Schema.String, pointShape, Schema.String, positionShape])
)

const tokenWire = ({ choice, point }: TokenContent): (typeof tokenShape)['Type'] => {
  const { snapshotId, removals, watermarks, undecided, missing } = point
  const partitions = [...watermarks]
    .map(([name, offset]) => [name, offset, distances(undecided.get(name) ?? [])] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1))
  return [choice, [snapshotId, removals, partitions, missing.slice(0, missingMax).map(shortened)]]
}

const tokenOf = ([choice, point]: (typeof tokenShape)['Type']): TokenContent => {
  const [snapshotId, removals, partitions, missing] = point
  return {
    choice,
    point: {
      snapshotId,
      removals,
      watermarks: new Map(partitions.map(([name, offset]) => [name, offset])),
      undecided: new Map(
        partitions.flatMap(([name, , held]) =>
          held.length === 0 ? [] : [[name, fromDistances(held)] as const]
        )
      ),
      missing
    }
  }
}

const positionWire = ({ timestampUs, symbol, sourceSequence, messageId }: RecordPosition) =>
  [timestampUs, symbol, sourceSequence, messageId] as const

const positionOf = ([
  timestampUs,
  symbol,
  sourceSequence,
  messageId
]: (typeof positionShape)['Type']): RecordPosition => ({
  timestampUs,
  symbol,
  sourceSequence,
  messageId
})

/** Offsets that lie close to one another are short as distances. */
const distances = (offsets: readonly number[]): readonly number[] =>
  offsets
    .toSorted((left, right) => left - right)
    .map((offset, index, sorted) => offset - (sorted[index - 1] ?? 0))

const fromDistances = (steps: readonly number[]): readonly number[] => {
  let offset = 0
  return steps.map((step) => (offset += step))
}

const missingMax = 4
const missingCharsMax = 200
const shortened = (text: string): string =>
  text.length <= missingCharsMax ? text : `${text.slice(0, missingCharsMax - 1)}…`
