/** Schemas of what this process captures, kept before a record is written with them (R52). */
import * as Effect from 'effect/Effect'
import { unavailable } from '../../adapters/log/event-log.ts'
import { keptSchemas } from '../../adapters/schema/kept-schemas.ts'
import type { Shared } from '../shared.ts'

export const keepSchemas = ({ folder, captured }: Pick<Shared, 'folder' | 'captured'>) =>
  Effect.tryPromise({
    try: async () => {
      const kept = keptSchemas(folder.schemas)
      for (const { spec } of captured) await kept.keep(spec.schema)
      return kept
    },
    catch: (error) => unavailable(folder.schemas, error)
  })
