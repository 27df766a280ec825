/** A drain has a deadline of its own: on a busy machine what has piled up would wait in the log. */
import { expect } from 'vitest'
import type { Tree } from './runtime.ts'

/** Makes the simulated exchange fall silent, and waits until all that it sent has landed. */
export const silenced = async (tree: Tree): Promise<void> => {
  const { simulator, landed, log, spool } = tree.shared
  const response = await fetch(`${simulator.current!.restUrl}/control/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stall: true })
  })
  expect(response.status).toBe(200)
  await tree.until(
    'everything to land',
    () =>
      spool.current?.usage().records === 0 &&
      landed.every(
        ({ topic, landing, publisher }) =>
          publisher.current?.pendingBytes === 0 &&
          log.current
            ?.watermarks()
            .filter((watermark) => watermark.topic === topic)
            .every(({ partition, durableEnd }) => {
              const { positions = [] } = landing.current ?? {}
              const position = positions.find((it) => it.partition === partition)
              return (position?.offset ?? 0) === durableEnd
            })
      )
  )
}

/** The same, and then drains. */
export const drainLanded = async (tree: Tree): Promise<void> => {
  await silenced(tree)
  await tree.drain()
  expect(tree.shared.drained.isLanded).toBe(true)
}
