/** Pure parts of the format: the specification's vectors, tables and properties. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  boundsOf,
  decodeValue,
  encodeUnscaled,
  encodeValue
} from '../../../src/adapters/iceberg/bounds.ts'
import {
  decodeManifest,
  encodeManifest,
  type ManifestEntry
} from '../../../src/adapters/iceberg/manifest.ts'
import {
  decodeManifestList,
  describeManifest,
  encodeManifestList
} from '../../../src/adapters/iceberg/manifest-list.ts'
import { newTableMetadata, withSnapshot } from '../../../src/adapters/iceberg/metadata-updates.ts'
import {
  parseMetadata,
  serialiseMetadata,
  type Snapshot
} from '../../../src/adapters/iceberg/metadata.ts'
import { icebergSchemaOf, lastColumnId } from '../../../src/adapters/iceberg/schema.ts'
import {
  applyTransform,
  dayOf,
  hashValue,
  transformResultType
} from '../../../src/adapters/iceberg/transforms.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'

const micros = (text: string) => BigInt(Date.parse(text)) * 1_000n
const schema = icebergSchemaOf(tradeV2Schema)
const sync = Buffer.alloc(16, 7)
const bigId = 9_123_372_036_854_000_123n

const metadata = newTableMetadata({
  uuid: 'f79c3e09-677c-4bbd-a479-3f349cb785e7',
  location: 'file:///w/market/trades',
  schema,
  sortColumns: ['symbol', 'timestamp'],
  partitioning: [
    { column: 'exchange', transform: 'identity' },
    { column: 'timestamp', transform: 'day' }
  ],
  properties: {},
  nowMs: 1
})
const header = { schema, specId: 0, specFields: metadata['partition-specs'][0]!.fields }

describe('schema of trades', () => {
  it('numbers top-level columns first, parts after them', () => {
    expect(schema.fields.map(({ id, name }) => [id, name]).slice(-4)).toEqual([
      [14, 'platform_sequence'],
      [15, 'vendor_data'],
      [16, 'k2_partition'],
      [17, 'k2_offset']
    ])
    expect(schema.fields[10]?.type).toEqual({
      type: 'list',
      'element-id': 18,
      element: 'string',
      'element-required': true
    })
    expect(schema.fields[14]?.type).toEqual({
      type: 'map',
      'key-id': 19,
      key: 'string',
      'value-id': 20,
      value: 'string',
      'value-required': true
    })
    expect(lastColumnId(schema)).toBe(20)
  })

  it('maps types, and requires what is not nullable', () => {
    const types = Object.fromEntries(schema.fields.map((it) => [it.name, [it.type, it.required]]))
    expect(types).toMatchObject({
      side: ['string', true],
      asset_class: ['string', true],
      timestamp: ['timestamptz', true],
      price: ['decimal(18, 8)', true],
      source_sequence: ['long', false],
      k2_offset: ['long', true]
    })
    expect(schema.fields[14]?.required).toBe(false)
  })

  it('refuses what has no Iceberg type', () => {
    const record = (type: string) => ({
      type: 'record' as const,
      name: 'r',
      fields: [{ name: 'a', type }]
    })
    expect(() => icebergSchemaOf(record('null'))).toThrow(/Avro type null/)
    expect(icebergSchemaOf(record('double')).fields[0]?.type).toBe('double')
  })
})

describe('partition transforms', () => {
  it.each([
    ['int', 34, 2017239379],
    ['long', 34n, 2017239379],
    ['string', 'iceberg', 1210000089],
    ['decimal(9, 2)', 1420n, -500754589],
    ['timestamp', micros('2017-11-16T22:31:08Z'), -2047944441],
    ['timestamptz', micros('2017-11-16T22:31:08Z'), -2047944441],
    ['date', 17_486, -653330422],
    ['binary', Uint8Array.of(0, 1, 2, 3), -188683207],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 1488055340]
  ] as const)('hashes %s %s as the specification says', (type, value, hash) => {
    expect(hashValue(type, value)).toBe(hash)
  })

  it.each([
    ['day', '1969-12-31T23:59:59.999Z', -1],
    ['day', '1970-01-01T00:00:00Z', 0],
    ['day', '2024-08-08T23:59:59Z', 19_943],
    ['hour', '1969-12-31T23:59:59Z', -1],
    ['hour', '1970-01-01T01:00:00Z', 1],
    ['month', '1969-12-31T00:00:00Z', -1],
    ['month', '1971-02-01T00:00:00Z', 13],
    ['year', '1969-12-31T00:00:00Z', -1],
    ['year', '2024-08-08T00:00:00Z', 54]
  ])('%s of %s is %i', (transform, text, expected) => {
    expect(applyTransform(transform, 'timestamptz', micros(text))).toBe(expected)
  })

  it.each([
    ['truncate[10]', 'int', 1, 0],
    ['truncate[10]', 'int', -1, -10],
    ['truncate[10]', 'long', -11n, -20n],
    ['truncate[50]', 'decimal(9, 2)', 1065n, 1050n],
    ['truncate[3]', 'string', 'iceberg', 'ice'],
    ['truncate[2]', 'string', '😀😁😂', '😀😁'],
    ['identity', 'string', 'x', 'x'],
    ['day', 'date', -3, -3],
    ['bucket[16]', 'string', 'iceberg', 1210000089 % 16],
    ['void', 'int', 5, null]
  ] as const)('%s of %s %s', (transform, type, value, expected) => {
    expect(applyTransform(transform, type, value)).toEqual(expected)
    expect(applyTransform(transform, type, null)).toBeNull()
  })

  it('names result types', () => {
    expect(
      ['day', 'hour', 'bucket[4]', 'identity'].map((it) => transformResultType(it, 'timestamptz'))
    ).toEqual(['date', 'int', 'int', 'timestamptz'])
    expect(() => applyTransform('zorder', 'int', 1)).toThrow(/zorder/)
  })

  it('agrees on the day with the planner', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e15, max: 4e15 }), (us) => {
        expect(dayOf(us)).toBe(applyTransform('day', 'timestamptz', us))
      })
    )
  })
})

describe('bounds', () => {
  it.each([
    ['boolean', true, '01'],
    ['int', -2, 'feffffff'],
    ['date', 19_943, 'e74d0000'],
    ['long', 1n, '0100000000000000'],
    ['timestamptz', -1n, 'ffffffffffffffff'],
    ['double', -0, '0000000000000080'],
    ['float', 1.5, '0000c03f'],
    ['string', 'ü', 'c3bc'],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09677c4bbda4793f349cb785e7'],
    ['decimal(18, 8)', 1420n, '058c'],
    ['decimal(18, 8)', 128n, '0080'],
    ['decimal(18, 8)', -128n, '80'],
    ['decimal(18, 8)', 0n, '00'],
    ['binary', Uint8Array.of(1, 2), '0102']
  ] as const)('%s %s is %s', (type, value, hex) => {
    const bytes = encodeValue(type, value)
    expect(bytes.toString('hex')).toBe(hex)
    const back = decodeValue(type, bytes)
    expect(
      typeof back === 'object' ? Buffer.from(back).toString('hex') : back
    ).toEqual(typeof value === 'object' ? hex : value)
  })

  it('decimals are minimal and exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), (value) => {
        const bytes = encodeUnscaled(value)
        expect(decodeValue('decimal(18, 8)', bytes)).toBe(value)
        if (bytes.length > 1) expect(BigInt.asIntN(8 * (bytes.length - 1), value)).not.toBe(value)
      })
    )
  })

  it('bound every text, also when cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1 }),
        (texts) => {
          const ordered = texts.map((it) => Buffer.from(it)).sort((a, b) => Buffer.compare(a, b))
          const { lower, upper } = boundsOf(
            'string',
            ordered[0]!.toString(),
            ordered.at(-1)!.toString()
          )
          for (const it of ordered) {
            expect(Buffer.compare(lower, it)).toBeLessThanOrEqual(0)
            if (upper !== null) expect(Buffer.compare(it, upper)).toBeLessThanOrEqual(0)
          }
          expect(Array.from(lower.toString()).length).toBeLessThanOrEqual(16)
        }
      )
    )
  })

  it('leave an upper bound out where nothing is greater', () => {
    expect(boundsOf('string', 'a', '\u{10ffff}'.repeat(17)).upper).toBeNull()
    expect(boundsOf('string', 'a', `a${'\u{10ffff}'.repeat(17)}`).upper?.toString()).toBe('b')
    expect(boundsOf('string', 'a', `${'a'.repeat(15)}\ud7ffz`).upper?.toString()).toBe(
      `${'a'.repeat(15)}\ue000`
    )
    expect(boundsOf('binary', Buffer.alloc(20, 255), Buffer.alloc(20, 255)).upper).toBeNull()
  })

  it('widen zero in floating point', () => {
    const { lower, upper } = boundsOf('double', 0, -0)
    expect(Object.is(decodeValue('double', lower), -0)).toBe(true)
    expect(upper === null ? null : Object.is(decodeValue('double', upper), 0)).toBe(true)
  })
})

const entry = (
  path: string,
  status: number,
  sequence: number | null,
  day: number
): ManifestEntry => ({
  status,
  snapshot_id: sequence === null ? null : bigId,
  sequence_number: sequence,
  file_sequence_number: sequence,
  data_file: {
    content: 0,
    file_path: path,
    file_format: 'PARQUET',
    partition: { exchange: 'BINANCE', timestamp_day: day },
    record_count: 10,
    file_size_in_bytes: 100,
    column_sizes: [{ key: 1, value: 40 }],
    value_counts: [{ key: 1, value: 10 }],
    null_value_counts: [{ key: 1, value: 0 }],
    nan_value_counts: null,
    lower_bounds: [{ key: 1, value: Buffer.from('a') }],
    upper_bounds: [{ key: 1, value: Buffer.from('b') }],
    key_metadata: null,
    split_offsets: [4],
    equality_ids: null,
    sort_order_id: 1
  }
})

describe('manifests', () => {
  const entries = [entry('a', 1, null, -3), entry('b', 0, 5, 7), entry('c', 2, 4, 20)]

  it('come back as they went, few or many', () => {
    const plain = (list: readonly ManifestEntry[]) =>
      JSON.parse(
        JSON.stringify(list, (_key, value: unknown) =>
          typeof value === 'bigint' ? value.toString() : value
        )
      ) as unknown
    expect(plain(decodeManifest(encodeManifest(header, entries, sync)))).toEqual(plain(entries))
    const many = Array.from({ length: 2_500 }, (_, index) =>
      entry(`f${index}`, 0, index, index % 30)
    )
    const bytes = encodeManifest(header, many, sync)
    expect(decodeManifest(bytes).map((it) => it.data_file.file_path)).toEqual(
      many.map((it) => it.data_file.file_path)
    )
    expect(bytes.length).toBeLessThan(2_500 * 100)
  })

  it('are refused when cut short', () => {
    const bytes = encodeManifest(header, entries, sync)
    for (const length of [0, 3, 20, bytes.length - 20, bytes.length - 1]) {
      expect(() => decodeManifest(bytes.subarray(0, length))).toThrow()
    }
  })

  it('are described with counts, least sequence number of what lives, and ranges', () => {
    const described = describeManifest(
      header,
      entries,
      { path: 'm', length: 9 },
      { snapshotId: bigId, sequenceNumber: 6 }
    )
    expect(described).toMatchObject({
      added_files_count: 1,
      existing_files_count: 1,
      deleted_files_count: 1,
      added_rows_count: 10,
      sequence_number: 6,
      min_sequence_number: 5,
      added_snapshot_id: bigId
    })
    expect(described.partitions?.[0]?.lower_bound?.toString()).toBe('BINANCE')
    expect(described.partitions?.[1]?.lower_bound?.readInt32LE()).toBe(-3)
    expect(described.partitions?.[1]?.upper_bound?.readInt32LE()).toBe(20)
    const ids = { snapshotId: bigId, parentId: null, sequenceNumber: 6 }
    const [back] = decodeManifestList(encodeManifestList(ids, [described], sync))
    expect({ ...back, partitions: null }).toEqual({ ...described, partitions: null })
    expect(back?.partitions?.map((it) => it.upper_bound)).toEqual(
      described.partitions?.map((it) => it.upper_bound)
    )
  })
})

describe('metadata', () => {
  const snapshot: Snapshot = {
    'snapshot-id': bigId,
    'parent-snapshot-id': 17n,
    'sequence-number': 1,
    'timestamp-ms': 5,
    'manifest-list': 'l',
    summary: { operation: 'append', odd: 'ü"\\' },
    'schema-id': 0
  }

  it('keeps 64-bit ids and unknown members', () => {
    const { next } = withSnapshot(
      { metadata, location: 'file:///m0' },
      { snapshot, expired: [], properties: metadata.properties }
    )
    const text = Buffer.from(serialiseMetadata(next))
      .toString()
      .replace('{', '{"statistics":[{"snapshot-id":9223372036854775807}],')
    const back = parseMetadata('m', Buffer.from(text))
    expect(back.snapshots).toEqual([snapshot])
    expect(back['current-snapshot-id']).toBe(bigId)
    expect(back.refs).toEqual({ main: { type: 'branch', 'snapshot-id': bigId } })
    expect(Buffer.from(serialiseMetadata(back)).toString()).toContain(
      '"statistics":[{"snapshot-id":9223372036854775807}]'
    )
    expect(back['metadata-log']).toEqual([{ 'metadata-file': 'file:///m0', 'timestamp-ms': 1 }])
    expect(back['last-partition-id']).toBe(1001)
  })

  it.each([
    ['-1', null],
    ['null', null],
    ['12', 12n]
  ])('reads current-snapshot-id %s', (written, expected) => {
    const text = Buffer.from(serialiseMetadata(metadata))
      .toString()
      .replace('{', `{"current-snapshot-id":${written},`)
    expect(parseMetadata('m', Buffer.from(text))['current-snapshot-id'] ?? null).toBe(expected)
  })

  it.each(['', '[]', '{', '{"format-version":3}', '{"format-version":2}'])('refuses %s', (text) => {
    expect(() => parseMetadata('file:///m', Buffer.from(text))).toThrow(/file:\/\/\/m/)
  })
})
