/** What a loader is told of a file's rows, because they do not say it. */
import type { AssetClass } from '../instrument.ts'

export interface LoadSource {
  /** Upper case, for example `ASX`. */
  readonly exchange: string
  readonly assetClass: AssetClass
  /** Of the prices. */
  readonly currency: string
  /** Of times that do not name theirs, for example `Australia/Sydney`. */
  readonly timeZone: string
  /** Of files whose rows do not name one. */
  readonly symbol: string | undefined
  /** The exchange's number of the company, where the file's name is one. */
  readonly companyId: string | undefined
}

type ExchangeFacts = Pick<LoadSource, 'assetClass' | 'currency' | 'timeZone'>

const knownExchanges: Readonly<Record<string, ExchangeFacts>> = {
  ASX: { assetClass: 'equities', currency: 'AUD', timeZone: 'Australia/Sydney' }
}

/** What is known of an exchange; nothing of most. */
export const exchangeFacts = (exchange: string): Partial<ExchangeFacts> =>
  knownExchanges[exchange] ?? {}
