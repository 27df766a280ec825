/**
 * Compaction of a real table, by DuckDB: what PyIceberg and icebird read is unchanged, the layout
 * is that of R22, and neither landing nor compaction loses to the other.
 */
import { rmSync } from 'node:fs'
import * as Effect from 'effect/Effect'
import { afterEach, beforeEach, describe, expect, test, type TestContext } from 'vitest'
import { currentSnapshot } from '../../../src/adapters/iceberg/metadata.ts'
import { makeScanPlanner } from '../../../src/adapters/iceberg/planner.ts'
import type { CommitOutcome, PreparedCommit } from '../../../src/adapters/iceberg/ports.ts'
import { removeDayPartitions } from '../../../src/adapters/iceberg/retention.ts'
import { refresh, type Table } from '../../../src/adapters/iceberg/table.ts'
import { filePath } from '../../../src/adapters/object-store/local-files.ts'
import { pyIceberg, readBack } from '../../support/pyiceberg/pyiceberg.ts'
import { openTable, rowsByIcebird, summaryOf } from '../../support/warehouse.ts'
import { LandedTable, startUs } from './support/landed-table.ts'

const run = Effect.runPromise
const minuteUs = 60_000_000
const hourUs = 60 * minuteUs

let landed: LandedTable
beforeEach(async () => {
  landed = await LandedTable.open()
})
afterEach(async () => {
  await landed.close()
  rmSync(landed.folder, { recursive: true })
})

const pythonOrSkip = (context: TestContext): string => {
  const python = pyIceberg()
  return 'missing' in python ? context.skip(python.missing) : python.python
}

/** Three hours of commits that overlap a little, as those of a lander do. */
const landHours = async () => {
  for (let commit = 0; commit < 18; commit += 1) {
    await landed.land(40, startUs + commit * 10 * minuteUs, 10.5 * minuteUs)
  }
}

const planned = async (filter = {}) => (await run(makeScanPlanner(landed.table).plan(filter))).files

/** A table whose catalog does something else around a commit. */
const withCommits =
  (around: (commit: PreparedCommit['commit'], attempt: number) => PreparedCommit['commit']) =>
  (table: Table): Table => {
    let attempts = 0
    const { catalog } = table.ports
    return {
      ...table,
      ports: {
        ...table.ports,
        catalog: {
          ...catalog,
          prepare: (identifier, commit) =>
            Effect.map(catalog.prepare(identifier, commit), (prepared) => {
              attempts += 1
              return { ...prepared, commit: around(prepared.commit, attempts) }
            })
        }
      }
    }
  }

describe('a table of many small files', () => {
  test('is laid out by the hour, and readers see the same rows', async (context) => {
    await landHours()
    const python = pythonOrSkip(context)
    const metadataFile = async () => filePath((await run(refresh(landed.table))).location)
    const before = readBack(python, await metadataFile())
    const rowsById = ({ rows }: typeof before) =>
      rows.toSorted((left, right) => Number(left['k2_offset']) - Number(right['k2_offset']))
    const summary = summaryOf(openTable(landed.folder)!)
    const result = await run(landed.compact())
    expect(result.isLaidOut).toBe(true)
    const after = readBack(python, await metadataFile())
    expect(rowsById(after)).toEqual(rowsById(before))
    expect(after.rows).toHaveLength(720)
    expect(after.inspect_snapshots.at(-1)).toMatchObject({ operation: 'replace' })
    // By hour: one file of each of the two closed ones.
    const files = await planned({ toUs: startUs + 2 * hourUs - 5 * minuteUs })
    const closed = files.filter(({ timestampUpperUs }) => timestampUpperUs < startUs + 2 * hourUs)
    expect(closed.map(({ sorted }) => sorted)).toEqual([true, true])
    expect(Math.floor((closed[0]!.timestampLowerUs - startUs) / hourUs)).toBe(1)
    expect(Math.floor((closed[1]!.timestampUpperUs - startUs) / hourUs)).toBe(0)
    // A reader that prunes by bounds opens the files of the hour that it asks for.
    const time = (us: number) => new Date(us / 1_000).toISOString().replace('Z', '+00:00')
    const hour = readBack(
      python,
      await metadataFile(),
      `timestamp >= '${time(startUs)}' and timestamp < '${time(startUs + hourUs)}'`
    )
    expect(hour.files).toHaveLength(1)
    const ofHour = before.rows.filter((row) =>
      String(row['timestamp']).startsWith(time(startUs).slice(0, 13))
    )
    expect(hour.rows).toHaveLength(ofHour.length)
    const { 'k2.offsets': offsets, 'k2.state': state } = summaryOf(openTable(landed.folder)!)
    expect({ offsets, state }).toEqual({
      offsets: summary['k2.offsets'],
      state: summary['k2.state']
    })
    expect(await run(landed.compact())).toEqual({ groups: 0, isLaidOut: true })
  })

  test('is read the same by icebird', async () => {
    await landHours()
    const rows = async () =>
      (await rowsByIcebird(openTable(landed.folder)!)).toSorted(
        (left, right) => Number(left['k2_offset']) - Number(right['k2_offset'])
      )
    const before = await rows()
    await run(landed.compact())
    expect(await rows()).toEqual(before)
    expect(before).toHaveLength(720)
  })

  test('a late row costs one file of its hour', async () => {
    await landHours()
    await run(landed.compact())
    const before = new Set((await planned()).map(({ location }) => location))
    await landed.land(1, startUs + 30 * minuteUs, 1)
    landed.events.splice(0)
    await run(landed.compact())
    expect(landed.events).toMatchObject([{ type: 'compaction.committed', files: 2, newFiles: 1 }])
    const after = await planned()
    expect(after.filter(({ location }) => !before.has(location))).toHaveLength(1)
  })
})

describe('beside landing', () => {
  test('an append that comes first is kept, and compaction commits behind it', async () => {
    await landHours()
    const racing = withCommits((commit, attempt) =>
      attempt > 2
        ? commit
        : Effect.andThen(
            Effect.promise(() => landed.land(5, startUs + 3 * hourUs, minuteUs)),
            commit
          )
    )
    await run(landed.compact(racing))
    expect(landed.events[0]).toMatchObject({ type: 'compaction.committed', attempts: 3 })
    expect(summaryOf(openTable(landed.folder)!)).toMatchObject({
      'total-records': '730',
      'k2.offsets': expect.stringContaining('730')
    })
    const rows = await rowsByIcebird(openTable(landed.folder)!)
    expect(new Set(rows.map((row) => row['k2_offset'])).size).toBe(730)
  })

  test('a compaction that comes first does not keep an append from landing', async () => {
    await landHours()
    let compacted = 0
    const racing = withCommits((commit) =>
      compacted > 0
        ? commit
        : Effect.andThen(
            Effect.map(landed.compact(), ({ groups }) => {
              compacted = groups
            }).pipe(Effect.orDie),
            commit
          )
    )
    await landed.land(10, startUs + 3 * hourUs, minuteUs, racing)
    expect(compacted).toBeGreaterThan(0)
    expect(await rowsByIcebird(openTable(landed.folder)!)).toHaveLength(730)
  })

  test('files that retention has taken out meanwhile are given up, and none is left', async () => {
    await landHours()
    await landed.land(10, startUs + 30 * hourUs, minuteUs)
    const day = Math.floor(startUs / 86_400_000_000)
    const before = landed.dataFiles
    let removed = false
    const rewriter = {
      ...landed.rewriter,
      rewrite: (request: Parameters<typeof landed.rewriter.rewrite>[0]) =>
        Effect.tap(landed.rewriter.rewrite(request), () =>
          removed
            ? Effect.void
            : Effect.orDie(
                Effect.map(removeDayPartitions(landed.table, day + 1), () => {
                  removed = true
                })
              )
        )
    }
    await run(landed.compact(undefined, rewriter))
    expect(landed.events).toMatchObject([{ type: 'compaction.abandoned', reason: 'inputs_gone' }])
    expect(landed.dataFiles).toEqual(before)
    // Counted, also by those that follow: what was read before cannot be read again.
    await landed.land(1, startUs + 31 * hourUs, minuteUs)
    const { metadata } = await run(refresh(landed.table))
    expect(currentSnapshot(metadata)!.summary['k2.removals']).toBe('1')
    expect(await rowsByIcebird(openTable(landed.folder)!)).toHaveLength(11)
  })
})

const noAnswer = Effect.fail({ _tag: 'SwapUnknown', message: 'no answer' } as const)

describe('an unclear answer of the catalog (R19)', () => {
  test('is looked up: what took place counts', async () => {
    await landHours()
    const lost = withCommits((commit) => Effect.andThen(commit, noAnswer))
    expect((await run(landed.compact(lost))).isLaidOut).toBe(true)
    expect(landed.events[0]).toMatchObject({ type: 'compaction.committed', attempts: null })
    expect(await rowsByIcebird(openTable(landed.folder)!)).toHaveLength(720)
  })

  test('is asked again when it did not take place', async () => {
    await landHours()
    const unsure = withCommits((commit, attempt) => (attempt === 1 ? noAnswer : commit))
    await run(landed.compact(unsure))
    expect(landed.events[0]).toMatchObject({ type: 'compaction.committed', attempts: 1 })
  })

  test('that stays unclear leaves the new files: they may be named yet', async () => {
    await landHours()
    const before = landed.dataFiles
    let late: Effect.Effect<CommitOutcome, unknown> = Effect.fail('nothing was asked for')
    const deaf = withCommits((commit) => {
      late = commit
      return noAnswer
    })
    const error = await run(Effect.flip(landed.compact(deaf)))
    expect(error._tag).toBe('CommitUnknown')
    const kept = landed.dataFiles.filter((name) => !before.includes(name))
    expect(kept.length).toBeGreaterThan(0)
    await run(late)
    expect(await rowsByIcebird(openTable(landed.folder)!)).toHaveLength(720)
  })

  test('a commit that lost to many others is tried again later', async () => {
    await landHours()
    const busy = withCommits((commit, attempt) =>
      attempt <= 45 ? Effect.succeed('conflict' as const) : commit
    )
    await run(landed.compact(busy))
    expect(landed.events[0]).toMatchObject({ type: 'compaction.committed', attempts: 6 })
  })

  test('a commit that failed leaves none', async () => {
    await landHours()
    const before = landed.dataFiles
    const refused = withCommits(() =>
      Effect.fail({ _tag: 'CommitRefused', message: 'no' } as const)
    )
    const error = await run(Effect.flip(landed.compact(refused)))
    expect(error._tag).toBe('CommitFailed')
    expect(landed.dataFiles).toEqual(before)
  })
})
