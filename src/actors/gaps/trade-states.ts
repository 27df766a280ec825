/**
 * What the table of trades knows of each symbol's ids: the sequence states that its current
 * snapshot names (R7), of all partitions.
 *
 * 1. A state file is immutable: it is read once, and what is known of partitions that did not move
 *    costs nothing.
 * 2. All or nothing: with a state that cannot be read, nothing is said. An id of a missing
 *    partition would look as if it had never landed.
 */
import * as Effect from 'effect/Effect'
import {
  type RecordedState,
  recordedState,
  type StateError
} from '../../adapters/iceberg/k2-summary.ts'
import { currentSnapshot } from '../../adapters/iceberg/metadata.ts'
import { attempt, readState, refresh, type Table } from '../../adapters/iceberg/table.ts'
import type { SymbolSequence } from '../../market/sequence.ts'
import { LandingFailed } from '../lander/lander-ports.ts'
import { parsePartitionState } from '../lander/landing-partition.ts'

type Sequences = Readonly<Record<string, SymbolSequence>>

export interface TradesLook {
  /** Null: the table has no snapshot yet. */
  readonly snapshotId: string | null
  /** When it was committed, milliseconds. */
  readonly snapshotMs: number | null
  /** By `{EXCHANGE}:{symbol}`. Not to be changed. */
  readonly sequences: Sequences
}

export interface TradeStates {
  /** @param isFresh whether the catalog must be asked, however recent the last look is */
  readonly look: (isFresh: boolean) => Effect.Effect<TradesLook, LandingFailed>
}

export interface TradeStatesOptions {
  readonly table: Table
  /** A snapshot that the lander of this process has committed: another one is worth a look. */
  readonly landedHint: () => string | undefined
  /** Others land as well: the catalog is asked again after so long. */
  readonly pollMs: number
  readonly nowMs: () => number
}

export const makeTradeStates = (options: TradeStatesOptions): TradeStates => {
  const read = stateReader(options.table)
  let last: (Recent & { readonly look: TradesLook }) | undefined
  return {
    look: (isFresh) =>
      Effect.suspend(() => {
        const now: Recent = { hint: options.landedHint(), atMs: options.nowMs() }
        const isRecent =
          last !== undefined && last.hint === now.hint && now.atMs - last.atMs < options.pollMs
        if (isRecent && !isFresh) return Effect.succeed(last!.look)
        return Effect.map(read, (look) => {
          last = { ...now, look }
          return look
        })
      })
  }
}

interface Recent {
  readonly hint: string | undefined
  readonly atMs: number
}

/** What the current snapshot says, once. */
export const readTradeStates = (table: Table): Effect.Effect<TradesLook, LandingFailed> =>
  Effect.suspend(() => stateReader(table))

/** Sequences that a snapshot names, each of its files read once. */
export const makeSequencesReader = (table: Table) => {
  let known = new Map<string, Sequences>()
  return Effect.fnUntraced(function* (recorded: RecordedState) {
    const next = new Map<string, Sequences>()
    for (const path of pathsOf(recorded)) {
      next.set(path, known.get(path) ?? (yield* sequencesAt(table, path)))
    }
    known = next
    return Object.assign({}, ...next.values()) as Sequences
  })
}

const stateReader = (table: Table): Effect.Effect<TradesLook, LandingFailed> => {
  const read = makeSequencesReader(table)
  let last: TradesLook | undefined
  return Effect.gen(function* () {
    const { metadata } = yield* refresh(table)
    const snapshot = currentSnapshot(metadata)
    if (snapshot === null) return nothingLanded
    const snapshotId = snapshot['snapshot-id'].toString()
    if (last?.snapshotId === snapshotId) return last
    const recorded = yield* attempt<RecordedState, StateError>(() =>
      recordedState(table.name, metadata)
    )
    const sequences = yield* read(recorded)
    last = { snapshotId, snapshotMs: snapshot['timestamp-ms'], sequences }
    return last
  }).pipe(
    Effect.mapError(
      ({ message }) =>
        // Also what an operator must see to: the lander says so by name, here it is waited for.
        new LandingFailed({ step: 'states of trades', detail: message, isDependency: true })
    )
  )
}

const pathsOf = ({ states }: RecordedState): readonly string[] =>
  Object.values(states).flatMap((topics) =>
    Object.values(topics).flatMap((partitions) => Object.values(partitions))
  )

const nothingLanded: TradesLook = { snapshotId: null, snapshotMs: null, sequences: {} }

const sequencesAt = (table: Table, path: string) =>
  Effect.flatMap(readState(table, path), (bytes) =>
    Effect.try({
      try: () => parsePartitionState(bytes).sequences,
      catch: (error) => new Error(`${path}: ${String(error)}`)
    })
  )
