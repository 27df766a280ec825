/**
 * Asks a K2 whether it accounts for every record (R16): each process says it of its own part, so
 * that a run asks all of them once they are quiet.
 */

const askMsMax = 10_000

/** As `/v1/system/conservation` says it. */
export interface BrokenEquation {
  readonly equation: string
  readonly exchange: string
  readonly data_type: string
  readonly symbol: string | null
  readonly partition: number | null
  readonly left: Readonly<Record<string, number>>
  readonly right: Readonly<Record<string, number>>
  readonly difference: number
  readonly broken_since: string | null
}

/**
 * Equations that fail in the process at this address; none: nothing of its part has disappeared.
 * @throws Error where it does not answer, or answers something else
 */
export const brokenEquations = async (url: string): Promise<readonly BrokenEquation[]> => {
  const response = await fetch(new URL('/v1/system/conservation?state=broken', url), {
    signal: AbortSignal.timeout(askMsMax)
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}: ${text}`)
  const { data } = JSON.parse(text) as {
    readonly data?: { readonly holds?: boolean; readonly equations?: readonly BrokenEquation[] }
  }
  if (data?.equations === undefined || data.holds !== (data.equations.length === 0)) {
    throw new Error(`${url}: no answer about conservation: ${text}`)
  }
  return data.equations
}
