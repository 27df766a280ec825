/**
 * Program of the actor `landing/gaps`: the gap writer over the claims in the log, the table of
 * trades and the table of gaps. It is drained after landers and claims: what they say last is in
 * the ledger.
 */
import * as Effect from 'effect/Effect'
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
import { openStores, storageSettingsOf } from '../storage/stores.ts'
import { claimsPartition } from './claim-reader.ts'
import type { GapWriterEvent } from './gap-writer.ts'
import { observeGapWriter, showOpenGaps } from './gap-telemetry.ts'
import { openGapWriter } from './open-gap-writer.ts'

const tickMsMax = 1_000

export const gapWriterProgram =
  (shared: Shared) =>
  (args: ProgramArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { commands, reportStatus } = args
      const { gaps, drained } = shared
      const log = yield* served(shared.log, 'the event log')
      const claims = yield* openClaims(shared, log)
      const progress = new LandingProgress()
      const shown = showOpenGaps(shared)
      reportStatus(() => ({ counters: shown.counters() }))
      const observe = (event: GapWriterEvent): void => {
        observeGapWriter(shared, event)
        if (event.type === 'ledger.current') shown.note(event.ledger)
        noteProgress(shared, progress, event)
      }
      const writer = yield* tracked('gap writer', 'client')(
        openWriter(shared, { claims, observe })
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

const openClaims = (shared: Shared, log: EventLog) =>
  Effect.gen(function* () {
    const { gaps, folder } = shared
    const claims = yield* openLanderLog({
      topic: gaps.topic,
      folder,
      kafka: landerKafka(shared, 'gaps', false),
      watermarks: log.watermarks(),
      observe: (event) => observeLanderLog(shared, gaps, event)
    })
    yield* shared.log.follow((current) => {
      for (const watermark of current.watermarks()) claims.advance(watermark)
      return current.changed((watermark: Watermark) => claims.advance(watermark))
    })
    return claims
  })

interface Opened {
  readonly claims: LanderLog
  readonly observe: (event: GapWriterEvent) => void
}

const openWriter = (shared: Shared, { claims, observe }: Opened) =>
  Effect.gen(function* () {
    const { config, folder, gaps, trades, nowMs, uuid } = shared
    return yield* openGapWriter({
      options: optionsOf(shared),
      log: claims.reader,
      trades: yield* servedTable(trades),
      gaps: yield* servedTable(gaps),
      stores: yield* openStores(storageSettingsOf(config), folder, nowMs),
      folder,
      keepsCopies: config.roles.includes('serve'),
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
