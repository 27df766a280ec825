import { describe, expect, test } from 'vitest'
import {
  columnsOf,
  columnsOfTable,
  ColumnUnsupported,
  FieldIdMissing,
  fieldIdsOf,
  fieldIdsSql,
  tableColumnsSql
} from '../../../src/adapters/duckdb/columns.ts'
import { icebergSchemaOf } from '../../../src/adapters/iceberg/schema.ts'
import { quoteV2Schema } from '../../../src/market/records/quote-v2.ts'
import { referenceDataV2Schema } from '../../../src/market/records/reference-data-v2.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'

describe('columns', () => {
  test('of the trade record', () => {
    expect(
      tableColumnsSql(columnsOf(tradeV2Schema))
        .split(', "')
        .map((text) => text.replaceAll('"', ''))
    ).toEqual([
      'message_id VARCHAR',
      'trade_id VARCHAR',
      'symbol VARCHAR',
      'exchange VARCHAR',
      'asset_class VARCHAR',
      'timestamp TIMESTAMP WITH TIME ZONE',
      'price DECIMAL(18,8)',
      'quantity DECIMAL(18,8)',
      'currency VARCHAR',
      'side VARCHAR',
      'trade_conditions VARCHAR[]',
      'source_sequence BIGINT',
      'ingestion_timestamp TIMESTAMP WITH TIME ZONE',
      'platform_sequence BIGINT',
      'vendor_data MAP(VARCHAR, VARCHAR)',
      'k2_partition VARCHAR',
      'k2_offset BIGINT'
    ])
  })

  test('of reference data: a truth value is a BOOLEAN', () => {
    const columns = columnsOf(referenceDataV2Schema)
    expect(columns.find(({ name }) => name === 'is_active')).toMatchObject({ kind: 'boolean' })
    expect(tableColumnsSql(columns)).toContain('"is_active" BOOLEAN')
    expect(tableColumnsSql(columns)).toContain('"listing_date" TIMESTAMP WITH TIME ZONE')
  })

  test('nullable exactly where Avro is', () => {
    expect(
      columnsOf(tradeV2Schema)
        .filter(({ isNullable }) => isNullable)
        .map(({ name }) => name)
    ).toEqual(['source_sequence', 'platform_sequence', 'vendor_data'])
  })

  test.each([
    ['double'],
    [['null', 'string', 'long']],
    [['null']],
    [{ type: 'array', items: 'long' }],
    [{ type: 'map', values: 'bytes' }]
  ])('%j is refused by name', (type) => {
    const record = { name: 'R', fields: [{ name: 'odd', type: type as never }] }
    expect(() => columnsOf(record)).toThrow(ColumnUnsupported)
    expect(() => columnsOf(record)).toThrow(/^R\.odd is of type/)
  })

  test.each([tradeV2Schema, quoteV2Schema, referenceDataV2Schema])(
    'a table has the columns of its records ($name), and may have more',
    (record) => {
      const own = icebergSchemaOf(record)
      expect(columnsOfTable('t', own)).toEqual(columnsOf(record))
      const odd = { id: 99, name: 'odd', required: false, type: 'uuid' }
      expect(() => columnsOfTable('t', { fields: [...own.fields, odd] })).toThrow(
        /^t\.odd is of type "uuid"/
      )
    }
  )

  test('field ids of an Iceberg schema, nested ones too', () => {
    const ids = fieldIdsOf({
      fields: [
        { id: 1, name: 'a "b"', type: 'string' },
        {
          id: 2,
          name: 'list',
          type: { type: 'list', 'element-id': 4, element: 'string', 'element-required': true }
        },
        {
          id: 3,
          name: 'map',
          type: { type: 'map', 'key-id': 5, key: 'string', 'value-id': 6, value: 'string' }
        }
      ]
    })
    expect(
      fieldIdsSql(
        [
          { name: 'a "b"', kind: 'text', isNullable: false },
          { name: 'list', kind: 'textList', isNullable: false },
          { name: 'map', kind: 'textMap', isNullable: true }
        ],
        ids
      )
    ).toBe(
      '{"a ""b""": 1, "list": {__duckdb_field_id: 2, element: 4}, ' +
        '"map": {__duckdb_field_id: 3, key: 5, value: 6}}'
    )
    expect(() => fieldIdsSql([{ name: 'other', kind: 'long', isNullable: false }], ids)).toThrow(
      FieldIdMissing
    )
  })
})
