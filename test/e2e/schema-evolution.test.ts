/**
 * One optional field more in `trade-v2.avsc`: K2 built from it goes on with the folder of the K2
 * that was built without it, and back again (R52).
 */
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { tradeV2Schema } from '../../src/market/records/trade-v2.ts'
import { k2Fixture, type K2Process } from '../support/k2-process.ts'
import { loggedIds } from '../support/log-folder.ts'
import { pyIceberg, type ReadBack, readBack } from '../support/pyiceberg/pyiceberg.ts'

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const k2s = k2Fixture()
const python = pyIceberg()
const topic = 'market.crypto.trades.simulated'
const testMsMax = 300_000

/** What `npm run generate` and the build make of a schema, beside the rest of K2 as it is. */
const builtWith = (schema: object): string => {
  const root = k2s.dataFolder()
  cpSync(join(projectRoot, 'dist'), join(root, 'dist'), { recursive: true })
  cpSync(join(projectRoot, 'package.json'), join(root, 'package.json'))
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'))
  const file = join(root, 'dist', 'market', 'records', 'trade-v2.js')
  expect(readFileSync(file, 'utf8')).toContain('tradeV2Schema')
  writeFileSync(file, `export const tradeV2Schema = ${JSON.stringify(schema)}\n`)
  return root
}

const note = { name: 'note', type: ['null', 'string'], default: null, doc: 'Added since.' }
const wider = { ...tradeV2Schema, fields: [...tradeV2Schema.fields, note] }

/** After its first commit, so much is in the log that has not landed; then it is killed. */
const killWithBacklog = async (k2: K2Process): Promise<void> => {
  const landed = 'k2_landed_records'
  await k2.atLeast(landed, 1, { topic })
  const first = (await k2.metric(landed, { topic }))!
  await k2.atLeast('k2_published_records_total', first + 500, { topic })
  k2.kill('SIGKILL')
  await k2.exited
}

test('a field more: table, old rows, log and API, in one start; and back', async (context) => {
  const folder = k2s.dataFolder()
  const settings = { K2_DATA_DIR: folder, K2_HTTP_PORT: '0' } as const
  const hours = { ...settings, K2_COMMIT_AGE: '10m' } as const
  await killWithBacklog(k2s.start(hours))
  const oldIds = loggedIds(folder, topic, tradeV2Schema)

  const newRoot = builtWith(wider)
  const newer = k2s.start({ ...settings, K2_COMMIT_AGE: '1s' }, { root: newRoot })
  await newer.ready()
  expect(newer.log.find(({ event }) => event === 'schema.evolved')).toMatchObject({ count: 1 })
  await newer.atLeast('k2_landed_records', oldIds.size, { topic })
  const { status, text } = await newer.get('/v1/trades?limit=500')
  expect(status).toBe(200)
  const { data } = JSON.parse(text) as { readonly data: readonly { readonly note?: unknown }[] }
  expect(data).toHaveLength(500)
  expect(data.every((row) => row.note === null)).toBe(true)
  newer.kill('SIGKILL')
  await newer.exited

  const back = k2s.start({ ...settings, K2_COMMIT_AGE: '1s' })
  await back.ready()
  expect((await back.get('/v1/trades?limit=1000')).status).toBe(200)
  back.kill('SIGTERM')
  expect((await back.exit()).code).toBe(0)
  expect(readdirSync(join(folder, 'dead-letters')).filter(hasBytes(folder))).toEqual([])

  if ('missing' in python) context.skip(python.missing)
  else checkTable(readBack(python.python, newestMetadata(folder)), oldIds)
}, testMsMax)

test('a change that no table holds is refused by name, before anything is written', async () => {
  const folder = k2s.dataFolder()
  const settings = { K2_DATA_DIR: folder, K2_HTTP_PORT: '0', K2_COMMIT_AGE: '1s' } as const
  const first = k2s.start(settings)
  await first.atLeast('k2_landed_records', 1)
  first.kill('SIGTERM')
  await first.exit()
  const kept = readdirSync(join(folder, 'schemas'))
  const before = newestMetadata(folder)
  const fields = tradeV2Schema.fields.map((it) =>
    it.name === 'currency' ? { ...it, type: 'long' } : it
  )
  const second = k2s.start(settings, { root: builtWith({ ...tradeV2Schema, fields }) })
  await second.wrote(/market\.trades: column currency is/)
  second.kill('SIGTERM')
  await second.exit()
  expect(readdirSync(join(folder, 'schemas'))).toEqual(kept)
  expect(newestMetadata(folder)).toBe(before)
}, testMsMax)

const checkTable = ({ rows, schema }: ReadBack, oldIds: ReadonlySet<string>): void => {
  expect(schema.find(([, name]) => name === 'note')).toEqual([21, 'note', 'string', false])
  const ids = new Set(rows.map((row) => String(row['message_id'])))
  expect(ids.size).toBe(rows.length)
  expect([...oldIds].filter((id) => !ids.has(id))).toEqual([])
  // Nothing of any of the three was passed over.
  for (const [partition, offsets] of Object.entries(offsetsOf(rows))) {
    expect(offsets.size, partition).toBe(Math.max(...offsets) + 1)
  }
  expect(rows.every((row) => row['note'] === null)).toBe(true)
}

const offsetsOf = (rows: readonly Readonly<Record<string, unknown>>[]) => {
  const offsets: Record<string, Set<number>> = {}
  for (const row of rows) {
    ;(offsets[String(row['k2_partition'])] ??= new Set()).add(Number(row['k2_offset']))
  }
  return offsets
}

const newestMetadata = (folder: string): string => {
  const directory = join(folder, 'warehouse', 'market', 'trades', 'metadata')
  const names = readdirSync(directory).filter((name) => name.endsWith('.metadata.json'))
  return join(directory, names.sort().at(-1)!)
}

const hasBytes = (folder: string) => (name: string) =>
  readFileSync(join(folder, 'dead-letters', name)).length > 0
