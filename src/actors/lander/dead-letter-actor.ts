/** Program of the actor `landing/dead-letters`: the dead-letter log of the feeds' frames. */
import * as Effect from 'effect/Effect'
import { openDeadLetterLog } from '../../adapters/dead-letters/dead-letter-log.ts'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { deadLetterBytesMax, deadLetterFileBytesMax } from './dead-letter-limits.ts'

export const deadLetterProgram =
  (shared: Shared) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const log = yield* tracked('dead letters', 'file')(
        openDeadLetterLog({
          folder: shared.folder.deadLetters,
          name: 'feed',
          fileBytesMax: deadLetterFileBytesMax,
          bytesMax: deadLetterBytesMax
        })
      )
      yield* shared.deadLetters.serve(log)
      ready()
      yield* drainRequested(commands)
    }).pipe(markDependency)
