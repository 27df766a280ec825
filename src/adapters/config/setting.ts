/** What a setting is; `settings.ts` lists them all. */
import type { Kind } from './values.ts'

export interface Setting<A> {
  readonly variable: `K2_${string}`
  readonly kind: Kind<A>
  /** As a user would write it; `undefined` where there is no value unless one is given. */
  readonly preset: string | undefined
  readonly example: string
  readonly about: string
}

export const setting = <A>(
  variable: `K2_${string}`,
  kind: Kind<A>,
  preset: string,
  [example, about]: readonly [example: string, about: string]
): Setting<A> => ({ variable, kind, preset, example, about })

export const optional = <A>(
  variable: `K2_${string}`,
  kind: Kind<A>,
  [example, about]: readonly [example: string, about: string]
): Setting<A | undefined> => ({ variable, kind, preset: undefined, example, about })
