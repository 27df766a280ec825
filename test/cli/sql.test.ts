import { expect, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'

const text =
  '{"success":true,"data":[{"symbol":"BTC,USDT","price":0.10000000,"id":9007199254740993},' +
  '{"symbol":null,"price":12345678901.00000001,"id":1}],' +
  '"meta":{"columns":[{"name":"symbol","type":"VARCHAR"},{"name":"price","type":"DECIMAL(18,8)"},' +
  '{"name":"id","type":"BIGINT"}],"truncated":true,"hint":"there are more rows than limit"}}'
const api = fakeApi(text)
const sql = (...args: readonly string[]) => k2('sql', '--url', api.url, ...args)

test('a table, with numbers digit by digit', async () => {
  const { code, printed, complaints } = await sql('SELECT * FROM trades', '--limit', '2')
  expect(code).toBe(0)
  expect(printed).toMatch(/^symbol {4}price {17}id\n/)
  expect(printed).toContain('BTC,USDT  0.10000000            9007199254740993')
  expect(printed).toContain('12345678901.00000001')
  expect(complaints).toContain('more rows than limit')
})

test('what an answer lacks is told beside it, whatever its format', async () => {
  api.answer = { status: 200, text: text.replace('"hint"', '"missing":["the spool"],"hint"') }
  for (const format of ['table', 'csv', 'json', 'ndjson']) {
    const { printed, complaints } = await sql('SELECT 1', '--format', format)
    expect(complaints).toContain('missing: the spool')
    expect(printed.includes('the spool')).toBe(format === 'json')
  }
})

test('CSV and JSON', async () => {
  expect((await sql('SELECT 1', '--format', 'csv')).printed.trim()).toBe(
    'symbol,price,id\n"BTC,USDT",0.10000000,9007199254740993\n,12345678901.00000001,1'
  )
  expect((await sql('SELECT 1', '--format=json')).printed.trim()).toBe(text)
})

test('what cannot be asked is said before K2 is asked', async () => {
  expect(await sql()).toMatchObject({ code: 2, complaints: expect.stringContaining('SELECT') })
  const unknown = await sql('SELECT 1', '--format', 'xml')
  expect(unknown.complaints).toContain('table, csv, json, ndjson')
  expect((await sql('SELECT 1', '--limit', 'all')).complaints).toContain('whole number')
  expect((await sql('SELECT', '1')).complaints).toContain('in quotes')
})
