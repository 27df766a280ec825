import { expect, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'

const row = '{"symbol":"BTCUSDT","price":12345678901.00000001}'
const completed = '{"type":"replay.completed","count":1,"live":false,"partial":false}'
const api = fakeApi('')
const replay = (...args: readonly string[]) => k2('replay', '--url', api.url, ...args)
const answer = (...lines: readonly string[]) => {
  api.answer = { status: 200, text: lines.map((line) => `${line}\n`).join('') }
}

test('lines as they came', async () => {
  answer(row, completed)
  const { code, printed, complaints } = await replay('--symbols', 'BTCUSDT', '--speed=10')
  expect({ code, printed, complaints }).toEqual({
    code: 0,
    printed: `${row}\n${completed}`,
    complaints: ''
  })
  const { pathname, searchParams } = new URL(api.seen.at(-1)!.url ?? '', api.url)
  expect(pathname).toBe('/v1/replay/stream')
  expect(Object.fromEntries(searchParams)).toEqual({
    symbols: 'BTCUSDT',
    speed: '10',
    format: 'ndjson'
  })
})

test.each([
  ['one that was cut', [row], 'cut'],
  ['one that failed', [row, '{"type":"replay.failed","detail":"too late"}'], 'too late'],
  [
    'one that lacks something',
    [row, '{"type":"replay.completed","partial":true,"missing":["the spool"]}'],
    'the spool'
  ]
])('%s is told, and ends with 3', async (_, lines, complaint) => {
  answer(...lines)
  const { code, complaints } = await replay()
  expect(code).toBe(3)
  expect(complaints).toContain(complaint)
})

test('what K2 refuses is told', async () => {
  api.answer = { status: 429, text: '{"detail":"as many replays run"}' }
  expect(await replay()).toMatchObject({
    code: 2,
    complaints: expect.stringContaining('as many replays run')
  })
})

test('a folder has nothing live', async () => {
  expect(await k2('replay', '--live')).toMatchObject({
    code: 2,
    complaints: expect.stringContaining('--url')
  })
})
