/**
 * `k2 rebuild-state --table market.gaps`: makes the file of the gap ledger anew from the rows of
 * its table (R10). The commit is fenced by the ledger that it replaces; one that can be read is
 * left alone unless `isForced`.
 */
import * as Effect from 'effect/Effect'
import { commitAppend } from '../../adapters/iceberg/append.ts'
import {
  operationKey,
  type RecordedState,
  recordedState,
  type StateError
} from '../../adapters/iceberg/k2-summary.ts'
import { attempt, readState, type Table, writeState } from '../../adapters/iceberg/table.ts'
import { openPieces, parseLedger } from '../../machines/gap-ledger.ts'
import { rebuiltLedger } from '../../machines/gap-rebuild.ts'
import { ledgerKey } from '../gaps/ledger-table.ts'
import { Findings } from './doctor-report.ts'
import { gapEventsIn } from './ledger-rows.ts'
import { viewTable } from './table-view.ts'

export interface RebuiltLedger {
  /** Why it was rebuilt. */
  readonly reason: string
  readonly events: number
  readonly openGaps: number
}

/** Null where there is no ledger, or none in need. */
export const rebuildLedger = (table: Table, isForced: boolean) =>
  Effect.gen(function* () {
    const unread = new Findings('unreadable')
    const view = yield* viewTable(table, { lists: unread, manifests: unread })
    const recorded = yield* attempt<RecordedState, StateError>(() =>
      recordedState(table.name, view.metadata)
    )
    const path = recorded.carried[ledgerKey]
    if (path === undefined) return null
    const reason = (yield* faultOf(table, path)) ?? (isForced ? 'asked for' : undefined)
    if (reason === undefined) return null
    const ledger = rebuiltLedger(yield* gapEventsIn(view))
    const bytes = Buffer.from(JSON.stringify(ledger))
    const statePath = yield* writeState(table, 'ledger', bytes)
    yield* commitAppend(table, {
      commitId: table.ports.ids.uuid(),
      dataFiles: [],
      // What it names is kept only as the state of a partition.
      advances: advancesOf(recorded, path).map((advance) => ({ ...advance, statePath })),
      summaryExtra: { [ledgerKey]: statePath, [operationKey]: 'rebuild-state' },
      requires: { [ledgerKey]: path }
    })
    const openGaps = [...openPieces(ledger).values()].reduce((sum, it) => sum + it.length, 0)
    const rebuilt: RebuiltLedger = { reason, events: ledger.events, openGaps }
    return rebuilt
  })

/** Of the partition whose state the ledger is, to where it stands. */
const advancesOf = ({ offsets, states }: RecordedState, path: string) =>
  Object.entries(states).flatMap(([logIdentity, topics]) =>
    Object.entries(topics).flatMap(([topic, partitions]) =>
      Object.entries(partitions)
        .filter(([, statePath]) => statePath === path)
        .map(([text]) => {
          const partition = Number(text)
          const offset = offsets[logIdentity]![topic]![partition]!
          return { logIdentity, topic, partition, fromOffset: offset, nextOffset: offset }
        })
    )
  )

/** Why a ledger cannot be used; a store that is unavailable now is no reason to replace it. */
const faultOf = (table: Table, path: string) =>
  readState(table, path).pipe(
    Effect.map((bytes) => {
      try {
        parseLedger(Buffer.from(bytes).toString('utf8'))
        return undefined
      } catch (error) {
        return `${path} does not decode: ${error instanceof Error ? error.message : String(error)}`
      }
    }),
    Effect.catchTag('TableUnreadable', (error) =>
      error.reason === 'missing' ? Effect.succeed(`${path} is missing`) : Effect.fail(error)
    )
  )
