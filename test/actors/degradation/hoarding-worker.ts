/** A worker thread that holds memory when asked to, and says so as the lander's does. */
import * as Effect from 'effect/Effect'
import { openWorkerMemory } from '../../../src/actors/worker-memory.ts'
import { workerLink } from '../../../src/adapters/thread/worker-thread.ts'

export type HoardRequest =
  | { readonly type: 'hoard.requested'; readonly mebibytes: number }
  | { readonly type: 'memory.collect_requested' }

const link = workerLink<null, HoardRequest, unknown>()
const hoard: Buffer[] = []

const program = Effect.gen(function* () {
  const memory = yield* openWorkerMemory(link.post)
  link.listen(
    (request) => {
      if (request.type === 'memory.collect_requested') return memory.collect()
      hoard.length = 0
      while (hoard.length < request.mebibytes) hoard.push(Buffer.alloc(1_024 ** 2, 1))
    },
    () => {
      link.close()
      running.interruptUnsafe()
    }
  )
  yield* memory.sampling
}).pipe(Effect.scoped)

const running = Effect.runFork(program)
