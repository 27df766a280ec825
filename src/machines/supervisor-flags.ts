/**
 * What a supervisor does about its children as a group, in OTP's words; checked once.
 *
 * Invariant: flags and specs agree: a child is significant only where its end can mean something.
 */
import { intensityDefault, limitFaults, type RestartLimit } from './restart-policy.ts'
import { type ChildSpec, InvalidChildSpec } from './supervisor-spec.ts'

/**
 * Whom a crash takes along: nobody, all siblings, or those that started after it. They are stopped
 * in reverse order and started again in order, with the one that crashed.
 */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/** When a supervisor ends because children ended by themselves. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

export interface SupervisorFlags {
  readonly strategy: Strategy
  /** Crashes of all children together, those of dependencies excepted (R14). */
  readonly intensity: RestartLimit
  readonly autoShutdown: AutoShutdown
}

/** Completes the flags and checks them against the children. @throws InvalidChildSpec */
export const supervisorFlags = (
  id: string,
  options: { readonly [Flag in keyof SupervisorFlags]?: SupervisorFlags[Flag] | undefined },
  specs: ReadonlyArray<ChildSpec>
): SupervisorFlags => {
  const { strategy = 'one_for_one', intensity = intensityDefault, autoShutdown = 'never' } = options
  const flags = { strategy, intensity, autoShutdown }
  const faults = limitFaults('intensity', intensity)
  if (faults.length > 0) throw new InvalidChildSpec({ childId: id, faults: [...faults] })
  for (const spec of specs) {
    const fault = misfit(flags, spec)
    if (fault !== null) throw new InvalidChildSpec({ childId: spec.id, faults: [fault] })
  }
  return flags
}

/** Why a supervisor with these flags may not have this child. */
export const misfit = ({ autoShutdown }: SupervisorFlags, spec: ChildSpec): string | null =>
  spec.significant && autoShutdown === 'never'
    ? 'significant needs a supervisor whose autoShutdown is any_significant or all_significant'
    : null
