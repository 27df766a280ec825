import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../adapters/log/log-support.ts'
import { seededRandom } from '../../../chaos/simulation/simulated-files.ts'
import { FakeLog, firstAppearances, makeWorld, topic } from './publisher-support.ts'

const script = fileURLToPath(new URL('./spooling-process.ts', import.meta.url))
const rounds = 3
const linesMax = 100

/** Spools from an id on, is killed after some batches; the id behind the last durable one. */
const spoolAndKill = async (directory: string, from: number, lines: number): Promise<number> => {
  const args = ['--import', 'tsx', script, directory, String(from)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let durable = from
  let left = lines
  for await (const line of createInterface({ input: child.stdout })) {
    durable = Number(/^durable (\d+);$/.exec(line)?.[1] ?? durable)
    if (--left === 0) child.kill('SIGKILL')
  }
  await exited
  expect(left, 'the process ended by itself').toBeLessThanOrEqual(0)
  return durable
}

test('what a killed process has spooled reaches the log, in order', async () => {
  const seed = Number(process.env['K2_TEST_SEED'] ?? Date.now() % 1_000_000)
  const random = seededRandom(seed)
  const directory = await temporaryDirectory()
  const log = new FakeLog()
  let durable = 0
  for (let round = 0; round < rounds; round++) {
    // The one before it did not get to say what became durable last: its ids come again.
    durable = await spoolAndKill(directory, durable, 1 + Math.floor(random() * linesMax))
  }
  const world = await makeWorld(log, 1, { directory })
  expect(world.opened.events.map(({ type }) => type)).toContain('lock.recovered')
  const { recovered } = world.publisher.counts
  expect(recovered).toBeGreaterThanOrEqual(durable)
  world.run()
  await expect.poll(() => world.publisher.counts.acknowledged).toBe(recovered)
  const firsts = firstAppearances(log.ids.get(0)!)
  const told = `seed ${seed}: set K2_TEST_SEED to repeat it`
  expect(firsts.slice(0, durable), told).toEqual(Array.from({ length: durable }, (_, id) => id))
  // What is drained is removed behind its acknowledgement.
  await expect.poll(() => world.opened.spool.usage()).toMatchObject({ records: 0, bytes: 0 })
  expect(world.opened.spool.lane(topic, 0).isEmpty).toBe(true)
})
