import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keptSchemas } from '../../../src/adapters/schema/kept-schemas.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { quoteV2Schema } from '../../../src/market/records/quote-v2.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'k2-kept-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('what one process keeps another one finds, by its fingerprint alone', async () => {
  const directory = join(folder, 'not', 'there yet')
  const first = keptSchemas(directory)
  const fingerprints = [await first.keep(tradeV2Schema), await first.keep(quoteV2Schema)]
  await first.keep(tradeV2Schema)
  const second = keptSchemas(directory)
  const texts = await Promise.all(fingerprints.map((it) => second.textOf(it)))
  expect(texts.map((it) => JSON.parse(it!) as object)).toEqual([tradeV2Schema, quoteV2Schema])
  expect(await readdir(directory)).toHaveLength(2)
})

test('what was never kept, and what is no fingerprint, is unknown', async () => {
  const kept = keptSchemas(folder)
  expect(await kept.textOf('0123456789abcdef')).toBeUndefined()
  await writeFile(join(folder, 'secret.avsc'), JSON.stringify(tradeV2Schema))
  expect(await kept.textOf('../secret')).toBeUndefined()
  expect(await kept.textOf('secret')).toBeUndefined()
})

test('a file that holds something else counts as absent, and is written anew', async () => {
  const { fingerprint } = makeRecordCodec(tradeV2Schema)
  const file = join(folder, `${fingerprint}.avsc`)
  for (const damage of [JSON.stringify(quoteV2Schema), '{"type"']) {
    await writeFile(file, damage)
    const kept = keptSchemas(folder)
    expect(await kept.textOf(fingerprint)).toBeUndefined()
    await kept.keep(tradeV2Schema)
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(tradeV2Schema)
    expect(await keptSchemas(folder).textOf(fingerprint)).toBeDefined()
  }
})
