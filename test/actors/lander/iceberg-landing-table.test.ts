import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterEach, expect, test } from 'vitest'
import { localDataFiles } from '../../../src/actors/lander/data-file-store.ts'
import { makeIcebergLandingTable } from '../../../src/actors/lander/iceberg-landing-table.ts'
import { tradesSpec } from '../../../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../../../src/actors/storage/data-folder.ts'
import { TableUnreadable } from '../../../src/adapters/iceberg/errors.ts'
import type { Catalog } from '../../../src/adapters/iceberg/ports.ts'

const root = mkdtempSync(join(tmpdir(), 'k2-landing-'))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const states = () =>
  readdirSync(root, { recursive: true }).filter((name) => String(name).endsWith('.bin'))

const openLanding = (catalogOf: (catalog: Catalog) => Catalog, partitionCount = 1) =>
  Effect.gen(function* () {
    const table = yield* openTable(tradesSpec, {
      folder: dataFolderAt(root),
      storage: {},
      snapshotsMax: 10,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: () => undefined
    })
    const ports = { ...table.ports, catalog: catalogOf(table.ports.catalog) }
    return makeIcebergLandingTable({
      table: { ...table, ports },
      // No row is written, so there is nothing to ask it for.
      writer: undefined as never,
      dataFiles: localDataFiles(table, () => Effect.void),
      logIdentity: 'log-1',
      topic: 'trades',
      partitionCount,
      onRemoved: () => undefined
    })
  })

/** What a commit leaves behind that ends as the test says. */
const commitWith = async (catalogOf: (catalog: Catalog) => Catalog, fromOffset: number | null) => {
  const program = Effect.gen(function* () {
    const landing = yield* openLanding(catalogOf)
    const statePath = yield* landing.writeState(0, Buffer.from('{}'))
    const advances = [{ partition: 0, fromOffset, nextOffset: 8, statePath }]
    const files = { dataFiles: [], sync: Effect.void }
    return yield* Effect.exit(landing.commit({ commitId: randomUUID(), files, advances }))
  })
  return Effect.runPromise(program)
}

test('what a fenced attempt has written is removed', async () => {
  const exit = await commitWith((catalog) => catalog, 7)
  expect(exit).toMatchObject({ value: { kind: 'fenced' } })
  expect(states()).toEqual([])
})

test('what an attempt has written that could not read the table is removed (R53)', async () => {
  const away = new TableUnreadable({ location: 'catalog', reason: 'away' })
  const exit = await commitWith((catalog) => ({ ...catalog, load: () => Effect.fail(away) }), null)
  expect(exit._tag).toBe('Failure')
  expect(states()).toEqual([])
})

test('what an attempt of unknown outcome has written is kept (R19)', async () => {
  const commit = Effect.fail({ _tag: 'SwapUnknown', message: 'no answer' } as const)
  const prepare = () => Effect.succeed({ commit, discard: Effect.void })
  const exit = await commitWith((catalog) => ({ ...catalog, prepare }), null)
  expect(exit._tag).toBe('Failure')
  expect(states()).toHaveLength(1)
})

test('another partition count than at the first landing is a fault (R41)', async () => {
  await commitWith((catalog) => catalog, null)
  const positionsOf = (count: number) =>
    Effect.runPromise(Effect.flatMap(openLanding((it) => it, count), (it) => it.positions))
  expect((await positionsOf(1)).fault).toBeNull()
  const { fault, byPartition } = await positionsOf(2)
  expect(fault).toMatch(/topic trades has 2 partitions, .* it had 1; give it back/)
  expect([...byPartition.keys()]).toEqual([0])
})
