/** Schemas of what this process captures, kept before a record is written with them (R52). */
import * as Effect from 'effect/Effect'
import { unavailable } from '../../adapters/log/event-log.ts'
import type { Shared } from '../shared.ts'

export const keepSchemas = ({
  folder,
  captured,
  host
}: Pick<Shared, 'folder' | 'captured' | 'host'>) =>
  Effect.tryPromise({
    try: async () => {
      const kept = host.keptSchemas(folder.schemas)
      for (const { spec } of captured) await kept.keep(spec.schema)
      return kept
    },
    catch: (error) => unavailable(folder.schemas, error)
  })
