/**
 * Program of the actor `landing/gaps`: the gap writer over the claims in the log, the table of
 * trades and the table of gaps. It is drained after landers and claims: what they say last is in
 * the ledger.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { EventLog, Watermark } from '../../adapters/log/event-log.ts'
import { emptyPartitionState } from '../../machines/partition-fold.ts'
import { markDependency, served, servedTable } from '../dependency.ts'
import type { ProgramArgs } from '../effect-actor.ts'
import { landerKafka, removeLater } from '../lander/lander-actor.ts'
import { type LanderLog, openLanderLog } from '../lander/lander-log.ts'
import { observeLanderLog } from '../lander/lander-telemetry.ts'
import { LandingProgress } from '../lander/landing-progress.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { storageSettingsOf } from '../storage/stores.ts'
import { claimsPartition } from './claim-reader.ts'
import type { GapWriterEvent } from './gap-writer.ts'
import { observeGapWriter, showOpenGaps } from './gap-telemetry.ts'
import {
  gapWriterOver,
  type LedgerFiles,
  type LedgerFilesOptions,
  openLedgerFiles
} from './open-gap-writer.ts'

const tickMsMax = 1_000

/** What of it is not of every machine. */
export interface GapWriterMachine {
  readonly openLog: (shared: Shared, log: EventLog) => ReturnType<typeof openLanderLog>
  readonly openFiles: (
    options: LedgerFilesOptions
  ) => Effect.Effect<LedgerFiles, { readonly message: string }, Scope.Scope>
}

export const gapWriterProgram =
  (shared: Shared, machine: GapWriterMachine = { openLog, openFiles: openLedgerFiles }) =>
  (args: ProgramArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { commands, reportStatus } = args
      const { gaps, drained } = shared
      const log = yield* served(shared.log, 'the event log')
      const claims = yield* openClaims(shared, machine.openLog(shared, log))
      const progress = new LandingProgress()
      const shown = showOpenGaps(shared)
      reportStatus(() => ({ counters: shown.counters() }))
      const observe = (event: GapWriterEvent): void => {
        observeGapWriter(shared, event)
        if (event.type === 'ledger.current') shown.note(event.ledger)
        noteProgress(shared, progress, event)
      }
      const writer = yield* tracked('gap writer', 'client')(
        openWriter(shared, { claims, observe, openFiles: machine.openFiles })
      )
      yield* gaps.landing.serve(progress)
      const aging = Effect.andThen(Effect.sleep(tickMsMax), Effect.sync(shown.showAge))
      yield* Effect.forkScoped(Effect.forever(aging))
      yield* Effect.forkScoped(Effect.andThen(drainRequested(commands), writer.finish))
      yield* writer.run
      drained.landedOffsets.set(
        gaps.topic,
        new Map(progress.positions.map(({ partition, offset }) => [partition, offset]))
      )
    }).pipe(markDependency)

const openLog = (shared: Shared, log: EventLog): ReturnType<typeof openLanderLog> => {
  const { gaps, folder } = shared
  return openLanderLog({
    topic: gaps.topic,
    folder,
    kafka: landerKafka(shared, 'gaps', false),
    watermarks: log.watermarks(),
    observe: (event) => observeLanderLog(shared, gaps, event)
  })
}

const openClaims = (shared: Shared, opening: ReturnType<typeof openLanderLog>) =>
  Effect.tap(opening, ({ advance }) =>
    shared.log.follow((current) => {
      const tell = (watermark: Watermark) => advance(watermark)
      for (const watermark of current.watermarks()) tell(watermark)
      return current.changed(tell)
    })
  )

interface Opened extends Pick<GapWriterMachine, 'openFiles'> {
  readonly claims: LanderLog
  readonly observe: (event: GapWriterEvent) => void
}

const openWriter = (shared: Shared, { claims, observe, openFiles }: Opened) =>
  Effect.gen(function* () {
    const { config, folder, trades, nowMs, uuid, host } = shared
    const tradesTable = yield* servedTable(trades)
    const gaps = yield* servedTable(shared.gaps)
    const stores = yield* host.openStores(storageSettingsOf(config), folder, nowMs)
    const keepsCopies = config.roles.includes('serve')
    return gapWriterOver({
      options: optionsOf(shared),
      log: claims.reader,
      trades: tradesTable,
      gaps,
      files: yield* openFiles({ gaps, stores, folder, keepsCopies }),
      landedHint: () => trades.landing.current?.snapshotId,
      pollMs: config.commitAgeMs,
      uuid,
      onRemoved: (locations) => removeLater(shared, locations),
      writeLetters: (letters) =>
        Effect.flatMap(shared.deadLetters.get, (log) => log.write(letters)),
      nowMs,
      observe
    })
  })

/** Nothing can be late by more than this: it would be in the table. */
const commitAgesQuiet = 2

const optionsOf = ({ config, gaps }: Shared) => ({
  topic: gaps.topic,
  terms: {
    graceUs: config.gapGraceMs * 1_000,
    quietUs: (config.gapGraceMs + commitAgesQuiet * config.commitAgeMs) * 1_000,
    tailIdsMax: config.sequenceJumpMax
  },
  tickMs: Math.min(tickMsMax, config.commitAgeMs),
  commitMs: config.commitAgeMs
})

const noteProgress = (
  { gaps, log, nowMs }: Shared,
  progress: LandingProgress,
  event: GapWriterEvent
): void => {
  const positionsAt = (offset: number) => [
    { partition: claimsPartition, offset, counters: emptyPartitionState().counters }
  ]
  if (event.type === 'ledger.opened') {
    const positions = event.offset === null ? [] : positionsAt(event.offset)
    progress.observe({ type: 'lander.started', positions }, nowMs())
  }
  if (event.type !== 'ledger.committed') return
  const { offset, snapshotId, events: rows, tookMs } = event
  const positions = positionsAt(offset)
  progress.observe({ type: 'commit.landed', snapshotId, rows, tookMs, positions }, nowMs())
  log.current?.setConsumed(gaps.topic, claimsPartition, offset)
}
