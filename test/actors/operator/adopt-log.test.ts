import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AdoptionRefused, planAdoption } from '../../../src/actors/operator/adopt-log.ts'
import { embeddedLogFacts } from '../../../src/actors/operator/log-facts.ts'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import { currentSnapshot } from '../../../src/adapters/iceberg/metadata.ts'
import { openEmbeddedLog } from '../../../src/adapters/log/embedded-log.ts'
import { nodeFiles, systemClock } from '../../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../../src/adapters/log/node-process.ts'
import { k2 } from '../../support/k2-command.ts'
import { land, landedTable, landedTopic, stops } from '../../support/landed-folder.ts'
import { trade } from '../../support/trades.ts'
import { dataFiles, openTable, runSql } from '../../support/warehouse.ts'

const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT']

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

const tradesOf = (ids: readonly number[], of = symbols) =>
  of.flatMap((symbol) => ids.map((id) => trade(symbol, id)))

const newFolder = (): string => {
  const root = mkdtempSync(join(tmpdir(), 'k2-adopt-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return root
}

/** Ids of a symbol in the table, with repeats. */
const idsOf = async (root: string, symbol = 'BTCUSDT'): Promise<readonly number[]> => {
  const files = (await dataFiles(openTable(root)!)).map(({ path }) => `'${path}'`)
  const rows = await runSql(
    `SELECT source_sequence FROM read_parquet([${files.join(', ')}])
     WHERE symbol = '${symbol}' ORDER BY ALL`
  )
  return rows.map(([id]) => Number(id))
}

const summaryOf = async (root: string) => {
  const table = await landedTable(root)
  return currentSnapshot(table.loaded.metadata)!.summary
}

const adopt = (root: string, ...args: readonly string[]) =>
  k2('adopt-log', '--data-dir', root, ...args)

const expectHealthy = async (root: string) => {
  const { printed, code } = await k2('doctor', '--data-dir', root)
  expect(printed).toMatch(/no fault$/)
  expect(code).toBe(0)
}

const segmentsOf = (root: string, partition = 0): readonly string[] => {
  const folder = join(root, 'log', `${landedTopic}-${partition}`)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(folder, name))
}

describe('another log', () => {
  test('goes on without repeats, holes stay holes, and the old log is fenced', async () => {
    const root = newFolder()
    const isHole = (id: number) => id >= 40 && id <= 44
    await land(root, tradesOf(range(1, 100).filter((id) => !isHole(id))))
    const old = await summaryOf(root)
    renameSync(join(root, 'log'), join(root, 'log-old'))

    // Other partitions, some records again, one that was a hole, and new ones.
    const again = [...range(61, 100), 42, ...range(101, 140)]
    const stopped = stops(await land(root, tradesOf(again), { partitions: 3 }))
    expect(stopped).toHaveLength(3)
    expect(stopped[0]).toContain('npm run k2 -- adopt-log')
    expect(await idsOf(root)).toHaveLength(95)

    const plan = await adopt(root)
    expect(plan.code).toBe(1)
    expect(plan.printed).toMatch(/gives up log [0-9a-f-]{36}, landed to/)
    expect(await summaryOf(root)).toEqual(old)
    expect(await adopt(root, '--yes')).toMatchObject({ code: 0, complaints: '' })

    expect(stops(await land(root, tradesOf(range(141, 150)), { partitions: 3 }))).toEqual([])
    const wanted = range(1, 150).filter((id) => !isHole(id) || id === 42)
    for (const symbol of symbols) expect(await idsOf(root, symbol)).toEqual(wanted)
    await expectHealthy(root)
    expect(await adopt(root)).toMatchObject({ code: 0, printed: 'nothing to adopt' })

    // Whoever still lands from the old log finds its offsets gone.
    const [logIdentity = ''] = Object.keys(JSON.parse(old['k2.offsets']!) as object)
    const exit = await Effect.runPromise(
      Effect.exit(
        commitAppend(await landedTable(root), {
          commitId: 'late',
          dataFiles: [],
          advances: [
            {
              logIdentity,
              topic: landedTopic,
              partition: 0,
              fromOffset: 95,
              nextOffset: 96,
              statePath: 'x'
            }
          ]
        })
      )
    )
    expect(JSON.stringify(exit)).toContain('Fenced')
    const retired = JSON.parse((await summaryOf(root))['k2.retired']!) as object
    expect(retired).toHaveProperty([logIdentity, landedTopic])
  })

  test('the old log can be adopted again', async () => {
    const root = newFolder()
    const [current, other] = [join(root, 'log'), join(root, 'log-other')]
    await land(root, tradesOf(range(1, 20)))
    renameSync(current, other)
    await land(root, tradesOf(range(11, 30)))
    expect((await adopt(root, '--yes')).code).toBe(0)
    await land(root, [])
    renameSync(current, join(root, 'log-second'))
    renameSync(other, current)
    expect(stops(await land(root, tradesOf(range(31, 40))))).toHaveLength(2)
    expect((await adopt(root, '--yes')).code).toBe(0)
    expect(stops(await land(root, []))).toEqual([])
    expect(await idsOf(root)).toEqual(range(1, 40))
  })

  test('what waited is a dead letter then, and lands if it comes again', async () => {
    const root = newFolder()
    const jump = 5_000_000
    await land(root, [...tradesOf([1, 2, jump], ['BTCUSDT'])])
    rmSync(join(root, 'log'), { recursive: true })
    await land(root, tradesOf([2, jump, jump + 1, jump + 2], ['BTCUSDT']))
    expect((await adopt(root, '--yes')).code).toBe(0)
    const letters = readdirSync(join(root, 'dead-letters')).filter((it) => it.startsWith('adopt-'))
    expect(letters).toHaveLength(1)
    const letter = readFileSync(join(root, 'dead-letters', letters[0]!), 'utf8')
    expect(letter).toContain('unconfirmed_sequence')
    await land(root, [])
    expect(await idsOf(root)).toEqual([1, 2, jump, jump + 1, jump + 2])
    await expectHealthy(root)
  })

  test('--from says where to begin, for all partitions or one by one', async () => {
    const root = newFolder()
    await land(root, tradesOf(range(1, 10)))
    rmSync(join(root, 'log'), { recursive: true })
    await land(root, tradesOf(range(11, 20)), { isLanding: false })
    const refused = await adopt(root, '--from', '500', '--yes')
    expect(refused.code).toBe(2)
    expect(refused.complaints).toContain('not 500')
    expect((await adopt(root, '--from', 'middle')).complaints).toContain('--from is "middle"')
    const ofOne = await adopt(root, '--from', '0=end')
    expect(ofOne.printed).toMatch(/partition 0: to (\d+); \1 records are passed over/)
    expect(ofOne.printed).toMatch(/partition 1: to 0; \d+ records are read/)
    expect((await adopt(root, '--from', 'end', '--yes')).code).toBe(0)
    await land(root, tradesOf(range(21, 30)))
    expect(await idsOf(root)).toEqual([...range(1, 10), ...range(21, 30)])
    await expectHealthy(root)
  })

  test('a lost state must be rebuilt first', async () => {
    const root = newFolder()
    await land(root, tradesOf(range(1, 10)))
    rmSync(join(root, 'log'), { recursive: true })
    await land(root, tradesOf(range(11, 20)), { isLanding: false })
    const states = join(root, 'warehouse', '_k2')
    for (const path of readdirSync(states, { recursive: true }).map(String)) {
      if (path.endsWith('.bin')) rmSync(join(states, path))
    }
    const refused = await adopt(root, '--yes')
    expect(refused.code).toBe(2)
    expect(refused.complaints).toContain('run k2 rebuild-state first')
    expect((await k2('rebuild-state', '--data-dir', root)).code).toBe(0)
    expect((await adopt(root, '--yes')).code).toBe(0)
    await land(root, [])
    expect(await idsOf(root)).toEqual(range(1, 20))
  })
})

describe('the same log', () => {
  const one = { partitions: 1, batchRecords: 10, segmentBytes: 512 }
  const btc = (from: number, to: number) => tradesOf(range(from, to), ['BTCUSDT'])

  test('cut off below the table: it goes on where the table is', async () => {
    const root = newFolder()
    await land(root, btc(1, 100), one)
    const segments = segmentsOf(root)
    for (const path of segments.slice(5)) rmSync(path)
    truncateSync(segments[4]!, 0)
    const [stopped] = stops(await land(root, btc(101, 110), { ...one, isLanding: true }))
    expect(stopped).toMatch(/ends at 40[\s\S]*npm run k2 -- adopt-log/)
    const done = await adopt(root, '--yes')
    expect(done.printed).toMatch(/nothing to adopt|from 100 to 100/)
    expect(stops(await land(root, btc(111, 120), one))).toEqual([])
    expect(await idsOf(root)).toEqual(range(1, 120))
    await expectHealthy(root)
  })

  test('cut off, and adopted before anything was appended', async () => {
    const root = newFolder()
    await land(root, btc(1, 100), one)
    for (const path of segmentsOf(root).slice(3)) rmSync(path)
    const done = await adopt(root, '--yes')
    expect(done.printed).toContain('from 100 to 100; the log was cut off at 30')
    expect(stops(await land(root, btc(101, 110), one))).toEqual([])
    expect(await idsOf(root)).toEqual(range(1, 110))
    await expectHealthy(root)
  })

  test('records deleted before they landed', async () => {
    const root = newFolder()
    await land(root, btc(1, 20), one)
    await land(root, btc(21, 100), { ...one, isLanding: false })
    for (const path of segmentsOf(root).slice(0, 5)) rmSync(path)
    expect(stops(await land(root, [], one))[0]).toMatch(/begins at 50[\s\S]*adopt-log/)
    const back = await adopt(root, '--from', 'start')
    expect(back.printed).toContain('from 20 to 50; 30 records are passed over')
    expect((await adopt(root, '--yes')).code).toBe(0)
    expect(stops(await land(root, [], one))).toEqual([])
    expect(await idsOf(root)).toEqual([...range(1, 20), ...range(51, 100)])
    await expectHealthy(root)
  })

  test('a segment lost in the midst of others', async () => {
    const root = newFolder()
    await land(root, btc(1, 20), one)
    await land(root, btc(21, 60), { ...one, isLanding: false })
    rmSync(segmentsOf(root)[3]!)
    const [stopped] = stops(await land(root, [], one))
    expect(stopped).toMatch(/offsets \[30, 40\) were lost; .*npm run k2 -- adopt-log/)
    expect((await adopt(root, '--yes')).printed).toContain('from 30 to 40; 10 records are passed')
    expect(stops(await land(root, [], one))).toEqual([])
    expect(await idsOf(root)).toEqual([...range(1, 30), ...range(41, 60)])
    await expectHealthy(root)
  })

  const damage = (path: string, position: number) => {
    const bytes = readFileSync(path)
    bytes[position]! ^= 0xff
    writeFileSync(path, bytes)
  }

  test('a segment damaged in the midst of others', async () => {
    const root = newFolder()
    await land(root, btc(1, 20), one)
    await land(root, btc(21, 60), { ...one, isLanding: false })
    damage(segmentsOf(root)[3]!, 100)
    expect(stops(await land(root, [], one))[0]).toMatch(/the CRC32C differs; .*adopt-log/)
    expect((await adopt(root, '--yes')).printed).toContain('from 30 to 40; 10 records are passed')
    expect(stops(await land(root, [], one))).toEqual([])
    expect(await idsOf(root)).toEqual([...range(1, 30), ...range(41, 60)])
    await expectHealthy(root)
  })

  test('the newest segment damaged: K2 cannot open it until it goes on behind', async () => {
    const root = newFolder()
    const big = { ...one, segmentBytes: 1_024 ** 2 }
    await land(root, btc(1, 20), big)
    await land(root, btc(21, 60), { ...big, isLanding: false })
    const [newest] = segmentsOf(root)
    const batchBytes = Math.floor(readFileSync(newest!).length / 6)
    damage(newest!, 3 * batchBytes + 100)
    await expect(land(root, [], big)).rejects.toThrow(/go on behind the damage: npm run k2/)
    // First what is whole before the damage, then what comes behind it.
    const first = await adopt(root, '--yes')
    expect(first.printed).toContain('from 20 to 20; the log goes on behind the damage at 60')
    expect(stops(await land(root, btc(61, 70), big))[0]).toContain('the CRC32C differs')
    expect((await adopt(root, '--yes')).printed).toContain('from 30 to 60; 30 records are passed')
    expect(stops(await land(root, btc(71, 80), big))).toEqual([])
    expect(await idsOf(root)).toEqual([...range(1, 30), ...range(61, 80)])
    await expectHealthy(root)
  })

  test('never goes back, and not while a writer has the log', async () => {
    const root = newFolder()
    await land(root, btc(1, 20), one)
    const back = await adopt(root, '--from', '5', '--yes')
    expect(back).toMatchObject({ code: 2 })
    expect(back.complaints).toContain('5 is below 20')
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          yield* openEmbeddedLog({
            directory: join(root, 'log'),
            files: nodeFiles,
            clock: systemClock,
            process: yield* Effect.promise(nodeProcess),
            topics: { [landedTopic]: 1 },
            neverBelow: [],
            observe: () => undefined
          })
          const busy = yield* Effect.promise(() => adopt(root, '--yes'))
          expect(busy).toMatchObject({ code: 2 })
          expect(busy.complaints).toContain('has the log open')
        })
      )
    )
  })
})

test('a topic of Kafka that was cut off is refused: it cannot go on elsewhere', async () => {
  const root = newFolder()
  await land(root, tradesOf(range(1, 20)))
  const table = await landedTable(root)
  const planned = Effect.gen(function* () {
    const facts = yield* embeddedLogFacts([join(root, 'log')])
    if ('missing' in facts) throw new Error(facts.missing)
    const partitions = facts.partitions.map((it) => ({ ...it, endOffset: 1 }))
    const log = { ...facts, partitions, canGoOnAt: false }
    return yield* planAdoption({ table, log, from: () => undefined })
  })
  const refused = await Effect.runPromise(Effect.flip(planned))
  expect(refused).toBeInstanceOf(AdoptionRefused)
  expect(refused.message).toContain(`${landedTopic}-0 ends at 1, the table`)
})
