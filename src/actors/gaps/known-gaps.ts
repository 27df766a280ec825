/**
 * What the gap ledger has open, for who may not have heard the claims that it was told: those of
 * an earlier process.
 *
 * 1. It is read again after `readMs`, and of a state file that is known nothing is read.
 * 2. Where it cannot be read, what was known last is said, and that it could not: who heals does
 *    not wait for the ledger.
 */
import * as Effect from 'effect/Effect'
import { readRecordedState, readState } from '../../adapters/iceberg/table.ts'
import { openPieces, parseLedger } from '../../machines/gap-ledger.ts'
import type { OpenPiece } from '../../machines/gap-pieces.ts'
import type { Shared } from '../shared.ts'
import { tableOf } from '../storage/table-of.ts'
import { ledgerKey } from './ledger-table.ts'

/** By `{EXCHANGE}:{symbol}`. */
export type KnownGaps = ReadonlyMap<
  string,
  ReadonlyArray<OpenPiece & { readonly epoch: number }>
>

const readMs = 10_000

export const knownGapsOf = (shared: Shared): Effect.Effect<KnownGaps> => {
  const { telemetry, gaps, host } = shared
  const table = tableOf(shared, gaps)
  let known: KnownGaps = new Map()
  let knownPath: string | undefined
  let readAtMs = Number.NEGATIVE_INFINITY
  const read = Effect.gen(function* () {
    const opened = yield* table
    if (opened === null) return
    const path = (yield* readRecordedState(opened)).carried[ledgerKey]
    if (path === undefined || path === knownPath) return
    const bytes = yield* readState(opened, path)
    known = yield* Effect.try({
      try: () => openPieces(parseLedger(Buffer.from(bytes).toString('utf8'))),
      catch: (error) => ({ message: `${path}: ${String(error)}` })
    })
    knownPath = path
  }).pipe(
    Effect.catch(({ message: detail }) =>
      // (2)
      Effect.sync(() =>
        telemetry.logSeldom('warn', 'heal.ledger_unread', gaps.tableName, { detail })
      )
    )
  )
  return Effect.suspend(() => {
    if (host.monotonicMs() - readAtMs < readMs) return Effect.succeed(known)
    readAtMs = host.monotonicMs()
    return Effect.map(read, () => known)
  })
}
