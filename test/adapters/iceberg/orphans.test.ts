/** What is an orphan, and what must never be taken for one (R10, R28). */
import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import { serialiseMetadata, type TableMetadata } from '../../../src/adapters/iceberg/metadata.ts'
import { findOrphans, stillOrphans } from '../../../src/adapters/iceberg/orphans.ts'
import { makeTablePointers } from '../../../src/adapters/iceberg/table-pointers.ts'
import { refresh, type Table, writeState } from '../../../src/adapters/iceberg/table.ts'
import {
  batch,
  makeWorld,
  openTable,
  pointerHome,
  swap,
  warehouse,
  type World
} from './support.ts'

const run = Effect.runPromise
const ageMsMin = 1_000_000
const home = `${warehouse}/market/trades`
const pointers = `${pointerHome}/market/trades`

/** All files are as old as the test says, by name; the rest is old. */
const searchOf = (world: World, young: ReadonlySet<string> = new Set()) => ({
  list: (directory: string) =>
    Effect.sync(() =>
      [...world.files.stored]
        .filter(([location]) => location.startsWith(`${directory}/`))
        .map(([location, bytes]) => ({
          location,
          bytes: bytes.length,
          modifiedMs: young.has(location) ? world.clockMs : 0
        }))
    ),
  pointers,
  ageMsMin
})

/** Commits with real states and data files, of which the oldest snapshots have expired. */
const landed = async (world: World): Promise<Table> => {
  const table = await run(openTable(world, { 'k2.snapshots-max': '3' }))
  for (let index = 0; index < 6; index += 1) {
    const statePath = await run(writeState(table, 'p-0', Buffer.from(String(index))))
    const request = batch(`c${index}`, [0, index === 0 ? null : index, index + 1])
    const advances = request.advances.map((it) => ({ ...it, statePath }))
    const { removed } = await run(commitAppend(table, { ...request, advances }))
    for (const { location } of request.dataFiles) world.files.stored.set(location, Buffer.from('d'))
    for (const { location } of removed) world.files.stored.delete(location)
  }
  return table
}

const orphansOf = async (table: Table, search: Parameters<typeof findOrphans>[1]) =>
  (await run(findOrphans(table, search))).map(({ location }) => location).sort()

const leaveBehind = (world: World, ...locations: readonly string[]) => {
  for (const location of locations) world.files.stored.set(location, Buffer.from('left'))
}

describe('orphans', () => {
  it('are none in a table whose clean-ups went through', async () => {
    const world = makeWorld()
    const table = await landed(world)
    expect(await orphansOf(table, searchOf(world))).toEqual([])
  })

  it('are data, metadata, states and staged pointers that nothing names', async () => {
    const world = makeWorld()
    const table = await landed(world)
    const states = `${warehouse}/_k2/${table.loaded.metadata['table-uuid']}/state`
    const left = [
      `${home}/data/killed-0.parquet`,
      `${home}/metadata/killed-m0.avro`,
      `${states}/killed.bin`,
      `${pointers}/0000000009.json.x.tmp`
    ]
    leaveBehind(world, ...left)
    expect(await orphansOf(table, searchOf(world))).toEqual([...left].sort())
  })

  it('are old: what a commit is about to name is younger', async () => {
    const world = makeWorld()
    const table = await landed(world)
    const young = `${home}/data/young-0.parquet`
    leaveBehind(world, young)
    expect(await orphansOf(table, searchOf(world, new Set([young])))).toEqual([])
  })

  it('are looked for before the table is read: a commit in between counts', async () => {
    const world = makeWorld()
    const table = await landed(world)
    const search = searchOf(world)
    const other = await run(openTable(makeWorld('other', world.files)))
    const late = batch('late', [0, 6, 7])
    leaveBehind(world, ...late.dataFiles.map(({ location }) => location))
    const list = (directory: string) =>
      Effect.tap(search.list(directory), () =>
        directory === home ? Effect.orDie(commitAppend(other, late)) : Effect.void
      )
    const found = await orphansOf(table, { ...search, list })
    expect(found).not.toContain(late.dataFiles[0]!.location)
    expect(found.filter((it) => it.endsWith('-m0.avro'))).toEqual([])
  })

  it('are none any more once something names them', async () => {
    const world = makeWorld()
    const table = await landed(world)
    const late = batch('late', [0, 6, 7])
    const [file] = late.dataFiles
    leaveBehind(world, file!.location)
    const found = await run(findOrphans(table, searchOf(world)))
    expect(found).toHaveLength(1)
    const other = await run(openTable(makeWorld('other', world.files)))
    await run(commitAppend(other, late))
    expect(await run(stillOrphans(table, found))).toEqual([])
  })

  it('are not what a tag names, nor statistics of another engine', async () => {
    const world = makeWorld()
    const table = await landed(world)
    const { metadata, location } = await run(refresh(table))
    const [oldest] = metadata.snapshots
    const puffin = `${home}/metadata/stats.puffin`
    leaveBehind(world, puffin)
    const next = {
      ...metadata,
      'metadata-log': [
        ...metadata['metadata-log'],
        { 'metadata-file': location, 'timestamp-ms': metadata['last-updated-ms'] }
      ],
      refs: { ...metadata.refs, audit: { type: 'tag', 'snapshot-id': oldest!['snapshot-id'] } },
      statistics: [{ 'statistics-path': puffin }]
    } as TableMetadata
    const file = `${home}/metadata/00099-tag.metadata.json`
    await run(world.files.writeNew(file, serialiseMetadata(next)))
    const catalog = makeTablePointers(world.files, pointerHome)
    expect(await run(swap(catalog, location, file))).toBe('swapped')
    for (let index = 6; index < 12; index += 1) {
      const request = batch(`c${index}`, [0, index, index + 1])
      const { removed } = await run(commitAppend(table, request))
      for (const it of removed) world.files.stored.delete(it.location)
    }
    expect(table.loaded.metadata.snapshots).toHaveLength(4)
    expect(await orphansOf(table, searchOf(world))).toEqual([])
  })

  it('are compared however another engine spells a location', async () => {
    const world = makeWorld()
    const table = await landed(world)
    const folder = '/warehouse/market/trades/data'
    const spelt = [`file:${folder}/a%20b.parquet`, `file://localhost${folder}/c.parquet`]
    const request = batch('foreign', [0, 6, 7])
    const dataFiles = spelt.map((location) => ({ ...request.dataFiles[0]!, location }))
    const { removed } = await run(commitAppend(table, { ...request, dataFiles }))
    for (const { location } of removed) world.files.stored.delete(location)
    const stored = ['a b', 'a%20b', 'c'].map((name) => `${home}/data/${name}.parquet`)
    leaveBehind(world, ...stored)
    expect(await orphansOf(table, searchOf(world))).toEqual([])
  })

  it('are unknown while a manifest cannot be read', async () => {
    const world = makeWorld()
    await landed(world)
    leaveBehind(world, `${home}/data/killed-0.parquet`)
    const manifest = [...world.files.stored.keys()].find((it) => it.endsWith('-m0.avro'))!
    world.files.stored.set(manifest, Buffer.from('torn'))
    const again = await run(openTable(makeWorld('again', world.files)))
    const error = await run(Effect.flip(findOrphans(again, searchOf(world))))
    expect(error).toMatchObject({ _tag: 'TableUnreadable', location: manifest })
  })
})
