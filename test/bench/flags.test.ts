import { describe, expect, test } from 'vitest'
import { type BenchFlags, commandOf, figureIds, readFlags } from '../../bench/flags.ts'

describe('flags of the benchmarks', () => {
  test('without flags all that needs no services is measured, five times', () => {
    expect(readFlags([])).toEqual({
      only: figureIds.filter((id) => !/^kafka|peer/.test(id)),
      runs: 5,
      seconds: 60,
      quietSeconds: 60,
      out: undefined,
      folder: undefined,
      profile: undefined
    })
  })

  test('both ways of writing a value; figures in their own order', () => {
    const flags = readFlags(['--only', 'queries,throughput', '--runs=2', '--out', 'results.json'])
    expect(flags).toMatchObject({
      only: ['throughput', 'queries'],
      runs: 2,
      out: 'results.json'
    })
  })

  test.each([
    [undefined, 'npm run bench -- --only throughput,queries --runs 2 --seconds 60'],
    [-15, 'nice -n -15 npm run bench -- --only throughput,queries --runs 2 --seconds 60']
  ])('the command of the results measures the same again (nice: %s)', (nice, expected) => {
    const flags = readFlags(['--only', 'queries,throughput', '--runs', '2']) as BenchFlags
    expect(commandOf(flags, nice)).toBe(expected)
    const [, again] = expected.split(' -- ')
    expect(readFlags(again!.split(' '))).toEqual(flags)
  })

  test('the rows of the table belong to the command', () => {
    const flags = readFlags(['--only', 'queries', '--table-rows', '250000']) as BenchFlags
    expect(commandOf(flags, undefined)).toMatch(/ --table-rows 250000$/)
  })

  test('all problems at once', () => {
    const flags = readFlags(['--runs', '0', '--only=parse', '--fast', '--seconds', '1e3', '--out'])
    const problems = flags !== 'help' && 'problems' in flags ? flags.problems : []
    expect(problems.toSorted()).toEqual([
      '"--fast" is no flag',
      '--only has "parse": allowed are commits, throughput, rate, watcher, watching, lander, ' +
        'kafka, kafka-backlog, kafka-clients, kafka-drain, peers, start, stages, levels, ' +
        'queries, recent, queries-peer, candles, replay, planning, clients, sizes, maintenance',
      '--out needs a value',
      '--runs is "0": allowed are whole numbers from 1 to 50',
      '--seconds is "1e3": allowed are whole numbers from 1 to 600'
    ])
  })

  test('help before anything else', () => {
    expect(readFlags(['--fast', '--help'])).toBe('help')
  })
})
