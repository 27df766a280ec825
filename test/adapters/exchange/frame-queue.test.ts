import { Effect, Fiber } from 'effect'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FrameQueue } from '../../../src/adapters/exchange/frame-queue.ts'

class Gone {
  readonly _tag = 'Gone'
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const setup = (isGrown: () => boolean, bytesMax = 1_000) => {
  const queue = new FrameQueue<Gone>({
    bytesMax, batchFramesMax: 3, isGrown, setReading: () => undefined
  })
  let nextId = 0
  const push = (count = 1) => {
    for (let index = 0; index < count; index++) {
      const bytes = Buffer.from([nextId++])
      queue.push({ bytes, frameBytes: 1, isBinary: false, receivedUs: 0 })
    }
  }
  const takes = () => {
    const fiber = Effect.runFork(queue.take)
    return {
      sizes: () => {
        const exit = fiber.pollUnsafe()
        return exit?._tag === 'Success' ? exit.value.map(({ bytes }) => bytes[0]) : exit?._tag
      },
      stop: () => Effect.runPromise(Fiber.interrupt(fiber))
    }
  }
  return { queue, push, takes }
}
const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('frames', () => {
  test('leave at once, or after the turns that bring more', async () => {
    const { push, takes } = setup(() => false)
    push(4)
    expect(takes().sizes()).toEqual([0, 1, 2])
    expect(takes().sizes()).toEqual([3])
    const later = takes()
    push()
    await turns()
    expect(later.sizes()).toEqual([4])
  })

  test('gather for a while where batches may grow', async () => {
    const { push, takes } = setup(() => true)
    push()
    const taken = takes()
    for (let more = 0; more < 3; more++) {
      await turns()
      push()
    }
    await turns()
    expect(taken.sizes()).toBeUndefined()
    vi.advanceTimersByTime(25)
    await turns()
    expect(taken.sizes()).toEqual([0, 1, 2, 3])
  })

  test('leave without waiting where there are plenty, by number or by bytes', async () => {
    const byNumber = setup(() => true)
    byNumber.push(13)
    expect(byNumber.takes().sizes()).toHaveLength(12)
    const rest = byNumber.takes()
    byNumber.push(11)
    await turns()
    expect(rest.sizes()).toHaveLength(12)
    const byBytes = setup(() => true, 8)
    byBytes.push(4)
    expect(byBytes.takes().sizes()).toHaveLength(4)
  })

  test('wait for nothing once nothing can follow', async () => {
    const { queue, push, takes } = setup(() => true)
    push()
    const taken = takes()
    queue.fail(new Gone())
    await turns()
    expect(taken.sizes()).toEqual([0])
    expect(takes().sizes()).toBe('Failure')
  })

  test('are lost to nobody when a reader that waits is interrupted', async () => {
    const { push, takes } = setup(() => true)
    push()
    const first = takes()
    await first.stop()
    vi.advanceTimersByTime(25)
    await turns()
    const second = takes()
    vi.advanceTimersByTime(25)
    await turns()
    expect(second.sizes()).toEqual([0])
  })

  test('that gather when batches shrink again leave with the next one', async () => {
    let isGrown = true
    const { push, takes } = setup(() => isGrown)
    push()
    const taken = takes()
    isGrown = false
    push()
    await turns()
    expect(taken.sizes()).toEqual([0, 1])
  })
})
