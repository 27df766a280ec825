/**
 * The venue as the healer asks it: its listing and its limits once in a while, its history piece by
 * piece.
 *
 * 1. Nothing is retried here: a failure is the machine's to wait for. After one, the next address
 *    is asked, but after a refusal for the weight, which is of all of them.
 * 2. What a reply brings goes to the publisher of trades, and nowhere else.
 */
import * as Effect from 'effect/Effect'
import {
  fetchHistory,
  fetchWeightLimit,
  limitsWeight
} from '../../adapters/exchange/binance-history.ts'
import type { HistoryFault } from '../../adapters/exchange/history-reply.ts'
import { fetchListing } from '../../adapters/exchange/binance-rest.ts'
import {
  type BinanceRestOptions,
  binanceRestDefaults,
  type VenueError
} from '../../adapters/exchange/rest-request.ts'
import type { HealRequest } from '../../machines/heal-facts.ts'
import type {
  HealOutcome,
  HealReport,
  LookReport,
  WeightRefusal
} from '../../machines/healer-protocol.ts'
import type { WeightAnnouncement } from '../../machines/weight-budget.ts'
import type { Instrument } from '../../market/instrument.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import { defaultCryptoTiers, type Tier, tierOf } from '../../market/tier.ts'

export interface HealerVenueOptions {
  /** Upper-case code in records and ids. */
  readonly exchange: string
  /** Base addresses of the venue's REST API, once they are known; further ones are failovers. */
  readonly restUrls: Effect.Effect<readonly string[]>
  /** Weight of a request to the history. */
  readonly requestWeight: number
  readonly nowMs: () => number
  readonly observe: BinanceRestOptions['observe']
  /** Takes trades over; ends with how many it had no room for. */
  readonly publish: (trades: readonly TradeV2[]) => Effect.Effect<number>
  readonly observeRequest: (event: HealRequested) => void
  readonly send?: BinanceRestOptions['send']
}

export interface HealRequested {
  /** What came of it, or why it was of no use. */
  readonly outcome:
    | Exclude<HealOutcome, 'useless'>
    | 'unlisted'
    | 'unavailable'
    | 'question'
    | HistoryFault
  readonly request: HealRequest
  readonly trades: number
  readonly detail: string | null
  readonly tookMs: number
}

/** Listing and limits are asked for again after so long. */
const factsMsMax = 3_600_000
const minuteMs = 60_000

type VenueFacts = Pick<LookReport, 'announced' | 'charge' | 'limited'>

export class HealerVenue {
  readonly #options: HealerVenueOptions
  /** Null: the venue does not list it. */
  #instruments = new Map<string, Instrument | null>()
  #intervalMs = minuteMs
  #learnedMs = Number.NEGATIVE_INFINITY
  #urlIndex = 0

  constructor(options: HealerVenueOptions) {
    this.#options = options
  }

  tierOf(symbol: string): Tier {
    const instrument = this.#instruments.get(symbol) ?? null
    return instrument === null ? 3 : tierOf(defaultCryptoTiers, instrument)
  }

  /** Learns what must be known of symbols before they are asked for. */
  learn(symbols: readonly string[]): Effect.Effect<VenueFacts, VenueError> {
    return Effect.suspend(() => {
      const { nowMs } = this.#options
      const isOld = nowMs() - this.#learnedMs > factsMsMax
      const unknown = symbols.filter((symbol) => isOld || !this.#instruments.has(symbol))
      if (unknown.length === 0) return Effect.succeed(nothingNew)
      return this.#asking((baseUrl, options, usedWeight) =>
        Effect.gen({ self: this }, function* () {
          const listed = yield* fetchListing(baseUrl, unknown, options)
          for (const symbol of unknown) {
            const found = listed.get(symbol)
            this.#instruments.set(
              symbol,
              found === undefined
                ? null
                : {
                    exchange: this.#options.exchange,
                    symbol,
                    assetClass: 'crypto',
                    baseAsset: found.baseAsset,
                    quoteAsset: found.quoteAsset
                  }
            )
          }
          const anyListed = [...listed.keys()][0]
          const announced =
            isOld && anyListed !== undefined
              ? yield* this.#limits(baseUrl, anyListed, options)
              : null
          const charge = { atMs: nowMs(), weight: 2 * limitsWeight, usedWeight: usedWeight() }
          const facts: VenueFacts = { announced, charge, limited: null }
          return facts
        })
      ).pipe(
        Effect.catchIf(isLimited, (refused) =>
          Effect.succeed<VenueFacts>({ ...nothingNew, limited: refusalOf(refused) })
        )
      )
    })
  }

  /** Asks for a piece of history, and publishes what it brings (2). */
  heal(request: HealRequest): Effect.Effect<HealReport, VenueError> {
    const { nowMs, requestWeight: weight, observeRequest } = this.#options
    const instrument = this.#instruments.get(request.symbol) ?? null
    const begunMs = nowMs()
    const note = (outcome: HealRequested['outcome'], detail: string | null = null, trades = 0) =>
      observeRequest({ outcome, request, trades, detail, tookMs: Math.max(0, nowMs() - begunMs) })
    const useless = (charge: HealReport['charge']): HealReport => ({
      atMs: nowMs(), outcome: 'useless', answer: { type: 'useless', atMs: nowMs() }, charge,
      limited: null
    })
    if (instrument === null) {
      note('unlisted')
      return Effect.succeed(useless(null))
    }
    return this.#asking((baseUrl, options, usedWeight) =>
      Effect.gen({ self: this }, function* () {
        const question = { baseUrl, instrument, asked: request }
        const reply = yield* fetchHistory(question, () => nowMs() * 1_000, options)
        const charge = { atMs: nowMs(), weight, usedWeight: usedWeight() }
        if (reply.type === 'refused') {
          note(reply.fault, reply.detail)
          return useless(charge)
        }
        const { trades, ...read } = reply
        const refused = trades.length === 0 ? 0 : yield* this.#options.publish(trades)
        const outcome = outcomeOf(trades.length, refused)
        note(outcome, null, trades.length - refused)
        const atMs = nowMs()
        const report: HealReport = {
          atMs,
          outcome,
          // Of some that had no room it is not known which.
          answer: refused > 0 ? { type: 'abandoned', atMs } : { atMs, ...read },
          charge,
          limited: null
        }
        return report
      })
    ).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          if (!isLimited(error) && !isOfTheQuestion(error)) note('unavailable', error.message)
        })
      ),
      Effect.catchIf(isLimited, (error) => {
        note('limited', error.message)
        const atMs = nowMs()
        return Effect.succeed<HealReport>({
          atMs, outcome: 'limited', answer: { type: 'abandoned', atMs }, charge: null,
          limited: refusalOf(error)
        })
      }),
      Effect.catchIf(isOfTheQuestion, (error) => {
        note('question', error.message)
        return Effect.succeed(useless({ atMs: nowMs(), weight, usedWeight: null }))
      })
    )
  }

  #limits(baseUrl: string, symbol: string, options: BinanceRestOptions) {
    const { nowMs } = this.#options
    const askedMs = nowMs()
    return Effect.map(fetchWeightLimit(baseUrl, symbol, options), (told) => {
      this.#learnedMs = nowMs()
      if (told === null) return null
      this.#intervalMs = told.intervalMs
      const { limit, intervalMs, serverTimeMs } = told
      // The venue read its clock somewhere between the question and the answer.
      const skewMs = Math.round(serverTimeMs - (askedMs + nowMs()) / 2)
      const announced: WeightAnnouncement = { limit, intervalMs, skewMs }
      return announced
    })
  }

  /** (1) */
  #asking<A>(
    ask: (
      baseUrl: string,
      options: BinanceRestOptions,
      usedWeight: () => number | null
    ) => Effect.Effect<A, VenueError>
  ): Effect.Effect<A, VenueError> {
    return Effect.gen({ self: this }, function* () {
      const { restUrls, send } = this.#options
      const urls = yield* restUrls
      const baseUrl = urls[this.#urlIndex % urls.length] ?? ''
      let used: number | null = null
      const options: BinanceRestOptions = {
        ...binanceRestDefaults,
        ...(send === undefined ? {} : { send }),
        observe: (event) => {
          // The header that is read is of a minute.
          if (this.#intervalMs === minuteMs) used = event.usedWeight ?? used
          this.#options.observe(event)
        }
      }
      return yield* Effect.tapError(
        ask(baseUrl, options, () => used),
        (error) =>
          Effect.sync(() => {
            if (!isLimited(error)) this.#urlIndex = (this.#urlIndex + 1) % Math.max(1, urls.length)
          })
      )
    })
  }
}

const nothingNew: VenueFacts = { announced: null, charge: null, limited: null }

const outcomeOf = (trades: number, refused: number): Exclude<HealOutcome, 'useless'> => {
  if (refused > 0) return 'no_room'
  return trades > 0 ? 'healed' : 'nothing'
}

type Refused = Extract<VenueError, { readonly _tag: 'VenueRefused' }>

/** Too much was asked, and by the second status: so much that the venue bans. */
const isLimited = (error: VenueError): error is Refused =>
  error._tag === 'VenueRefused' && (error.status === 429 || error.status === 418)

/** The venue takes requests, and not this one. */
const isOfTheQuestion = (error: VenueError): error is Refused =>
  error._tag === 'VenueRefused' && (error.status === 400 || error.status === 404)

const refusalOf = ({ status, retryAfterMs }: Refused): WeightRefusal => ({
  // A ban is never shorter than two minutes.
  retryAfterMs: retryAfterMs ?? (status === 418 ? 120_000 : null)
})
