/**
 * The commit protocol and the stores against a real S3 server and a real REST catalog (Iceberg's
 * own), for machines that are required to have them (`K2_REQUIRE_SERVICES=1`).
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFolderAt } from '../../../src/actors/storage/data-folder.ts'
import { openStores, type Stores } from '../../../src/actors/storage/stores.ts'
import {
  commitAppend,
  type AppendError,
  type AppendRequest,
  resolveUnknown
} from '../../../src/adapters/iceberg/append.ts'
import { removeDayPartitions } from '../../../src/adapters/iceberg/retention.ts'
import {
  describeSnapshots,
  openOrCreateTable,
  refresh,
  type Table
} from '../../../src/adapters/iceberg/table.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import {
  areServicesRequired,
  type IcebergServices,
  installMsMax,
  openIcebergServices
} from '../../support/iceberg-services.ts'
import { batch, day0, landedRanges, recordedOffset } from '../../adapters/iceberg/support.ts'

const run = Effect.runPromise
const home = mkdtempSync(join(tmpdir(), 'k2-services-'))
const prefix = 'tables'
let services: IcebergServices
let stores: Stores

/** A table of its own for each test, opened as by a process of its own. */
const openTable = async (name: string, properties: Record<string, string> = {}): Promise<Table> => {
  const { files, catalog, warehouse } = await run(
    openStores(services.storage(prefix), dataFolderAt(home), Date.now)
  )
  return run(
    openOrCreateTable({
      ports: { files, catalog, ids: { uuid: randomUUID }, clockMs: Date.now },
      warehouse,
      identifier: { namespace: 'market', name },
      record: tradeV2Schema,
      properties
    })
  )
}

describe.skipIf(!areServicesRequired)('a real S3 server and a real REST catalog', () => {
  beforeAll(async () => {
    services = await openIcebergServices()
    stores = await run(openStores(services.storage(prefix), dataFolderAt(home), Date.now))
  }, installMsMax)

  afterAll(async () => {
    rmSync(home, { recursive: true })
    await services.destroy()
  })

  it('keep files once, whole, listed page by page, and give them back', async () => {
    const { files, s3 } = stores
    const base = `s3://warehouse/${prefix}/files`
    const bytes = Buffer.from('a file')
    await run(files.writeNew(`${base}/a b+c (1).bin`, bytes))
    const taken = await run(Effect.flip(files.writeNew(`${base}/a b+c (1).bin`, bytes)))
    expect(taken).toMatchObject({ _tag: 'FileExists' })
    expect(Buffer.from(await run(files.read(`${base}/a b+c (1).bin`)))).toEqual(bytes)
    expect(await run(files.size(`${base}/a b+c (1).bin`))).toBe(bytes.length)
    expect(await run(files.list(base))).toEqual(['a b+c (1).bin'])
    const [local, copy] = [join(home, 'large.bin'), join(home, 'copy.bin')]
    const large = Buffer.alloc(3_000_000, 'parquet')
    writeFileSync(local, large)
    await run(s3!.upload(local, `${base}/large.bin`))
    await run(s3!.download(`${base}/large.bin`, copy, large.length))
    expect(readFileSync(copy).equals(large)).toBe(true)
    for (const name of ['a b+c (1).bin', 'large.bin', 'never-there'])
      await run(files.remove(`${base}/${name}`))
    expect(await run(files.list(base))).toEqual([])
    const missing = await run(Effect.flip(files.read(`${base}/large.bin`)))
    expect(missing).toMatchObject({ _tag: 'FileMissing' })
  })

  it('take appends, retention and expiry; offsets stay', async () => {
    const table = await openTable('history', { 'k2.snapshots-max': '4' })
    const removed = []
    for (let index = 0; index < 8; index += 1) {
      const day = index < 3 ? day0 - 9 : day0
      const request = batch(`c${index}`, [0, index === 0 ? null : index, index + 1], { day })
      removed.push(...(await run(commitAppend(table, request))).removed)
    }
    const retained = await run(removeDayPartitions(table, day0))
    expect(retained?.summary['deleted-data-files']).toBe('3')
    const again = await openTable('history')
    expect(await run(landedRanges(again))).toEqual(
      [3, 4, 5, 6, 7].map((it) => `0:${it}-${it + 1}`)
    )
    expect(await run(recordedOffset(again, 0))).toBe(8)
    expect(await run(describeSnapshots(again))).toHaveLength(4)
    expect(removed.filter(({ kind }) => kind === 'manifest-list')).toHaveLength(4)
    // Deleted by us, as the expiry actor does; the table stays whole.
    for (const { location } of [...removed, ...(retained?.removed ?? [])])
      await run(stores.files.remove(location))
    expect(await run(landedRanges(await openTable('history')))).toHaveLength(5)
  })

  it('land once what many writers commit at the same time', async () => {
    await openTable('contended')
    const writer = async (partition: number) => {
      const table = await openTable('contended')
      let attempts = 0
      for (let from = 0; from < 50; from += 10) {
        const request = batch(`w${partition}-${from}`, [
          partition,
          from === 0 ? null : from,
          from + 10
        ])
        attempts += (await run(commitAppend(table, request))).attempts
      }
      return attempts
    }
    const attempts = await Promise.all([0, 1, 2].map(writer))
    const table = await openTable('contended')
    expect(await run(landedRanges(table))).toHaveLength(15)
    for (const partition of [0, 1, 2]) expect(await run(recordedOffset(table, partition))).toBe(50)
    // At least one was built on a parent that another one had replaced.
    expect(attempts.reduce((sum, it) => sum + it)).toBeGreaterThan(15)
  })

  it('land once across kills of the catalog', async () => {
    const table = await openTable('killed')
    const catalog = services.stack.service('catalog')
    let from: number | null = null
    for (let round = 0; round < 3; round += 1) {
      const request = batch(`k${round}`, [0, from, round + 1])
      const landing = run(Effect.exit(landThrough(table, request)))
      await catalog.kill()
      await landing
      await catalog.start()
      await run(landThrough(table, request))
      from = round + 1
    }
    expect(await run(landedRanges(table))).toEqual(['0:0-1', '0:1-2', '0:2-3'])
  })

  it('say that the catalog is away, and change nothing', async () => {
    const table = await openTable('away')
    const catalog = services.stack.service('catalog')
    await run(commitAppend(table, batch('c1', [0, null, 1])))
    await catalog.kill()
    const away = await run(Effect.flip(commitAppend(table, batch('c2', [0, 1, 2]))))
    expect(away).toMatchObject({ _tag: 'TableUnreadable' })
    await catalog.start()
    expect((await run(refresh(table))).metadata.snapshots).toHaveLength(1)
  })
})

/** As the lander does it (R19). */
const landThrough = (
  table: Table,
  request: AppendRequest
): Effect.Effect<void, AppendError> =>
  commitAppend(table, request).pipe(
    Effect.asVoid,
    Effect.catchTag('CommitUnknown', (unknown) =>
      Effect.flatMap(resolveUnknown(table, unknown), ({ outcome }) =>
        outcome === 'notLanded' ? landThrough(table, request) : Effect.void
      )
    )
  )
