/**
 * `npm run k2 -- rebuild-state`: makes lost sequence states anew from the table's ids, and the gap
 * ledger from its events.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { rebuildLedger, type RebuiltLedger } from '../actors/operator/rebuild-ledger.ts'
import { rebuildStates, type RebuiltPartition } from '../actors/operator/rebuild-state.ts'
import type { Command, CommandIo, Given } from './command-line.ts'
import { FlagRejected, openOperatorTable, tableFlag } from './operator-context.ts'

const partitionFlag = '--partition'

export const rebuildStateCommand: Command = {
  name: 'rebuild-state',
  about: "Make a missing or unreadable sequence state anew from the table's ids.",
  flags: [
    tableFlag,
    { name: partitionFlag, value: 'N', about: 'Only this partition.' },
    { name: '--force', about: 'Also where the state can be read.' }
  ],
  examples: [
    'npm run k2 -- rebuild-state',
    'npm run k2 -- rebuild-state --table market.quotes --partition 2'
  ],
  exitCodes: {
    0: 'rebuilt; K2 lands the partition again after its next start',
    1: 'no state is in need of it, nothing was changed',
    2: 'it could not be done, nothing was changed'
  },
  run: (given, io) =>
    Effect.runPromise(
      rebuilding(given).pipe(
        Effect.match({
          onSuccess: (rebuilt) => tell(rebuilt, io),
          onFailure: ({ message }) => {
            io.complain(message)
            return 2
          }
        })
      )
    )
}

const rebuilding = (given: Given) =>
  Effect.gen(function* () {
    const partition = yield* partitionNumber(given.values.get(partitionFlag))
    const { table, spec } = yield* openOperatorTable(given)
    const isForced = given.values.has('--force')
    if (spec.name === 'gaps') return yield* rebuildLedger(table, isForced)
    if (spec.name === 'candles_1m') return yield* new NoStates({ table: table.name })
    if (spec.rules.isCompacted === true) {
      return yield* new StateNotOfIds({ table: table.name })
    }
    return yield* rebuildStates({
      table,
      isConsecutive: spec.hasConsecutiveIds,
      partition,
      isForced
    })
  })

/** What the table holds does not tell what the state held. */
class StateNotOfIds extends Schema.TaggedError<StateNotOfIds>()('StateNotOfIds', {
  table: Schema.String
}) {
  override get message() {
    return (
      `${this.table}: its sequence state is of versions, which ids do not tell: none is rebuilt. ` +
      'Restore its file, or drop the table: its topic keeps the newest of each, and K2 lands it ' +
      'again'
    )
  }
}

/** Nothing of the table comes out of a log. */
class NoStates extends Schema.TaggedError<NoStates>()('NoStates', { table: Schema.String }) {
  override get message() {
    return `${this.table} has no sequence states: it is made of the trades, minute by minute`
  }
}

const partitionNumber = (value: string | undefined) => {
  if (value === undefined) return Effect.succeed(undefined)
  return /^\d{1,6}$/.test(value)
    ? Effect.succeed(Number(value))
    : Effect.fail(new FlagRejected({ flag: partitionFlag, value, allowed: 'a partition number' }))
}

const tell = (
  rebuilt: readonly RebuiltPartition[] | RebuiltLedger | null,
  io: CommandIo
): number => {
  if (rebuilt !== null && 'openGaps' in rebuilt) {
    const { reason, events, openGaps } = rebuilt
    io.print(`the gap ledger: rebuilt (${reason}); ${events} events, ${openGaps} open gaps`)
    io.print('claims that were not decided yet are not part of it; start K2 again to go on')
    return 0
  }
  if (rebuilt === null || rebuilt.length === 0) {
    io.print('every state can be read: nothing to rebuild (--force rebuilds it all the same)')
    return 1
  }
  for (const it of rebuilt) {
    const { topic, partition, offset, reason, sequences, landedIds, missingIds } = it
    io.print(
      `${topic}-${partition} at offset ${offset}: rebuilt (${reason}); ` +
        `${sequences} sequences, ${landedIds} ids landed, ${missingIds} missing between them`
    )
  }
  io.print(
    'records that waited for confirmation are not part of a rebuilt state; start K2 again to land'
  )
  return 0
}
