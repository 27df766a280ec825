/** Where a read of records begins: now, at a chosen snapshot, or where another one ended. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { RecordPosition } from './newest-first.ts'
import type { ReadAt } from './query-ports.ts'
import { queryDigest, type TokenCodec } from './read-token.ts'
import type { RecordsFilter } from './records-sql.ts'

/** As a client asks; a token or a cursor may come with the choice that it was given for. */
export interface ReadFrom {
  readonly choice?: Exclude<ReadAt, { readonly kind: 'point' }> | undefined
  readonly token?: string | undefined
  readonly cursor?: string | undefined
}

export interface Resumed {
  readonly at: ReadAt | undefined
  /** Rows behind this one only. */
  readonly after: RecordPosition | undefined
  /** Digests of what was chosen, and of the whole query but for how it is told. */
  readonly choice: string
  readonly query: string
}

/** It is none of ours, was changed, or is of another table or query. */
class ReadTokenInvalid extends Schema.TaggedError<ReadTokenInvalid>()(
  'ReadTokenInvalid',
  {}
) {
  override get message() {
    return 'the read token is not one of this table, or of another choice of snapshot'
  }
}

export class CursorInvalid extends Schema.TaggedError<CursorInvalid>()('CursorInvalid', {}) {
  override get message() {
    return 'the cursor is not one of this table, or of another query'
  }
}

export type ReadFault = ReadTokenInvalid | CursorInvalid

export const resumed = (
  tokens: TokenCodec,
  { filter, from = {} }: { readonly filter: RecordsFilter; readonly from?: ReadFrom | undefined }
): Effect.Effect<Resumed, ReadFault> =>
  Effect.suspend((): Effect.Effect<Resumed, ReadFault> => {
    const chosen = from.choice === undefined ? '' : queryDigest(from.choice)
    const query = queryDigest([chosen, filterWire(filter)])
    if (from.cursor !== undefined) {
      const found = tokens.readCursor(from.cursor)
      if (found === undefined || found.query !== query) return Effect.fail(new CursorInvalid())
      const { point, after } = found
      return Effect.succeed({ at: { kind: 'point', point }, after, choice: chosen, query })
    }
    if (from.token !== undefined) {
      const found = tokens.readToken(from.token)
      const isOther = chosen !== '' && found?.choice !== chosen
      if (found === undefined || isOther) return Effect.fail(new ReadTokenInvalid())
      const { point, choice } = found
      return Effect.succeed({ at: { kind: 'point', point }, after: undefined, choice, query })
    }
    return Effect.succeed({ at: from.choice, after: undefined, choice: chosen, query })
  })

/** Whatever order its members are in. */
const filterWire = (filter: RecordsFilter): unknown => {
  const { symbols, exchanges, fromUs, toUs, minPrice, maxPrice, minQuantity } = filter
  const sorted = (some: readonly string[] | undefined) => some?.toSorted() ?? null
  return [
    sorted(symbols),
    sorted(exchanges),
    fromUs ?? null,
    toUs ?? null,
    minPrice ?? null,
    maxPrice ?? null,
    minQuantity ?? null
  ]
}
