/** A drain has a deadline of its own: on a busy machine what has piled up would wait in the log. */
import { expect } from 'vitest'
import type { Tree } from './runtime.ts'

/** Makes the simulated exchange fall silent, waits until all has landed, and drains. */
export const drainLanded = async (tree: Tree): Promise<void> => {
  const { simulator, landed, log } = tree.shared
  const response = await fetch(`${simulator.current!.restUrl}/control/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stall: true })
  })
  expect(response.status).toBe(200)
  await tree.until('everything to land', () =>
    landed.every(({ topic, landing }) =>
      log.current!
        .watermarks()
        .filter((watermark) => watermark.topic === topic)
        .every(({ partition, durableEnd }) => {
          const { positions = [] } = landing.current ?? {}
          return (positions.find((it) => it.partition === partition)?.offset ?? 0) === durableEnd
        })
    )
  )
  await tree.drain()
  expect(tree.shared.drained.isLanded).toBe(true)
}
