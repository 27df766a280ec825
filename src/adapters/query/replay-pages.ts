/**
 * Pages of a replay: the records of one point of the table and its tail in the order of time.
 *
 * 1. The first page chooses the point, and a cursor names it: all pages together are one replay of
 *    it, each record once, whatever lands, or is merged, meanwhile.
 */
import * as Effect from 'effect/Effect'
import { ReplayPin } from './replay-pin.ts'
import { ReplayReader, type ReplayPorts, type ReplayRequest } from './replay-reader.ts'
import { CursorInvalid } from './read-from.ts'
import { queryDigest, type TokenCodec } from './read-token.ts'

interface ReplayPageRequest {
  readonly filter: ReplayRequest['filter']
  readonly fields?: readonly string[] | undefined
  readonly rowsMax: number
  /** Of the page before. */
  readonly cursor?: string | undefined
}

interface ReplayPage {
  readonly snapshotId: string | null
  /** JSON objects, comma-separated. */
  readonly rows: string
  readonly count: number
  /** Null at the end, and where the point is of those that cannot be told. */
  readonly nextCursor: string | null
  readonly hasMore: boolean
  readonly missing: readonly string[]
}

export interface ReplayPages<E> {
  readonly page: (request: ReplayPageRequest) => Effect.Effect<ReplayPage, E | CursorInvalid>
}

export const makeReplayPages = <PlanError, EngineError>(
  ports: ReplayPorts<PlanError, EngineError> & { readonly tokens: TokenCodec }
): ReplayPages<PlanError | EngineError> => ({
  page: Effect.fnUntraced(function* ({ filter, fields, rowsMax, cursor: given }) {
    const query = queryDigest(['replay', filter, fields ?? null])
    const cursor = given === undefined ? undefined : ports.tokens.readCursor(given)
    if (given !== undefined && cursor?.query !== query) yield* new CursorInvalid()
    const at = cursor && ({ kind: 'point', point: cursor.point } as const)
    return yield* Effect.acquireUseRelease(
      ports.planner.acquire(filter, at),
      (lease) =>
        Effect.gen(function* () {
          const { within, beyond, snapshotId } = lease
          const request = { filter, fields, frame: { before: '', after: ',' }, isLive: false }
          const pin = new ReplayPin(ports.planner, filter, ports.clock)
          const reader = new ReplayReader(ports, request, nobody, pin)
          const knownSequence = within === undefined ? Infinity : -Infinity
          const span = { since: undefined, to: within ?? beyond.view, knownSequence }
          const blocks = yield* reader.page(span, lease, { after: cursor?.after, rowsMax })
          const count = blocks.reduce((sum, block) => sum + block.count, 0)
          const after = blocks.at(-1)?.last
          const hasMore = count === rowsMax && after !== undefined
          const point = hasMore ? yield* lease.point() : undefined
          return {
            snapshotId,
            rows: Buffer.concat(blocks.map(({ bytes }) => bytes)).toString('utf8').slice(0, -1),
            count,
            hasMore,
            nextCursor:
              hasMore && point !== undefined
                ? (ports.tokens.cursor({ point, choice: '', query, after }) ?? null)
                : null,
            missing: beyond.missing
          }
        }),
      (lease) => Effect.sync(() => lease.release())
    )
  })
})

/** Nothing is sent on the way. */
const nobody = { rows: () => Effect.void, idle: Effect.void }
