/** A table gets a column for each new field of its records, in either catalog (R52). */
import * as Effect from 'effect/Effect'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import { SchemaMismatch } from '../../../src/adapters/iceberg/errors.ts'
import { currentSchema } from '../../../src/adapters/iceberg/metadata.ts'
import { makeRestCatalog } from '../../../src/adapters/iceberg/rest-catalog.ts'
import type { AvroRecordSchema } from '../../../src/adapters/iceberg/schema.ts'
import { commitReplace } from '../../../src/adapters/iceberg/replace-files.ts'
import { refresh, type TableOptions } from '../../../src/adapters/iceberg/table.ts'
import { type HttpClient, makeHttpClient } from '../../../src/adapters/web/http-client.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { type FakeRestCatalog, startFakeRestCatalog } from '../../support/fake-iceberg-rest.ts'
import {
  batch,
  dataFile,
  landedRanges,
  makeMemoryFiles,
  makeWorld,
  openTable,
  type World
} from './support.ts'

const run = Effect.runPromise
type Field = AvroRecordSchema['fields'][number]

const withFields = (...added: readonly Field[]): AvroRecordSchema => ({
  ...tradeV2Schema,
  fields: [...tradeV2Schema.fields, ...added]
})
const changed = (name: string, type: Field['type']): AvroRecordSchema => ({
  ...tradeV2Schema,
  fields: tradeV2Schema.fields.map((it): Field => (it.name === name ? { ...it, type } : it))
})
const note: Field = { name: 'note', type: ['null', 'string'], default: null }
const flags: Field = {
  name: 'flags',
  type: ['null', { type: 'map', values: 'string' }],
  default: null
}

let client: HttpClient
let fake: FakeRestCatalog
beforeAll(() => {
  client = makeHttpClient({ connectionsMax: 4 })
})
afterAll(() => client.close())
beforeEach(async () => {
  fake = await startFakeRestCatalog()
})
afterEach(() => fake.close())

const worlds: readonly (readonly [string, () => World])[] = [
  ['the embedded catalog', () => makeWorld()],
  [
    'a REST catalog',
    () =>
      makeWorld('rest', makeMemoryFiles(), () =>
        makeRestCatalog({
          send: client.send,
          uri: fake.uri,
          oauthScope: 'catalog',
          nowMs: Date.now,
          deadlineMs: 5_000
        })
      )
  ]
]

const open = (world: World, record: AvroRecordSchema, options: Partial<TableOptions> = {}) =>
  run(openTable(world, {}, { record, ...options }))

describe.each(worlds)('in %s', (_name, makeOne) => {
  test('new optional fields are columns behind all others, with ids that nothing had', async () => {
    const world = makeOne()
    const older = (await open(world, tradeV2Schema)).loaded.metadata
    const before = currentSchema(older)
    const { metadata } = (await open(world, withFields(note, flags))).loaded
    const after = currentSchema(metadata)
    const ids = before.fields.map(({ id }) => id)
    expect(after.fields.slice(0, ids.length)).toEqual(before.fields)
    const last = older['last-column-id']
    expect(last).toBeGreaterThan(Math.max(...ids))
    expect(metadata.schemas[0]).toEqual(before)
    expect(after.fields.slice(ids.length)).toEqual([
      { id: last + 1, name: 'note', required: false, type: 'string' },
      {
        id: last + 2,
        name: 'flags',
        required: false,
        type: {
          type: 'map',
          'key-id': last + 3,
          'value-id': last + 4,
          key: 'string',
          value: 'string',
          'value-required': true
        }
      }
    ])
    expect(metadata['last-column-id']).toBe(last + 4)
    expect(world.events.filter(({ type }) => type === 'schema.evolved')).toMatchObject([
      { count: 2 }
    ])
  })

  test('what has landed stays, and both versions go on landing', async () => {
    const world = makeOne()
    const older = await open(world, tradeV2Schema)
    await run(commitAppend(older, batch('a', [0, null, 10])))
    const newer = await open(world, withFields(note))
    await run(commitAppend(newer, batch('b', [0, 10, 20])))
    await run(commitAppend(older, batch('c', [0, 20, 30])))
    const { metadata } = await run(refresh(newer))
    expect(currentSchema(metadata).fields.map(({ name }) => name)).toContain('note')
    expect((await run(landedRanges(newer))).length).toBe(3)
    // Nothing is added a second time, nor taken away by who does not know of it.
    await open(world, withFields(note))
    await open(world, tradeV2Schema)
    expect((await run(refresh(newer))).metadata.schemas).toHaveLength(2)
  })

  test('files that lack a column by now replace none that may have it', async () => {
    const world = makeOne()
    const older = await open(world, tradeV2Schema)
    const { location } = batch('a', [0, null, 10]).dataFiles[0]!
    await run(commitAppend(older, batch('a', [0, null, 10])))
    const before = older.loaded.metadata['current-schema-id']
    const after = (await open(world, withFields(note))).loaded.metadata['current-schema-id']
    const replace = (schemaId: number) =>
      run(
        commitReplace(older, {
          commitId: `replaces-${schemaId}`,
          replaced: [location],
          dataFiles: [dataFile(`${location}.new`)],
          schemaId
        })
      )
    expect(await replace(before)).toEqual({ kind: 'schema_changed' })
    expect(await replace(after)).toMatchObject({ kind: 'replaced' })
  })

  test('processes that start at the same time add a column once', async () => {
    const world = makeOne()
    await open(world, tradeV2Schema)
    const opening = Array.from({ length: 4 }, () => open(world, withFields(note)))
    const tables = await Promise.all(opening)
    const { metadata } = await run(refresh(tables[0]!))
    expect(metadata.schemas).toHaveLength(2)
  })

  test.each([
    ['a field that must be there', withFields({ name: 'note', type: 'string' }), 'note', 'missing'],
    ['an optional one with another default', withFields({ ...note, default: 'x' }), 'note', 'is'],
    ['another type', changed('currency', 'long'), 'currency', 'long'],
    ['a field that was required', changed('side', ['null', 'string']), 'side', 'false'],
    [
      'a required field that is gone',
      { ...tradeV2Schema, fields: tradeV2Schema.fields.slice(1) },
      'message_id',
      'required'
    ]
  ])('%s is refused by name, and nothing is written', async (_what, record, field, reason) => {
    const world = makeOne()
    const table = await open(world, tradeV2Schema)
    const stored = world.files.stored.size
    const failed = await run(Effect.flip(openTable(world, {}, { record })))
    expect(failed).toBeInstanceOf(SchemaMismatch)
    expect(failed).toMatchObject({ field, reason: expect.stringContaining(reason) as string })
    expect(world.files.stored.size).toBe(stored)
    expect((await run(refresh(table))).location).toBe(table.loaded.location)
  })

  test('who only looks changes nothing', async () => {
    const world = makeOne()
    await open(world, tradeV2Schema)
    const looked = await open(world, withFields(note), { mustExist: true })
    expect(looked.loaded.metadata.schemas).toHaveLength(1)
  })
})
