/**
 * The commit of a step, and what becomes of its files (R19): where it certainly did not take place
 * they are removed; where that is unknown they stay, and orphan removal finds them if it did not.
 */
import * as Effect from 'effect/Effect'
import { resolveUnknown } from '../../adapters/iceberg/append.ts'
import {
  commitOverwrite,
  type OverwriteRequest
} from '../../adapters/iceberg/overwrite-files.ts'
import type { RollupPorts } from './rollup.ts'

type Outcome =
  { readonly kind: 'committed' } | { readonly kind: 'overtaken'; readonly detail: string }

export const commitMinutes = (
  { minutes: { table }, store, onRemoved }: Pick<RollupPorts, 'minutes' | 'store' | 'onRemoved'>,
  { paths, ...request }: Omit<OverwriteRequest, 'syncDataFiles'> & {
    readonly paths: readonly string[]
  }
) => {
  const { dataFiles } = request
  const discard = Effect.forEach(dataFiles, ({ location }) => store.discard(location), {
    discard: true
  })
  return commitOverwrite(table, { ...request, syncDataFiles: store.persist(paths) }).pipe(
    Effect.tapError(({ _tag }) =>
      _tag === 'CommitUnknown' || _tag === 'SummaryAltered' ? Effect.void : discard
    ),
    Effect.flatMap((result): Effect.Effect<Outcome> => {
      if (result.kind === 'overtaken') return Effect.as(discard, result)
      return Effect.sync(() => {
        onRemoved(result.committed.removed.map(({ location }) => location))
        return { kind: 'committed' }
      })
    }),
    Effect.catchTag('CommitUnknown', (unknown) =>
      Effect.flatMap(resolveUnknown(table, unknown), ({ outcome }) =>
        outcome === 'landed'
          ? Effect.succeed<Outcome>({ kind: 'committed' })
          : Effect.fail(unknown)
      )
    )
  )
}
