import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { ActorStatus } from '../../src/actors/status.ts'
import { drainLanded, silenced } from './support/drain-landed.ts'
import {
  cleanUp,
  holdings,
  holesOf,
  newFolder,
  refusingDisk,
  removeState,
  startTree,
  type Tree
} from './support/runtime.ts'

cleanUp()
// Machines that run other tests at the same time start slowly.
vi.setConfig({ testTimeout: 300_000 })

const busy = { K2_SIMULATOR_RATE: '2000' } as const

const landing = (tree: Tree, rows: number) =>
  tree.until(`${rows} rows`, async () => (await tree.metric('k2_landed_records')) >= rows)

/** Resources beside the programs themselves, with their owners (R24). */
const held = ({ kernel }: Tree) =>
  kernel.registry
    .snapshot()
    .filter(({ kind }) => kind !== 'fiber')
    .map(({ owner, name }) => `${owner} ${name}`)
    .sort()

/** Each table has the log, once. */
const expectExactRows = async (folder: string) => {
  const held = await holdings(folder)
  for (const { logged, landed, rows, distinctRows, logEnds, tableOffsets } of [
    held,
    await holdings(folder, 'quotes')
  ]) {
    expect(rows).toBeGreaterThan(0)
    expect(landed).toEqual(logged)
    expect(rows).toBe(distinctRows)
    expect(tableOffsets).toEqual(logEnds)
  }
  return held
}

/** Nor lacks the log anything that the feed had taken over one connection. */
const expectExact = async (folder: string) => {
  const { logged } = await expectExactRows(folder)
  expect(holesOf(logged)).toBe(0)
}

test('starts, serves and drains; nothing is held afterwards', async () => {
  const tree = startTree(newFolder(), busy)
  await tree.until('readiness', async () => {
    return tree.shared.http.current !== undefined && (await tree.health()).status === 200
  })
  await landing(tree, 1_000)
  expect(held(tree)).toEqual([
    'root/degradation/sampler event-loop monitor',
    'root/degradation/sampler garbage observer',
    'root/ingest/exchange simulated exchange',
    'root/ingest/feed:simulated/stream:a venue socket',
    'root/landing/dead-letters dead letters',
    'root/landing/gaps gap writer',
    'root/landing/lander:quotes lander worker',
    'root/landing/lander:reference_data lander worker',
    'root/landing/lander:trades lander worker',
    'root/log/event-log event log',
    'root/log/spool spool',
    'root/reading/http HTTP server',
    'root/reading/queries DuckDB connections',
    'root/reading/queries DuckDB of replays',
    'root/reading/queries SQL processes',
    'root/repair/candles candles of minutes',
    'root/telemetry event-loop monitor'
  ])
  await tree.drain()
  expect(tree.shared.drained.isLanded).toBe(true)
  expect(tree.kernel.registry.snapshot()).toEqual([])
  expect(tree.kernel.registry.leakCount()).toBe(0)
  await expectExact(tree.folder)
})

test('a log that is restarted under load loses and doubles nothing', async () => {
  const tree = startTree(newFolder(), busy)
  for (let round = 1; round <= 3; round++) {
    await landing(tree, round * 1_000)
    tree.crash('root/log/event-log')
  }
  await landing(tree, 8_000)
  await silenced(tree)
  await tree.drain()
  expect(tree.kernel.registry.snapshot()).toEqual([])
  await expectExact(tree.folder)
})

test('a log whose disk refuses a write is opened again; nothing is lost or doubled', async () => {
  const disk = refusingDisk()
  const tree = startTree(newFolder(), busy)
  await landing(tree, 1_000)
  disk.refuse()
  await tree.until('a refused write', () => disk.refused() > 0)
  disk.mend()
  await tree.until('a new log', () => tree.actor('root/log/event-log').restarts > 0)
  const before = await tree.metric('k2_landed_records')
  await landing(tree, before + 4_000)
  expect(tree.actor('root/log/publisher:trades').restarts).toBe(0)
  await silenced(tree)
  await tree.drain()
  await expectExact(tree.folder)
})

test('a partition whose state is gone is stopped by name; the others land', async () => {
  const folder = newFolder()
  const first = startTree(folder, busy)
  await landing(first, 1_000)
  await first.drain()
  removeState(folder, 0)
  const tree = startTree(folder, busy)
  await tree.until('a stopped partition', async () => {
    return (await tree.metric('k2_landing_stopped_partitions')) === 1
  })
  const { offset } = tree.shared.trades.landing.current!.positions[0]!
  const landed = () => tree.shared.trades.landing.current!.totals.landed
  const before = landed()
  await tree.until('rows of the others', () => landed() > before + 500)
  expect(tree.shared.trades.landing.current!.positions[0]!.offset).toBe(offset)
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  const { status, text } = await tree.health()
  expect(status).toBe(503)
  expect(text).toContain('partition 0')
  expect(tree.actor('root/landing/lander:trades').restarts).toBe(0)
  await tree.drain()
  expect(tree.shared.drained.isLanded).toBe(false)
})

test('while the log is down, K2 is not ready', async () => {
  const tree = startTree(newFolder(), busy)
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  await tree.until('readiness', async () => (await tree.health()).status === 200)
  tree.crash('root/log/event-log')
  await tree.until('word of it', async () => (await tree.health()).text.includes('event log'))
  await tree.until('readiness again', async () => (await tree.health()).status === 200)
})

test('a parked lander is named, lands nothing, and goes on once it is released', async () => {
  const tree = startTree(newFolder(), busy)
  const path = 'root/landing/lander:trades'
  await landing(tree, 500)
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  const { url } = tree.shared.http.current!
  const release = (of: string) =>
    fetch(`${url}/v1/system/actors/${of}/release`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' }
    })
  const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code
  expect(await codeOf(await release(path))).toBe('actor_not_quarantined')
  expect(await codeOf(await release('root/landing/nobody'))).toBe('actor_not_found')
  tree.park(path)
  await tree.until('quarantine', () => tree.actor(path).state === 'quarantined')
  expect(tree.actor(path).tags).toEqual(['degraded', 'quarantined'])
  expect(tree.actor('root/landing').tags).toEqual(['degraded'])
  expect(held(tree).filter((line) => line.includes('lander:trades'))).toEqual([])
  const { status, text } = await tree.health()
  expect(status).toBe(503)
  expect(text).toContain('the lander of trades is not running')
  const health = await (await fetch(`${url}/health`)).text()
  expect(health).toContain(`waits for POST /v1/system/actors/${path}/release`)
  const before = await tree.metric('k2_landed_records')
  expect((await release(encodeURIComponent(path))).status).toBe(200)
  await landing(tree, before + 1_000)
  expect(tree.actor(path)).toMatchObject({
    restarts: 1,
    counters: { crashes: 1, crashesInWindow: 0 }
  })
  await silenced(tree)
  await tree.drain()
  await expectExact(tree.folder)
})

test('with the disk limit reached it holds its batches, and lands them as it drains', async () => {
  const folder = newFolder()
  const settings = { ...busy, K2_DISK_LIMIT: '64MiB', K2_LOG_DISK_LIMIT: '16MiB' } as const
  const tree = startTree(folder, settings)
  await landing(tree, 300)
  writeFileSync(join(folder, 'ballast'), Buffer.alloc(65 * 1_024 ** 2, 1))
  await tree.until('a refusal', () => tree.shared.trades.publisher.current?.refused === true)
  expect((await tree.health()).text).toContain('refuses appends')
  await tree.drain()
  expect(tree.shared.drained).toMatchObject({ unpublishedBytes: 0, isLanded: true })
  await expectExact(folder)
})

test('a drain while the log is down ends in time and says what it drops', async () => {
  const disk = refusingDisk()
  const folder = newFolder()
  const tree = startTree(folder, busy)
  await landing(tree, 500)
  disk.refuse()
  await tree.until('a refused write', () => disk.refused() > 0)
  await tree.drain()
  const { unpublishedBytes, isLanded } = tree.shared.drained
  expect(isLanded).toBe(false)
  expect(unpublishedBytes).toBeGreaterThan(0)
  const abandoned = tree.lines.filter(({ event }) => event === 'batches.abandoned')
  expect(abandoned.reduce((sum, { bytes }) => sum + Number(bytes), 0)).toBe(unpublishedBytes)
  expect(tree.kernel.registry.snapshot()).toEqual([])
  disk.mend()
  const next = startTree(folder, busy)
  await landing(next, 1_500)
  await next.drain()
  await expectExactRows(folder)
})

test('a lander that fails in the middle of its work loses and doubles nothing', async () => {
  const folder = newFolder()
  const tree = startTree(folder, busy)
  for (let round = 1; round <= 2; round++) {
    await landing(tree, round * 500)
    tree.crash('root/landing/lander:trades')
  }
  await landing(tree, 1_500)
  const metadata = join(folder, 'warehouse', 'market', 'trades', 'metadata')
  const { restarts } = tree.actor('root/landing/lander:trades')
  renameSync(metadata, `${metadata}-away`)
  await tree.until(
    'a failed commit',
    () => tree.actor('root/landing/lander:trades').restarts > restarts
  )
  // Whoever has been restarted by now may have made the folder anew.
  mkdirSync(metadata, { recursive: true })
  for (const name of readdirSync(`${metadata}-away`))
    renameSync(join(`${metadata}-away`, name), join(metadata, name))
  await landing(tree, 4_000)
  await drainLanded(tree)
  expect(tree.kernel.registry.snapshot()).toEqual([])
  await expectExact(folder)
})

test('a drain while the lander cannot commit ends in time; the next start lands it', async () => {
  const folder = newFolder()
  const tree = startTree(folder, busy)
  await landing(tree, 500)
  const metadata = join(folder, 'warehouse', 'market', 'trades', 'metadata')
  renameSync(metadata, `${metadata}-away`)
  await tree.until('a table that cannot be opened', () => {
    const { lastError } = tree.actor('root/landing/lander:trades')
    return lastError?.message.includes('worker: file:') === true
  })
  expect(tree.actor('root/landing/lander:trades').lastError?.isDependency).toBe(true)
  await tree.drain()
  expect(tree.shared.drained).toMatchObject({ unpublishedBytes: 0, isLanded: false })
  expect(tree.kernel.registry.snapshot()).toEqual([])
  renameSync(`${metadata}-away`, metadata)
  const next = startTree(folder, busy)
  await landing(next, 3_000)
  await next.drain()
  await expectExactRows(folder)
})

test('quotes that cannot land keep no trade waiting, and land afterwards', async () => {
  const folder = newFolder()
  const tree = startTree(folder, busy)
  await landing(tree, 500)
  const metadata = join(folder, 'warehouse', 'market', 'quotes', 'metadata')
  await tree.until('the table of quotes', () => existsSync(metadata))
  renameSync(metadata, `${metadata}-away`)
  await tree.until('a lander that fails', () => {
    return tree.actor('root/landing/lander:quotes').lastError?.isDependency === true
  })
  const landed = () => tree.shared.trades.landing.current!.totals.landed
  const before = landed()
  await tree.until('trades that land', () => landed() > before + 2_000)
  expect((await tree.health()).text).toContain('lander of quotes')
  expect(tree.actor('root/landing/lander:trades').restarts).toBe(0)
  renameSync(`${metadata}-away`, metadata)
  await tree.until('readiness', async () => (await tree.health()).status === 200)
  await drainLanded(tree)
  await expectExact(folder)
})

test('quotes beyond their half of the log are dropped and counted; no trade waits', async () => {
  const tree = startTree(newFolder(), busy)
  await landing(tree, 500)
  const { config, log, trades } = tree.shared
  const full = vi.spyOn(log.current!, 'unconsumedBytes')
  full.mockReturnValue(config.logDiskBytesMax / 2)
  const shed = () => tree.metric('k2_messages_shed_total')
  await tree.until('quotes that are dropped', async () => (await shed()) > 500)
  const before = trades.landing.current!.totals.landed
  await tree.until('trades that land', () => trades.landing.current!.totals.landed > before + 2_000)
  expect(trades.publisher.current!.refused).toBe(false)
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  expect((await tree.health()).text).toContain('refuses appends of quotes')
  full.mockRestore()
  await tree.until('readiness', async () => (await tree.health()).status === 200)
  const atLast = await shed()
  const quotes = () => tree.shared.quotes.landing.current!.totals.landed
  const landedBefore = quotes()
  await tree.until('quotes that land', () => quotes() > landedBefore + 500)
  expect(await shed()).toBe(atLast)
  await tree.drain()
  expect(tree.shared.drained).toMatchObject({ unpublishedBytes: 0, isLanded: true })
  await expectExact(tree.folder)
})

test('with trades alone nothing of quotes runs, but what has landed can be asked for', async () => {
  const folder = newFolder()
  const both = startTree(folder, busy)
  await both.until('quotes', () => (both.shared.quotes.landing.current?.totals.landed ?? 0) > 0)
  await both.drain()
  const tree = startTree(folder, { ...busy, K2_DATA_TYPES: 'trades' })
  await landing(tree, 500)
  expect(tree.actor('root/landing/lander:quotes')).toBe(undefined)
  expect(tree.actor('root/log/publisher:quotes')).toBe(undefined)
  expect(held(tree)).not.toContain('root/landing/lander:quotes lander worker')
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  await tree.until('readiness', async () => (await tree.health()).status === 200)
  const answer = await fetch(`${tree.shared.http.current!.url}/v1/quotes?limit=1`)
  expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(1)
  await drainLanded(tree)
  await expectExactRows(folder)
})

test('files to be deleted are not forgotten while the expiry is away', async () => {
  const tree = startTree(newFolder(), { ...busy, K2_SNAPSHOTS_MAX: '2', K2_COMMIT_AGE: '100ms' })
  const { shared } = tree
  await tree.until('files that wait', () => {
    if (shared.expired.current !== undefined) tree.crash('root/repair/expiry')
    return shared.unexpired.length > 0
  })
  const forgotten = [...shared.unexpired]
  await tree.until('the expiry', () => shared.expired.current !== undefined)
  expect(shared.unexpired).toEqual([])
  await tree.until('the journal', () => {
    const journal = readFileSync(join(tree.folder, 'expired.ndjson'), 'utf8')
    return forgotten.every((location) => journal.includes(location))
  })
})

test('reference data has its own way, and none when it is off', async () => {
  const folder = newFolder()
  const tree = startTree(folder)
  const landed = () => tree.shared.referenceData.landing.current?.totals.landed ?? 0
  await tree.until('reference data', () => landed() >= 9)
  // Age takes nothing of it: the newest version holds, however old.
  expect(tree.actor('root/repair/retention:reference_data')).toBe(undefined)
  expect(tree.actor('root/repair/retention:quotes')).not.toBe(undefined)
  // A restart of its actor reads what is known from the table and publishes nothing.
  const compared = () => tree.lines.filter(({ event }) => event === 'reference_data.compared')
  tree.crash('root/ingest/reference:simulated')
  await tree.until('another comparison', () => compared().length >= 2)
  expect(compared().map(({ changed }) => changed)).toEqual([9, 0])
  await drainLanded(tree)
  const without = startTree(folder, { K2_REFERENCE_INTERVAL: 'off' })
  await landing(without, 100)
  expect(without.actor('root/ingest/reference:simulated')).toBe(undefined)
  expect(without.actor('root/landing/lander:reference_data')).toBe(undefined)
  await without.until('the API', () => without.shared.http.current !== undefined)
  const answer = await fetch(`${without.shared.http.current!.url}/v1/reference-data`)
  expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(9)
  await without.drain()
})

test('a venue that does not answer is waited for (R14)', async () => {
  const tree = startTree(newFolder(), {
    K2_FEEDS: 'binance',
    // Nobody listens on the discard port.
    K2_BINANCE_REST_URL: 'http://127.0.0.1:9',
    K2_BINANCE_WEBSOCKET_URL: 'ws://127.0.0.1:9'
  })
  const path = 'root/ingest/reference:binance'
  const asked = (): ActorStatus | undefined => tree.actor(path)
  await tree.until('a wait', () => asked()?.tags.includes('waiting') ?? false)
  expect(tree.actor(path).lastError).toMatchObject({ tag: 'VenueUnavailable', isDependency: true })
  await tree.drain()
})
