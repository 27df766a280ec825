/** What a worker thread says of its memory, once a second; its silence says that it hangs. */
import * as Effect from 'effect/Effect'

export interface MemorySampled {
  readonly type: 'memory.sampled'
  readonly heapUsedBytes: number
  readonly arrayBufferBytes: number
}

const sampleMs = 1_000

export const sampleMemory = (post: (sample: MemorySampled) => void): Effect.Effect<never> =>
  Effect.sync(() => {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    post({ type: 'memory.sampled', heapUsedBytes: heapUsed, arrayBufferBytes: arrayBuffers })
  }).pipe(Effect.andThen(Effect.sleep(sampleMs)), Effect.forever)
