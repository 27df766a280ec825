/** What this process has taken and the log does not have yet: no answer can have it (R35). */
import type { Pipeline } from '../pipeline.ts'
import type { Shared } from '../shared.ts'

/** In words; empty while the log takes what comes. */
export const unloggedOf = (
  { host: { steadyMs } }: Pick<Shared, 'host'>,
  { dataType, circuit, ledger }: Pipeline
): readonly string[] => {
  const { spooled, inFlight } = ledger.counts
  const texts: string[] = []
  if (spooled > 0) texts.push(`${spooled} ${dataType} wait in the spool for the log`)
  if (circuit.openedMs !== null) {
    const seconds = Math.ceil((steadyMs() - circuit.openedMs) / 1_000)
    texts.push(
      `the log has been unreachable for ${seconds} s; ${inFlight} ${dataType} wait for it in memory`
    )
  }
  return texts
}
