/**
 * A service that hangs while K2 starts is a state (R14): who needs it waits for it, and has not
 * crashed. The clock of the supervisors is the test's, so that their deadlines pass at once.
 */
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SimulatedClock } from 'xstate'
import { startFakeRestCatalog } from '../support/fake-iceberg-rest.ts'
import { cleanUp, newFolder, startTree } from './support/runtime.ts'

cleanUp()

/** Takes connections and says nothing, as a broker under SIGSTOP does. */
const silentPort = async (): Promise<number> => {
  const server = createServer(() => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return address.port
}

describe('a start while a service hangs', () => {
  test('the catalog: its table is waited for longer than one request may take', async () => {
    const catalog = await startFakeRestCatalog()
    let isClosed = false
    onTestFinished(() => (isClosed ? undefined : catalog.close()))
    catalog.misbehave = () => ({ does: 'hang', when: 'before' })
    const clock = new SimulatedClock()
    const tree = startTree(newFolder(), { K2_ICEBERG_CATALOG_URI: catalog.uri }, clock)
    const path = 'root/storage/trades'
    await tree.until('a request that hangs', () => catalog.requests.length > 0)
    clock.increment(15_000)
    expect(tree.actor(path)).toMatchObject({ state: 'up.starting', lastError: null })
    isClosed = true
    await catalog.close()
    await tree.until('that it waits', () => tree.actor(path).state === 'waiting')
    expect(tree.actor(path).lastError).toMatchObject({ isDependency: true })
  })

  test('the broker: a lander waits for the log, and its deadline is not missed', async () => {
    const clock = new SimulatedClock()
    const broker = `127.0.0.1:${await silentPort()}`
    const tree = startTree(newFolder(), { K2_KAFKA_BOOTSTRAP_SERVERS: broker }, clock)
    const path = 'root/landing/lander:trades'
    await tree.until('that it waits', () => tree.actor(path)?.state === 'waiting')
    expect(tree.actor(path).lastError).toMatchObject({ tag: 'ServiceAway', isDependency: true })
    clock.increment(30_000)
    expect(tree.actor(path).lastError).toMatchObject({ tag: 'ServiceAway' })
    await tree.until('the API', () => tree.shared.http.current !== undefined)
    expect((await tree.health()).text).toContain('the event log is not open')
  })
})
