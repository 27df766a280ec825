/** Program of the simulated dead-letter log: lines that are durable once they are written. */
import * as Effect from 'effect/Effect'
import { markDependency } from '../../src/actors/dependency.ts'
import type { EffectActorArgs } from '../../src/actors/effect-actor.ts'
import { drainRequested, type Shared } from '../../src/actors/shared.ts'
import { DeadLetterLogFailed } from '../../src/adapters/dead-letters/dead-letter-log.ts'
import type { LogFile } from '../../src/adapters/log/log-files.ts'

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, DeadLetterLogFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => new DeadLetterLogFailed({ detail: String(error) })
  })

export const deadLetterProgram =
  (shared: Shared) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { host, folder } = shared
      const file = yield* attempt(async () => {
        await host.files.makeDirectory(folder.deadLetters)
        return host.files.open(`${folder.deadLetters}/${shared.uuid()}.ndjson`, 'create')
      })
      yield* shared.deadLetters.serve({ write: writerOf(file) })
      ready()
      yield* drainRequested(commands)
    }).pipe(markDependency)

const writerOf = (file: LogFile) => {
  let end = 0
  return (entries: readonly { readonly reason: string; readonly detail: string }[]) =>
    attempt(async () => {
      const bytes = Buffer.from(
        entries.map(({ reason, detail }) => `${JSON.stringify({ reason, detail })}\n`).join('')
      )
      const position = end
      end += bytes.length
      await file.write([bytes], position)
      await file.sync()
    })
}
