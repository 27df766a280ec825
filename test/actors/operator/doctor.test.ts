import {
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { describe, expect, onTestFinished, test } from 'vitest'
import { examine } from '../../../src/actors/operator/doctor.ts'
import { type DoctorReport, Findings } from '../../../src/actors/operator/doctor-report.ts'
import { embeddedLogFacts } from '../../../src/actors/operator/log-facts.ts'
import { checkLineage, checkLog } from '../../../src/actors/operator/positions-checks.ts'
import type { TableView } from '../../../src/actors/operator/table-view.ts'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import { statePathsOf } from '../../../src/adapters/iceberg/k2-summary.ts'
import { currentSnapshot, type Snapshot } from '../../../src/adapters/iceberg/metadata.ts'
import {
  readRecordedState,
  stateLocation,
  type Table,
  writeState
} from '../../../src/adapters/iceberg/table.ts'
import { filePath } from '../../../src/adapters/object-store/local-files.ts'
import { listBelow } from '../../../src/adapters/object-store/local-listing.ts'
import { k2 } from '../../support/k2-command.ts'
import { land, landedTable, landedTopic, stops } from '../../support/landed-folder.ts'
import { commitRows, rewriteFiles } from '../../support/table-damage.ts'
import { trade } from '../../support/trades.ts'

const dayMs = 86_400_000

const trades = (from: number, to: number, symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']) =>
  symbols.flatMap((symbol) =>
    Array.from({ length: to - from + 1 }, (_, index) => trade(symbol, from + index))
  )

const landed = async (): Promise<string> => {
  const root = mkdtempSync(join(tmpdir(), 'k2-doctor-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  expect(stops(await land(root, trades(1, 100)))).toEqual([])
  expect(stops(await land(root, trades(101, 150)))).toEqual([])
  return root
}

const doctor = async (root: string, options: { isQuick?: boolean; ageMs?: number } = {}) => {
  const table = await landedTable(root)
  const program = Effect.gen(function* () {
    const log = embeddedLogFacts([join(root, 'log')])
    const { isQuick = false, ageMs = 3 * dayMs } = options
    return yield* examine({
      table,
      listBelow,
      log,
      orphanAgeMsMin: ageMs,
      isQuick,
      nowMs: Date.now()
    })
  })
  return Effect.runPromise(program)
}

/** Names of the checks that found faults, with how many. */
const faults = ({ checks }: DoctorReport) =>
  Object.fromEntries(checks.filter(({ ok }) => !ok).map(({ name, count }) => [name, count]))

const textOf = ({ checks }: DoctorReport, name: string): string =>
  checks.find((it) => it.name === name)!.examples.join('\n')

const pathsUnder = (folder: string, pattern: RegExp): readonly string[] =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .sort()

const oldest = (paths: readonly string[]): string =>
  paths.toSorted((one, other) => statSync(one).mtimeMs - statSync(other).mtimeMs)[0]!

const dataPaths = (root: string) => pathsUnder(join(root, 'warehouse', 'market'), /\.parquet$/)

const currentStates = async (root: string): Promise<readonly string[]> => {
  const table = await landedTable(root)
  const current = currentSnapshot(table.loaded.metadata)!
  return statePathsOf(current).map((path) => filePath(stateLocation(table, path)))
}

describe('a healthy table', () => {
  test('has no fault, and every check has looked at something', async () => {
    const report = await doctor(await landed())
    expect(faults(report)).toEqual({})
    expect(report).toMatchObject({ ok: true, table: 'market.trades', rows: 450 })
    const idle = report.checks.filter(({ checked, name }) => checked === 0 && name !== 'orphans')
    expect(idle).toEqual([])
    expect(report.checks.find(({ name }) => name === 'duplicate-keys')?.checked).toBe(450)
  })

  test('an examination writes nothing', async () => {
    const root = await landed()
    const before = pathsUnder(root, /./).map((path) => [path, statSync(path).mtimeMs])
    await doctor(root)
    expect(pathsUnder(root, /./).map((path) => [path, statSync(path).mtimeMs])).toEqual(before)
  })

  test('a quick examination says what it leaves out', async () => {
    const { checks, ok } = await doctor(await landed(), { isQuick: true })
    expect(ok).toBe(true)
    expect(checks.filter(({ skipped }) => skipped !== undefined).map(({ name }) => name)).toEqual([
      'data-contents',
      'row-partitions',
      'duplicate-keys',
      'log-positions',
      'symbol-partitions'
    ])
  })
})

describe('files', () => {
  test('a data file that is missing', async () => {
    const root = await landed()
    rmSync(dataPaths(root)[0]!)
    const report = await doctor(root)
    expect(faults(report)).toMatchObject({ 'data-files': 1, 'data-contents': 1 })
    expect(textOf(report, 'data-files')).toContain('missing')
  })

  test('a data file that is cut short', async () => {
    const root = await landed()
    const path = dataPaths(root)[0]!
    truncateSync(path, statSync(path).size - 1)
    expect(faults(await doctor(root))).toMatchObject({ 'data-files': 1, 'data-contents': 1 })
    expect(faults(await doctor(root, { isQuick: true }))).toEqual({ 'data-files': 1 })
  })

  test('a manifest list that cannot be read, and a manifest that is missing', async () => {
    const root = await landed()
    const metadata = join(root, 'warehouse', 'market', 'trades', 'metadata')
    // Of the first commit: all later lists name its manifest as well.
    writeFileSync(oldest(pathsUnder(metadata, /^snap-.*\.avro$/)), 'nothing')
    rmSync(oldest(pathsUnder(metadata, /-m0\.avro$/)))
    expect(faults(await doctor(root, { isQuick: true }))).toMatchObject({
      'manifest-lists': 1,
      manifests: 1
    })
  })

  test('a sequence state that is missing, and one that does not decode', async () => {
    const root = await landed()
    const [first, second] = await currentStates(root)
    rmSync(first!)
    writeFileSync(second!, '{"version":7}')
    const report = await doctor(root, { isQuick: true })
    expect(faults(report)).toEqual({ 'sequence-states': 2 })
    expect(textOf(report, 'sequence-states')).toMatch(/missing[\s\S]*version 7/)
  })

  test('orphans are listed once they are old enough, and are no fault', async () => {
    const root = await landed()
    const table = await landedTable(root)
    const folder = join(root, 'warehouse', 'market', 'trades')
    const states = filePath(stateLocation(table, 'state'))
    const old = [join(folder, 'data', 'left.parquet'), join(states, 'left.bin')]
    for (const path of [...old, join(folder, 'data', 'young.parquet')]) writeFileSync(path, 'x')
    for (const path of old) utimesSync(path, 1_000, 1_000)
    const report = await doctor(root)
    expect(report.ok).toBe(true)
    const orphans = report.checks.find(({ name }) => name === 'orphans')!
    expect(orphans).toMatchObject({ ok: true, count: 2 })
    expect(orphans.examples.join()).not.toContain('young')
    const { printed } = await k2('doctor', '--data-dir', root, '--quick')
    expect(printed).toMatch(/note +orphans +2 of/)
  })
})

/** A commit past the lander, as a bug of it would make one. */
const commitOffsets = async (
  table: Table,
  places: readonly { partition: number; from: number; to: number; state: object }[]
) => {
  const [logIdentity = ''] = Object.keys(
    JSON.parse(currentSnapshot(table.loaded.metadata)!.summary['k2.offsets']!) as object
  )
  const program = Effect.gen(function* () {
    const advances = yield* Effect.forEach(places, ({ partition, from, to, state }) =>
      Effect.map(
        writeState(table, `${partition}`, Buffer.from(JSON.stringify(state))),
        (statePath) => ({
          logIdentity,
          topic: landedTopic,
          partition,
          fromOffset: from,
          nextOffset: to,
          statePath
        })
      )
    )
    yield* commitAppend(table, { commitId: table.ports.ids.uuid(), dataFiles: [], advances })
  })
  await Effect.runPromise(program)
}

describe('positions', () => {
  test('a state whose counters did not follow the offset', async () => {
    const root = await landed()
    const table = await landedTable(root)
    const offset = Number(/"0":(\d+)/.exec(JSON.stringify(offsetsOf(table)))![1])
    const counters = { consumed: 5, landed: 4, duplicates: 0, deadLettered: 0, held: 0 }
    const state = { version: 1, sequences: {}, counters }
    await commitOffsets(table, [{ partition: 0, from: offset, to: offset, state }])
    const report = await doctor(root, { isQuick: true })
    expect(faults(report)).toEqual({ 'sequence-states': 2 })
    expect(textOf(report, 'sequence-states')).toMatch(/5 records consumed, 4 accounted/)
  })

  test('a log that ends below the table, and one that is another', async () => {
    const root = await landed()
    const partition = join(root, 'log', `${landedTopic}-0`)
    for (const path of pathsUnder(partition, /\.log$/)) truncateSync(path, 0)
    expect(faults(await doctor(root, { isQuick: true }))).toEqual({ 'log-bounds': 1 })
    rmSync(join(root, 'log'), { recursive: true })
    await land(root, trades(1, 10), { isLanding: false })
    const report = await doctor(root, { isQuick: true })
    expect(faults(report)).toEqual({ 'log-bounds': 1 })
    expect(textOf(report, 'log-bounds')).toContain('k2 adopt-log')
  })
})

test('a topic that the log does not have, and one with another partition count (R41)', async () => {
  const root = await landed()
  const table = await landedTable(root)
  const told = (topics: ReadonlyMap<string, number>) =>
    Effect.gen(function* () {
      const facts = yield* embeddedLogFacts([join(root, 'log')])
      if ('missing' in facts) throw new Error(facts.missing)
      const findings = new Findings('log')
      yield* checkLog(yield* readRecordedState(table), { ...facts, topics }, findings)
      return findings.result(new Set()).examples.join()
    })
  const run = (topics: ReadonlyMap<string, number>) => Effect.runPromise(told(topics))
  expect(await run(new Map([[landedTopic, 2]]))).toBe('')
  expect(await run(new Map())).toContain('is not here')
  expect(await run(new Map([[landedTopic, 3]]))).toContain('3 partitions, at its first landing')
})

test('what lands while it looks is no fault of the log', async () => {
  const root = await landed()
  const more = Effect.promise(() => land(root, trades(151, 160)))
  const report = await Effect.runPromise(
    examine({
      table: await landedTable(root),
      listBelow,
      log: Effect.tap(embeddedLogFacts([join(root, 'log')]), () => more),
      orphanAgeMsMin: dayMs,
      isQuick: true,
      nowMs: Date.now()
    }).pipe(Effect.scoped)
  )
  expect(faults(report)).toEqual({})
})

describe('the lineage', () => {
  /** Faults of snapshots, oldest first, of which each is told its offsets by partition. */
  const lineageFaults = (...offsets: readonly (Record<string, number> | null | 'adopt-log')[]) => {
    const snapshots = offsets.map((at, index): Snapshot => {
      const adopted = { 'k2.offsets': JSON.stringify({ b: { t: { 0: 0 } } }) }
      const plain = at === null ? {} : { 'k2.offsets': JSON.stringify({ a: { t: at } }) }
      return {
        'snapshot-id': BigInt(index + 1),
        ...(index === 0 ? {} : { 'parent-snapshot-id': BigInt(index) }),
        'sequence-number': index + 1,
        'timestamp-ms': index,
        'manifest-list': '',
        summary: at === 'adopt-log' ? { ...adopted, 'k2-operation': at } : plain
      }
    })
    const metadata = { snapshots, 'current-snapshot-id': BigInt(snapshots.length) }
    const findings = new Findings('offset-lineage')
    checkLineage({ metadata, current: snapshots.at(-1)! } as unknown as TableView, findings)
    return findings.result(new Set()).examples
  }

  test('offsets only grow', () => {
    expect(lineageFaults({ 0: 5 }, { 0: 5, 1: 2 }, { 0: 9, 1: 2 })).toEqual([])
    expect(lineageFaults({ 0: 5 }, { 0: 4 })).toEqual(['snapshot 2: a/t/0 goes back from 5 to 4'])
    expect(lineageFaults({ 0: 5, 1: 1 }, { 0: 5 })).toEqual(['snapshot 2 forgets a/t/1'])
  })

  test('a snapshot of a foreign writer passes offsets on', () => {
    expect(lineageFaults(null, { 0: 5 }, null, { 0: 5 })).toEqual([])
    expect(lineageFaults({ 0: 5 }, null, { 0: 3 })).toHaveLength(1)
  })

  test('an operator may go over to another log', () => {
    expect(lineageFaults({ 0: 5 }, 'adopt-log')).toEqual([])
  })

  test('what has expired meanwhile is no fault, what is retained is one', () => {
    const findings = new Findings('data-files')
    findings.add('a: missing', [1n, 2n])
    findings.add('b: missing', [1n])
    findings.add('c: damaged')
    expect(findings.result(new Set([2n, 3n]))).toMatchObject({ ok: false, count: 2 })
    expect(findings.result(new Set([3n])).examples).toEqual(['c: damaged'])
  })
})

const offsetsOf = (table: Table): unknown =>
  JSON.parse(currentSnapshot(table.loaded.metadata)!.summary['k2.offsets']!)

describe('rows', () => {
  test('a row that is there twice', async () => {
    const root = await landed()
    await commitRows(root, [trade('BTCUSDT', 7)], { offset: 6 })
    const report = await doctor(root)
    expect(faults(report)).toMatchObject({ 'duplicate-keys': 1 })
    expect(textOf(report, 'duplicate-keys')).toBe('BINANCE:BTCUSDT:7: 2 times')
  })

  test('a row of an offset that the table has not reached, not in its partition', async () => {
    const root = await landed()
    await commitRows(root, [trade('BTCUSDT', 999)], { offset: 5_000, isWrongPartition: true })
    expect(faults(await doctor(root))).toMatchObject({ 'log-positions': 1, 'symbol-partitions': 1 })
  })

  test('a file whose rows are of another day than its entry says', async () => {
    const root = await landed()
    await commitRows(root, [trade('BTCUSDT', 999)], { offset: 5_000, day: 1 })
    expect(faults(await doctor(root))).toMatchObject({ 'row-partitions': 1 })
  })

  test('a file that was rewritten: counts and bounds differ', async () => {
    const root = await landed()
    await rewriteFiles(
      root,
      `SELECT * REPLACE (price + 5000 AS price) FROM input WHERE k2_offset > 3`
    )
    const report = await doctor(root)
    expect(faults(report)).toHaveProperty('data-contents')
    expect(textOf(report, 'data-contents')).toMatch(/rows, recorded|above its upper bound/)
  })
})
