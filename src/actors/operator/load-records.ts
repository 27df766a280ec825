/** A batch load of one data type: its files, one after the other, and what became of them. */
import * as Effect from 'effect/Effect'
import type { Config } from '../../adapters/config/config.ts'
import { type AssetClass, topicName } from '../../market/instrument.ts'
import { exchangeFacts, type LoadSource } from '../../market/load/load-source.ts'
import { referenceForms } from '../../market/load/reference-forms.ts'
import { quoteForms, tradeForms } from '../../market/load/row-forms.ts'
import type { QuoteV2 } from '../../market/records/quote-v2.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import { type DataTypeSpec, quotesSpec, referenceDataSpec, tradesSpec } from '../data-types.ts'
import { type LoadedFile, loadFile, type LoadOptions } from './load-files.ts'
import { LoadRefused } from './load-log.ts'
import { type Landed, openLoad } from './open-load.ts'
import { numberedRecords, versionedRecords } from './row-records.ts'

export interface LoadRequest {
  readonly config: Config
  readonly files: readonly string[]
  /** Upper case. */
  readonly exchange: string
  readonly assetClass: AssetClass | undefined
  readonly currency: string | undefined
  readonly timeZone: string | undefined
  readonly symbol: string | undefined
  readonly isDry: boolean
  readonly batchRows: number
  readonly reject: (
    file: string,
    row: { readonly line: number; readonly reason: string; readonly raw: string }
  ) => void
  readonly progress: (file: string, rows: number, fraction: number) => void
}

export interface LoadReport {
  readonly files: readonly LoadedFile[]
  /** Null of a dry run. */
  readonly landed: Landed | null
}

type Loading = Effect.Effect<LoadReport, { readonly message: string }>

export const loadTrades = (request: LoadRequest): Loading =>
  loadWith(request, {
    spec: tradesSpec,
    forms: tradeForms,
    timeUsOf: ({ timestamp }) => timestamp,
    records: numberedRecords<TradeV2>((content, { messageId, ownId, sequence }) => ({
      ...content,
      message_id: messageId,
      trade_id: ownId,
      source_sequence: sequence
    }))
  })

export const loadQuotes = (request: LoadRequest): Loading =>
  loadWith(request, {
    spec: quotesSpec,
    forms: quoteForms,
    timeUsOf: ({ timestamp }) => timestamp,
    records: numberedRecords<QuoteV2>((content, { messageId, ownId, sequence }) => ({
      ...content,
      message_id: messageId,
      quote_id: ownId,
      source_sequence: sequence
    }))
  })

export const loadReferenceData = (request: LoadRequest): Loading =>
  loadWith(request, {
    spec: referenceDataSpec,
    forms: referenceForms,
    records: versionedRecords(() => Date.now() * 1_000)
  })

interface Loadable<R, A extends SequencedRecord> extends Pick<
  LoadOptions<R, A>,
  'forms' | 'records' | 'timeUsOf'
> {
  readonly spec: DataTypeSpec<A>
}

const loadWith = <R, A extends SequencedRecord>(
  request: LoadRequest,
  { spec, ...loadable }: Loadable<R, A>
): Loading =>
  Effect.gen(function* () {
    const facts = yield* factsOf(request)
    const topic = topicName(facts.assetClass, spec.name, request.exchange)
    const load = request.isDry
      ? undefined
      : yield* openLoad(spec, { config: request.config, topic, exchange: request.exchange })
    const to = load && { load, codec: spec.makeCodec() }
    const files: LoadedFile[] = []
    for (const path of request.files) {
      const loaded = yield* loadFile(path, {
        ...loadable,
        source: { ...facts, companyId: companyIdOf(path) },
        to,
        batchRows: request.batchRows,
        reject: (row) => request.reject(path, row),
        progress: (rows, fraction) => request.progress(path, rows, fraction)
      })
      files.push(loaded)
    }
    return { files, landed: load === undefined ? null : yield* load.finish }
  }).pipe(Effect.scoped)

const factsOf = (
  request: LoadRequest
): Effect.Effect<Omit<LoadSource, 'companyId'>, LoadRefused> => {
  const { exchange, symbol } = request
  const known = exchangeFacts(exchange)
  const assetClass = request.assetClass ?? known.assetClass
  const currency = request.currency ?? known.currency
  const timeZone = request.timeZone ?? known.timeZone ?? 'UTC'
  if (assetClass === undefined || currency === undefined) {
    const flag = assetClass === undefined ? '--asset-class' : '--currency'
    return Effect.fail(new LoadRefused({ detail: `${exchange} needs ${flag}` }))
  }
  return Effect.succeed({ exchange, symbol, assetClass, currency, timeZone })
}

/** Raw files are named by the exchange's number of the company, such as `7078.csv.gz`. */
const companyIdOf = (path: string): string | undefined =>
  /(?:^|[/\\])(\d+)\.csv(?:\.gz)?$/.exec(path)?.[1]
