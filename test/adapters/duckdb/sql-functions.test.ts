/**
 * Whether somebody has read every function that DuckDB has. An upgrade that adds some fails here:
 * read each, and add it to `sql-functions.ts` or to those below.
 */
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, test } from 'vitest'
import {
  allowedFunctions,
  allowedTableFunctions
} from '../../../src/adapters/duckdb/sql-functions.ts'
import { refusedFunctions } from './refused-functions.ts'

/** The parser makes these of its own words; the catalog does not list them. */
const ofTheParser = ['coalesce', 'ifnull', '!', '->', 'width_bucket']

const functions = async () => {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const rows = await connection.runAndReadAll(
    'SELECT DISTINCT lower(function_name), function_type FROM duckdb_functions()'
  )
  connection.closeSync()
  instance.closeSync()
  return rows.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }))
}

test('every function of DuckDB is allowed or refused by name, and none is both', async () => {
  const all = await functions()
  const isTable = (type: string) => ['table', 'table_macro', 'pragma'].includes(type)
  const allowedOf = (type: string) => (isTable(type) ? allowedTableFunctions : allowedFunctions)
  const names = new Set(all.map(({ name }) => name))
  const refused = new Set(
    Object.entries(refusedFunctions).flatMap(([type, list]) =>
      list.trim().split(/\s+/).map((name) => `${type} ${name}`)
    )
  )
  const isCollation = (name: string) => name.startsWith('icu_collate_')
  const unread = all.filter(
    ({ name, type }) =>
      !allowedOf(type).has(name) && !refused.has(`${type} ${name}`) && !isCollation(name)
  )
  expect(unread.map(({ name, type }) => `${type} ${name}`)).toEqual([])
  const both = all.filter(
    ({ name, type }) => allowedOf(type).has(name) && refused.has(`${type} ${name}`)
  )
  expect(both).toEqual([])
  // What was read and is gone would hide that something else has come by that name.
  const current = new Set(all.map(({ name, type }) => `${type} ${name}`))
  expect([...refused].filter((it) => !current.has(it))).toEqual([])
  const gone = [...allowedFunctions, ...allowedTableFunctions].filter((it) => !names.has(it))
  expect(gone.filter((it) => !ofTheParser.includes(it))).toEqual([])
})
