/** The REST catalog's client against a server in memory that misbehaves on request. */
import * as Effect from 'effect/Effect'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commitAppend, resolveUnknown } from '../../../src/adapters/iceberg/append.ts'
import { makeRestCatalog } from '../../../src/adapters/iceberg/rest-catalog.ts'
import type { RestCatalogOptions } from '../../../src/adapters/iceberg/rest-session.ts'
import { describeSnapshots, refresh } from '../../../src/adapters/iceberg/table.ts'
import { type HttpClient, makeHttpClient } from '../../../src/adapters/web/http-client.ts'
import {
  type FakeRestCatalog,
  type Misbehaviour,
  startFakeRestCatalog
} from '../../support/fake-iceberg-rest.ts'
import {
  batch,
  identifier,
  landedRanges,
  makeMemoryFiles,
  makeWorld,
  openTable,
  recordedOffset
} from './support.ts'

const run = Effect.runPromise
let client: HttpClient
let fake: FakeRestCatalog

beforeAll(() => {
  client = makeHttpClient({ connectionsMax: 4 })
})
afterAll(() => client.close())
beforeEach(async () => {
  fake = await startFakeRestCatalog()
})
afterEach(() => fake.close())

const optionsOf = (given: Partial<RestCatalogOptions> = {}): RestCatalogOptions => ({
  send: client.send,
  uri: fake.uri,
  oauthScope: 'catalog',
  nowMs: Date.now,
  deadlineMs: 5_000,
  ...given
})

const worldWith = (given: Partial<RestCatalogOptions> = {}, files = makeMemoryFiles()) =>
  makeWorld(`world-${files.stored.size}`, files, () => makeRestCatalog(optionsOf(given)))

const isCommit = ({ method, path }: { readonly method: string; readonly path: string }) =>
  method === 'POST' && path.includes('/tables/')

/** The next commit goes wrong. */
const misbehaveOnce = (fault: Misbehaviour): void => {
  fake.misbehave = (request) => {
    if (!isCommit(request)) return 'none'
    fake.misbehave = () => 'none'
    return fault
  }
}

describe('a table in a REST catalog', () => {
  it('is created once, with its namespace, under our location, and opened again', async () => {
    fake.prefix = 'warehouses/prod'
    const first = worldWith({ warehouse: 'prod' })
    const table = await run(openTable(first))
    const again = await run(openTable(worldWith({ warehouse: 'prod' }, first.files)))
    expect(again.loaded.metadata['table-uuid']).toBe(table.loaded.metadata['table-uuid'])
    expect(table.loaded.metadata).toMatchObject({
      'format-version': 2,
      location: 'file:///warehouse/market/trades',
      properties: { 'write.metadata.delete-after-commit.enabled': 'true' }
    })
    expect(table.loaded.metadata.properties).not.toHaveProperty('format-version')
    expect(fake.requests[0]?.path).toBe('/v1/config?warehouse=prod')
    expect(fake.requests.map(({ path }) => path)).toContain(
      '/v1/warehouses/prod/namespaces/market/tables/trades'
    )
  })

  it('takes appends, keeps 64-bit ids, and is read only where it changed', async () => {
    const world = worldWith()
    const table = await run(openTable(world))
    const first = await run(commitAppend(table, batch('c1', [0, null, 100])))
    const second = await run(commitAppend(table, batch('c2', [0, 100, 180])))
    expect(second.parentId).toBe(first.snapshotId)
    const other = await run(openTable(worldWith({}, world.files)))
    expect(await run(landedRanges(other))).toEqual(['0:0-100', '0:100-180'])
    const known = await run(refresh(other))
    expect(known.metadata['current-snapshot-id']).toBe(second.snapshotId)
    expect((await run(refresh(other))).metadata).toBe(known.metadata)
    expect(fake.requests.at(-1)?.headers['if-none-match']).toBeDefined()
  })

  it('keeps at most as many snapshots as it was told, removed in the commit (R27)', async () => {
    const table = await run(openTable(worldWith(), { 'k2.snapshots-max': '3' }))
    const removed = []
    for (let index = 0; index < 6; index += 1) {
      const from = index === 0 ? null : index
      const done = await run(commitAppend(table, batch(`c${index}`, [0, from, index + 1])))
      removed.push(...done.removed)
    }
    expect(await run(describeSnapshots(table))).toHaveLength(3)
    expect(removed.filter(({ kind }) => kind === 'manifest-list')).toHaveLength(3)
    expect(removed.filter(({ kind }) => kind === 'metadata')).toEqual([])
    expect(await run(landedRanges(table))).toHaveLength(6)
  })

  it('rebases on a conflict, with the other k2 entries of its new parent (R1, R9)', async () => {
    const world = worldWith()
    const a = await run(openTable(world))
    const b = await run(openTable(worldWith({}, world.files)))
    const start = b.loaded
    await run(commitAppend(a, batch('a1', [0, null, 100])))
    const done = await run(commitAppend(b, { ...batch('b1', [1, null, 50]), start }))
    expect(done.attempts).toBe(2)
    expect([await run(recordedOffset(a, 0)), await run(recordedOffset(a, 1))]).toEqual([100, 50])
  })
})

describe('a commit that goes wrong', () => {
  it.each([400, 403, 404, 422, 429])('%i is definite: nothing is left behind', async (status) => {
    const world = worldWith()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    const before = [...world.files.stored.keys()]
    misbehaveOnce({ status, when: 'before' })
    const failed = await run(Effect.flip(commitAppend(table, batch('c2', [0, 100, 200]))))
    expect(failed).toMatchObject({
      _tag: 'CommitFailed',
      reason: expect.stringContaining('on purpose') as string
    })
    expect([...world.files.stored.keys()]).toEqual(before)
  })

  const unclear: readonly Misbehaviour[] = [
    ...[500, 502, 503, 504].map((status) => ({ status, when: 'after' }) as const),
    { does: 'reset', when: 'after' },
    { does: 'cut', when: 'after' },
    { does: 'talk nonsense', when: 'after' },
    { does: 'hang', when: 'after' }
  ]
  it.each(unclear)('%o is unknown, and the lineage says that it landed (R19)', async (fault) => {
    const world = worldWith({ deadlineMs: 1_000 })
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    misbehaveOnce(fault)
    const asked = fake.requests.filter(isCommit).length
    const unknown = await run(Effect.flip(commitAppend(table, batch('c2', [0, 100, 200]))))
    expect(unknown._tag).toBe('CommitUnknown')
    // Never repeated by itself.
    expect(fake.requests.filter(isCommit)).toHaveLength(asked + 1)
    if (unknown._tag !== 'CommitUnknown') return
    expect(await run(resolveUnknown(table, unknown))).toMatchObject({ outcome: 'landed' })
    expect(await run(landedRanges(table))).toEqual(['0:0-100', '0:100-200'])
  })

  it('lands once where the first request arrives after the second', async () => {
    const table = await run(openTable(worldWith({ deadlineMs: 500 })))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    misbehaveOnce({ does: 'hang', when: 'late' })
    const request = batch('c2', [0, 100, 200])
    const unknown = await run(Effect.flip(commitAppend(table, request)))
    expect(unknown._tag).toBe('CommitUnknown')
    const done = await run(commitAppend(table, request))
    expect(done.attempts).toBe(0)
    expect(await run(landedRanges(table))).toEqual(['0:0-100', '0:100-200'])
  })

  it('is refused where no server listens: nothing can have taken place', async () => {
    const world = worldWith()
    const table = await run(openTable(world))
    const start = table.loaded
    await fake.close()
    const catalog = makeRestCatalog(optionsOf())
    const outcome = await run(
      Effect.flip(catalog.create(identifier, { metadata: start.metadata, uuid: 'u' }))
    )
    expect(outcome).toMatchObject({ _tag: 'CommitRefused' })
  })

  it.each([
    ['dropped', () => ({ operation: 'append' })],
    ['cut', (summary: Record<string, string>) => ({ ...summary, 'k2.offsets': '{' })]
  ])('a summary that was %s stops the landing, after a restart too', async (what, keep) => {
    const world = worldWith()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    fake.keepSummary = keep
    const altered = await run(Effect.flip(commitAppend(table, batch('c2', [0, 100, 200]))))
    expect(altered).toMatchObject({ _tag: 'SummaryAltered' })
    expect(altered.message).toContain('k2.offsets')
    if (what !== 'dropped') return
    const restarted = await run(openTable(worldWith({}, world.files)))
    const refused = await run(Effect.flip(commitAppend(restarted, batch('c3', [0, 100, 200]))))
    expect(refused).toMatchObject({ _tag: 'SummaryAltered' })
  })
})

describe('access', () => {
  it('sends the token that it was given', async () => {
    fake.tokens = new Set(['given'])
    await run(openTable(worldWith({ token: 'given' })))
    const wrong = await run(Effect.flip(openTable(worldWith({ token: 'wrong' }))))
    expect(wrong).toMatchObject({ _tag: 'TableUnreadable' })
    expect(String(wrong)).toContain('who are you?')
    expect(String(wrong)).not.toContain('wrong"')
  })

  it('exchanges credentials for tokens, before they expire and when they are invalid', async () => {
    fake.tokens = new Set()
    fake.expiresIn = 100
    let nowMs = 0
    const given = { credential: 'k2:pass:word', nowMs: () => nowMs }
    const table = await run(openTable(worldWith(given)))
    const issued = () => fake.requests.filter(({ path }) => path === '/v1/oauth/tokens').length
    expect(issued()).toBe(1)
    nowMs = 79_000
    await run(refresh(table))
    expect(issued()).toBe(1)
    nowMs = 81_000
    await run(refresh(table))
    expect(issued()).toBe(2)
    fake.tokens.clear()
    // A commit, too, is repeated after a 401: it was not acted on.
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    expect(issued()).toBe(3)
    expect(await run(landedRanges(table))).toEqual(['0:0-100'])
  })

  it('gives up after one renewal, and never shows the secret', async () => {
    fake.tokens = new Set()
    const refused = await run(Effect.flip(openTable(worldWith({ credential: 'k2:hidden-secret' }))))
    expect(String(refused)).toContain('K2_ICEBERG_CATALOG_CREDENTIAL')
    expect(String(refused)).not.toContain('hidden-secret')
  })

  it('repeats what changes nothing, and only so often', async () => {
    const table = await run(openTable(worldWith()))
    let failures = 2
    fake.misbehave = () => (failures-- > 0 ? { status: 503, when: 'before' } : 'none')
    await run(refresh(table))
    failures = 100
    const asked = fake.requests.length
    const away = await run(Effect.flip(refresh(table)))
    expect(away).toMatchObject({ _tag: 'TableUnreadable' })
    expect(fake.requests.length - asked).toBe(3)
  })

  it('says which setting is wrong where no catalog answers', async () => {
    fake.misbehave = () => ({ does: 'talk nonsense', when: 'before' })
    const refused = await run(Effect.flip(openTable(worldWith())))
    expect(String(refused)).toContain('K2_ICEBERG_CATALOG_URI')
  })
})
