/** The commit of a compaction: what it takes from its parent, and when it does not take place. */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import { describe, expect, it } from 'vitest'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import type { Snapshot } from '../../../src/adapters/iceberg/metadata.ts'
import { commitReplace } from '../../../src/adapters/iceberg/replace-files.ts'
import { removeDayPartitions } from '../../../src/adapters/iceberg/retention.ts'
import {
  readManifest,
  readManifestList,
  refresh,
  type Table
} from '../../../src/adapters/iceberg/table.ts'
import {
  batch,
  dataFile,
  day0,
  Killed,
  liveEntries,
  makeWorld,
  openTable,
  recordedOffset
} from './support.ts'

const run = Effect.runPromise

const headOf = (table: Table): Snapshot => table.loaded.metadata.snapshots.at(-1)!

const liveFiles = async (table: Table): Promise<readonly string[]> => {
  await run(refresh(table))
  const entries = await run(liveEntries(table, headOf(table)))
  return entries.map(({ data_file: file }) => file.file_path).sort()
}

/** Commits `from` to `to`, a file of ten rows each. */
const land = async (table: Table, from: number, to: number, day = day0) => {
  for (let index = from; index < to; index += 1) {
    const from = index === 0 ? null : index * 10
    await run(commitAppend(table, batch(`c${index}`, [0, from, index * 10 + 10], { day })))
  }
}

const merged = (commitId: string, replaced: readonly string[], day = day0) => ({
  commitId,
  replaced,
  dataFiles: [dataFile(`file:///warehouse/merged-${commitId}.parquet`, replaced.length * 10, day)]
})

describe('replacing files', () => {
  it('changes no offset, no state and no number of rows', async () => {
    const table = await run(openTable(makeWorld()))
    await land(table, 0, 4)
    const before = headOf(table).summary
    const [first, second, ...rest] = await liveFiles(table)
    const result = await run(commitReplace(table, merged('m', [first!, second!])))
    expect(result.kind).toBe('replaced')
    expect(await liveFiles(table)).toEqual(
      [...rest, 'file:///warehouse/merged-m.parquet'].sort()
    )
    const { summary } = headOf(table)
    expect(summary).toMatchObject({
      operation: 'replace',
      'added-data-files': '1',
      'added-records': '20',
      'deleted-data-files': '2',
      'deleted-records': '20',
      'total-records': '40',
      'total-data-files': '3',
      'changed-partition-count': '1',
      'k2.offsets': before['k2.offsets'],
      'k2.state': before['k2.state'],
      'k2.commit-id': 'm'
    })
  })

  it('gives new files the newest data sequence number of those that they replace', async () => {
    const table = await run(openTable(makeWorld()))
    await land(table, 0, 4)
    const files = await liveFiles(table)
    await run(commitReplace(table, merged('m', files.slice(0, 2))))
    const entries = []
    for (const manifest of await run(readManifestList(table, headOf(table)))) {
      entries.push(...(await run(readManifest(table, manifest))))
    }
    const shown = entries.map(({ status, sequence_number: sequence, data_file: file }) => [
      status,
      sequence,
      file.file_path.split('/').at(-1)
    ])
    expect(shown).toEqual(
      expect.arrayContaining([
        [2, 1, '0_0_10_c0.parquet'],
        [2, 2, '0_10_20_c1.parquet'],
        [1, 2, 'merged-m.parquet']
      ])
    )
  })

  it('takes offsets from the parent at the attempt, however often it loses (R9)', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await land(table, 0, 2)
    const files = await liveFiles(table)
    const other = await run(openTable(makeWorld('other', world.files)))
    // The other process lands just before each of the first three swaps.
    let landed = 2
    const { catalog } = table.ports
    const raced: Table = {
      ...table,
      ports: {
        ...table.ports,
        catalog: {
          ...catalog,
          prepare: (identifier, commit) =>
            Effect.map(catalog.prepare(identifier, commit), (prepared) => ({
              ...prepared,
              commit: Effect.suspend(() => {
                if (landed >= 5) return prepared.commit
                landed += 1
                return Effect.andThen(
                  Effect.promise(() => land(other, landed - 1, landed)),
                  prepared.commit
                )
              })
            }))
        }
      }
    }
    const result = await run(commitReplace(raced, merged('m', files)))
    expect(result).toMatchObject({ kind: 'replaced', committed: { attempts: 4 } })
    expect(await run(recordedOffset(other, 0))).toBe(50)
    expect(await liveFiles(other)).toHaveLength(4)
    const manifests = /-(kept|replaced|compacted)\./
    const wrote = [...world.files.stored.keys()].filter((it) => manifests.test(it))
    expect(wrote, 'manifests are written once').toHaveLength(2)
  })

  it('commits nothing when a file is gone, and leaves no file of its own', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await land(table, 0, 2, day0 - 5)
    await land(table, 2, 3)
    const files = await liveFiles(table)
    await run(removeDayPartitions(table, day0))
    const stored = [...world.files.stored.keys()].sort()
    const result = await run(commitReplace(table, merged('m', files, day0 - 5)))
    const locations = expect.arrayContaining(files.slice(0, 2))
    expect(result).toEqual({ kind: 'inputs_gone', locations })
    expect([...world.files.stored.keys()].sort()).toEqual(stored)
  })

  it('is answered by what an earlier call with its id has committed', async () => {
    const table = await run(openTable(makeWorld()))
    await land(table, 0, 3)
    const files = await liveFiles(table)
    await run(commitReplace(table, merged('m', files)))
    const again = await run(commitReplace(table, merged('m', files)))
    expect(again).toMatchObject({ kind: 'replaced', committed: { attempts: 0 } })
    const other = await run(commitReplace(table, merged('n', files)))
    expect(other.kind).toBe('inputs_gone')
  })

  it('refuses files that hold another number of rows', async () => {
    const table = await run(openTable(makeWorld()))
    await land(table, 0, 2)
    const files = await liveFiles(table)
    const dataFiles = [dataFile('file:///warehouse/x.parquet', 19)]
    const wrong = { ...merged('m', files), dataFiles }
    expect(Exit.isFailure(await Effect.runPromiseExit(commitReplace(table, wrong)))).toBe(true)
    expect(await liveFiles(table)).toEqual(files)
  })
})

describe('a crash at each durable step of a replacement', () => {
  const durable = new Set(['writeNew', 'publish', 'remove'])
  const steps = Array.from({ length: 7 }, (_, step) => step).flatMap(
    (step) =>
      [
        [step, 'before'],
        [step, 'after']
      ] as const
  )

  it.each(steps)('step %i, %s it takes effect', async (step, when) => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await land(table, 0, 4)
    const files = await liveFiles(table)
    const request = merged('m', files.slice(0, 3))
    let count = 0
    world.files[when] = (operation) => {
      if (!durable.has(operation)) return null
      count += 1
      if (count > step) throw new Killed()
      return null
    }
    await Effect.runPromiseExit(commitReplace(table, request))
    world.files[when] = () => null
    const again = await run(openTable(makeWorld('again', world.files)))
    const after = [files[3]!, request.dataFiles[0]!.location].sort()
    expect([files, after]).toContainEqual(await liveFiles(again))
    expect(await run(recordedOffset(again, 0))).toBe(40)
    const result = await run(commitReplace(again, request))
    expect(result.kind).toBe('replaced')
    expect(await liveFiles(again)).toEqual(after)
  })
})

describe('manifests of a table that is compacted while it grows (R27)', () => {
  it('stay few', async () => {
    const table = await run(openTable(makeWorld(), { 'k2.snapshots-max': '10' }))
    const small: string[] = []
    let most = 0
    for (let index = 0; index < 1_500; index += 1) {
      // Every hundred commits another day: what is compacted early has a large past behind it.
      const day = day0 + Math.floor(index / 100)
      await land(table, index, index + 1, day)
      const name = `0_${index * 10}_${index * 10 + 10}_c${index}.parquet`
      small.push(`file:///warehouse/market/trades/data/${name}`)
      if (index % 100 === 99) {
        await run(commitReplace(table, merged(`m${index}`, small.splice(0, 60), day)))
        small.splice(0)
      }
      most = Math.max(most, (await run(readManifestList(table, headOf(table)))).length)
    }
    expect(most).toBeLessThanOrEqual(102)
    expect(await liveFiles(table)).toHaveLength(15 * 41)
  })
})
