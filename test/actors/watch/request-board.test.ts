import { expect, test } from 'vitest'
import { RequestBoard } from '../../../src/actors/watch/request-board.ts'

const query = (atMs: number, durationMs: number) => ({ atMs, durationMs, isQuery: true })

test('p99 is of the queries of ten seconds; of none it is null', () => {
  const board = new RequestBoard()
  expect(board.p99Seconds(0)).toBeNull()
  board.note({ atMs: 0, durationMs: 9_000, isQuery: false })
  expect(board.p99Seconds(0)).toBeNull()
  for (let n = 1; n <= 200; n++) board.note(query(n, n * 10))
  expect(board.p99Seconds(200)).toBe(1.98)
  expect(board.p99Seconds(10_199)).toBe(2)
  expect(board.p99Seconds(10_200)).toBeNull()
  expect(board.requests).toBe(201)
})

test('of very many the newest count', () => {
  const board = new RequestBoard()
  for (let n = 0; n < 5_000; n++) board.note(query(0, n < 3_000 ? 9_000 : 1))
  expect(board.p99Seconds(1)).toBe(0.001)
})
