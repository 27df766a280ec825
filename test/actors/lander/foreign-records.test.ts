import { expect, test } from 'vitest'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { trade } from '../../support/trades.ts'
import { codec, drain, ids, makeWorld } from './lander-world.ts'

const own = partitionOf('BTCUSDT', 2)
const ours = (id: number) => ({
  key: 'BTCUSDT',
  value: Uint8Array.from(codec.encode(trade('BTCUSDT', id)))
})

const otherSchema = JSON.stringify({ type: 'record', name: 'Other', fields: [] })
const newer = {
  ...tradeV2Schema,
  fields: [...tradeV2Schema.fields, { name: 'venue_flags', type: ['null', 'string'] }]
}

test('records of a newer schema land, beside ours, in one sequence (R52)', async () => {
  const world = makeWorld()
  const written = makeRecordCodec<unknown>(newer)
  const theirs = (id: number) => ({
    key: 'BTCUSDT',
    value: Uint8Array.from(written.encode({ ...trade('BTCUSDT', id), venue_flags: 'x' }))
  })
  const more = { writerSchema: JSON.stringify(newer) }
  world.log.append(own, [ours(1), ours(2)])
  world.log.append(own, [theirs(3), theirs(2), theirs(4)], written.fingerprint, more)
  world.log.append(own, [ours(5)])
  await drain(world)
  expect(ids(world.table.landed)).toEqual([1, 2, 3, 4, 5].map((id) => `BINANCE:BTCUSDT:${id}`))
  expect(world.letters).toEqual([])
})

test.each([
  ['an unreadable schema', { writerSchema: otherSchema }, 'Other'],
  ['a schema that nobody has', {}, 'unknown schema 0123456789abcdef'],
  ['records without a frame', { refusal: 'the message carries no schema' }, 'carries no schema']
])('%s: each record is set aside with its bytes, neighbours land', async (_name, more, detail) => {
  const world = makeWorld()
  const odd = ['one', 'two'].map((value) => ({ key: 'BTCUSDT', value: Buffer.from(value) }))
  world.log.append(own, [ours(1)])
  world.log.append(own, odd, '0123456789abcdef', more)
  world.log.append(own, [ours(2)])
  await drain(world)
  expect(ids(world.table.landed)).toEqual([1, 2].map((id) => `BINANCE:BTCUSDT:${id}`))
  expect(world.letters.map(({ reason, raw }) => [reason, Buffer.from(raw).toString()])).toEqual([
    ['undecodable', 'one'],
    ['undecodable', 'two']
  ])
  for (const letter of world.letters) expect(letter.detail).toContain(detail)
  expect(world.letters.map(({ position }) => position!.offset)).toEqual([1, 2])
})
