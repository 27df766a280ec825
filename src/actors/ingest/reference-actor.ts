/**
 * Program of an actor such as `ingest/reference:binance`: what the venue says of the captured
 * symbols goes through the event log whenever it has changed (R49).
 *
 * 1. What is known is what the table has; where this process has no table, or it cannot be read
 *    now, everything is published once, and the lander knows the repeats.
 * 2. A symbol that was listed and is not any more is said to be inactive. One that the venue has
 *    never listed is the feed's to report.
 * 3. What was taken is durable in the event log before the next listing is compared with it, and
 *    before a drain ends.
 */
import { createHash } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { fetchListing } from '../../adapters/exchange/binance-rest.ts'
import { binanceRestDefaults } from '../../adapters/exchange/rest-request.ts'
import { listedReference } from '../../market/listing-reference.ts'
import type { ReferenceDataV2 } from '../../market/records/reference-data-v2.ts'
import {
  knownVersion,
  type KnownVersion,
  newVersions,
  type ReferenceContent,
  unlisted
} from '../../market/reference-data.ts'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { observeRest } from './feed-telemetry.ts'

export interface ReferenceOptions {
  readonly symbols: readonly string[]
  /** Base addresses of the venue's REST API, once they are known; further ones are failovers. */
  readonly restUrls: Effect.Effect<readonly string[]>
  readonly intervalMs: number
}

/** Companies that are read back from the table at a start. */
const knownMax = 10_000
const knownMsMax = 5_000

export const referenceProgram =
  (shared: Shared, options: ReferenceOptions) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const known = new Map(yield* readKnown(shared))
      ready()
      const check = checkListing(shared, options, known)
      yield* Effect.raceFirst(
        Effect.forever(Effect.andThen(check, Effect.sleep(options.intervalMs))),
        drainRequested(commands)
      )
      yield* shared.referenceData.publisher.current?.flushed ?? Effect.void // (3)
    }).pipe(markDependency)

const checkListing = (
  shared: Shared,
  { symbols, restUrls }: ReferenceOptions,
  known: Map<string, KnownVersion>
) =>
  Effect.gen(function* () {
    const attempts = (yield* restUrls).map((url) =>
      fetchListing(url, symbols, {
        ...binanceRestDefaults,
        observe: (event) => observeRest(shared, event)
      })
    )
    const listed = yield* attempts.reduce((first, second) =>
      Effect.catchIf(
        first,
        () => true,
        () => second
      )
    )
    const contents = symbols.flatMap((symbol): readonly ReferenceContent[] => {
      const pair = listed.get(symbol)
      if (pair !== undefined) return [listedReference(pair, shared.exchange)]
      const last = known.get(symbol)
      return last === undefined ? [] : [unlisted(last.content)] // (2)
    })
    const records = newVersions(contents, known, { hash: sha256, nowUs: shared.nowMs() * 1_000 })
    const counts = { listed: listed.size, changed: records.length }
    shared.telemetry.log('info', 'reference_data.compared', counts)
    if (records.length === 0) return
    const publisher = yield* shared.referenceData.publisher.get
    const refused = yield* publisher.offer(records)
    yield* publisher.flushed // (3)
    // What had no place is another version, not known yet, at the next comparison.
    for (const record of records) if (!refused.has(record.company_id)) remember(known, record)
  })

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const remember = (known: Map<string, KnownVersion>, record: ReferenceDataV2): void => {
  const version = knownVersion(record)
  if (version !== undefined) known.set(record.company_id, version)
}

/** (1) */
const readKnown = (shared: Shared): Effect.Effect<ReadonlyMap<string, KnownVersion>> => {
  const nothing: ReadonlyMap<string, KnownVersion> = new Map()
  if (!shared.hasRole('serve')) return Effect.succeed(nothing)
  return Effect.flatMap(shared.queries.get, ({ reference }) =>
    reference.newest({ exchange: shared.exchange }, knownMax)
  ).pipe(
    Effect.timeoutOrElse({
      duration: knownMsMax,
      orElse: () => Effect.fail({ message: `the table gave no answer within ${knownMsMax} ms` })
    }),
    Effect.map(({ rows }) => {
      const known = new Map<string, KnownVersion>()
      for (const row of rows) remember(known, recordOfJson(row))
      return known
    }),
    Effect.catch(({ message }) =>
      Effect.sync(() => {
        shared.telemetry.log('warn', 'reference_data.table_unread', { detail: message })
        return nothing
      })
    )
  )
}

/** A record as the query writes it: times are texts with six decimals of a second. */
const recordOfJson = (json: string): ReferenceDataV2 => {
  type Row = Omit<ReferenceDataV2, TimeField> & Readonly<Record<TimeField, string | null>>
  const row = JSON.parse(json) as Row
  return {
    ...row,
    ingestion_timestamp: microsOf(row.ingestion_timestamp) ?? 0,
    listing_date: microsOf(row.listing_date),
    delisting_date: microsOf(row.delisting_date)
  }
}

type TimeField = 'ingestion_timestamp' | 'listing_date' | 'delisting_date'

const microsOf = (iso: string | null): number | null =>
  iso === null ? null : Date.parse(`${iso.slice(0, -8)}Z`) * 1_000 + Number(iso.slice(-7, -1))
