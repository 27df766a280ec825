/** What two looks at K2 and the exchange say, a while apart. */
import type { Answer } from './step.ts'

export interface Rates {
  readonly seconds: number
  /** Trades per second; null where there is no exchange to be asked. */
  readonly issued: number | null
  readonly published: number
  readonly landed: number
  /** Of K2's process, over all its threads, per second; null where it is not known which it is. */
  readonly cores: number | null
}

export const ratesOf = ({ json, command, text }: Answer): Rates => {
  if (json === undefined) throw new Error(`${command} measured nothing: ${text}`)
  return json as Rates
}
