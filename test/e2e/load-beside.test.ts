/** `k2 load` beside a K2 that runs on the embedded log, exactly once through kills (R1, R26). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { k2 } from '../support/k2-command.ts'
import { killLoad } from '../support/killed-load.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { dataFiles, openTable, runSql } from '../support/warehouse.ts'

const k2s = k2Fixture()
const own = 'market.crypto.trades.simulated'

/** Rows, and ids that differ, of an exchange. */
const counts = async (folder: string, exchange: string): Promise<readonly number[]> => {
  const paths = (await dataFiles(openTable(folder)!)).map(({ path }) => `'${path}'`)
  const [row] = await runSql(
    `select count(*)::varchar, count(distinct message_id)::varchar
     from read_parquet([${paths.join(',')}]) where exchange = '${exchange}'`
  )
  return row!.map(Number)
}

const fill = '03/10/2014,13:55:41.879,1.11,3000,0,,\r\n'

test('rows land once beside those that K2 captures, killed or not, also after it', async () => {
  const folder = k2s.dataFolder()
  const running = k2s.start({
    K2_DATA_DIR: folder,
    K2_COMMIT_AGE: '100ms',
    // Otherwise days of 2014 go as soon as there are newer ones.
    K2_RETENTION_DAYS: '36500'
  })
  await running.ready()
  const path = join(folder, 'fills.csv')
  writeFileSync(path, fill.repeat(230))
  const args = ['load', 'trades', path, '--exchange', 'ASX', '--symbol', 'DVN']
  const settings = ['--data-dir', folder, '--batch', '20', '--commit-rows', '50']

  await killLoad([...args, ...settings], 'trades/swap/after/1')

  const resumed = await k2(...args, ...settings)
  expect(resumed.code, resumed.complaints).toBe(0)
  expect(await counts(folder, 'ASX')).toEqual([230, 230])
  const landed = (await running.metric('k2_landed_records', { topic: own })) ?? 0
  await running.atLeast('k2_landed_records', landed + 100, { topic: own })
  const again = await k2(...args, ...settings)
  expect(again.printed).toContain('0 loaded, 230 already there')

  const { status, text } = await running.get('/v1/trades?symbol=DVN&exchange=asx&limit=1000')
  expect(status, text).toBe(200)
  expect((JSON.parse(text) as { readonly data: readonly unknown[] }).data).toHaveLength(230)

  const simulated = ['--exchange', 'simulated', '--asset-class', 'crypto', '--currency', 'USDT']
  const captured = await k2('load', 'trades', path, '--symbol', 'DVN', ...simulated, ...settings)
  expect(captured.code).toBe(2)
  expect(captured.complaints).toContain(`${own} comes through the log that process`)

  running.kill('SIGINT')
  expect(await running.exit(), running.describe()).toEqual({ code: 0, signal: null })
  expect(running.log.filter(({ level }) => level === 'error')).toEqual([])
  const after = await k2(...args, ...settings)
  expect(after.printed).toContain('0 loaded, 230 already there')
  expect(await counts(folder, 'ASX')).toEqual([230, 230])
  const [rows, ids] = await counts(folder, 'SIMULATED')
  expect(rows).toBe(ids)
  const doctor = await k2('doctor', '--data-dir', folder)
  expect(doctor.code, doctor.printed).toBe(0)
  const plan = await k2('adopt-log', '--data-dir', folder)
  expect(plan.printed).toBe('nothing to adopt')
}, 120_000)
