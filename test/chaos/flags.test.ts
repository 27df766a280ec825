import { describe, expect, test } from 'vitest'
import { type ChaosFlags, commandOf, readFlags, usage } from '../../chaos/flags.ts'
import { scenarios } from '../../chaos/scenarios.ts'

const read = (line: string) => readFlags(line.split(' ').filter(Boolean))

const problemsOf = (line: string): readonly string[] => {
  const flags = read(line)
  return flags !== 'help' && 'problems' in flags ? flags.problems : []
}

describe('flags of a chaos run', () => {
  test('defaults', () => {
    expect(read('broker-kill')).toMatchObject({
      scenario: 'broker-kill',
      minutes: 5,
      strikes: undefined,
      rate: 1_000,
      folder: undefined,
      keep: false,
      out: undefined
    })
  })

  test('an unknown flag is named, and nothing else', () => {
    expect(problemsOf('broker-kill --bogus')).toEqual(["Unknown option '--bogus'"])
  })

  test.each(['broker-kill --seed 7', 'everything --seed 9 --minutes 2 --rate 50 --strikes 3'])(
    'the command of a verdict strikes again as %s did',
    (line) => {
      const flags = read(line)
      const [, again] = commandOf(flags as ChaosFlags).split(' -- ')
      expect(read(again!)).toEqual(flags)
    }
  )

  test('a seed is chosen where none is given', () => {
    const flags = read('everything')
    expect(flags).toHaveProperty('seed', expect.any(Number))
  })

  test('all of them', () => {
    expect(
      read('store-down --seed=7 --minutes 2 --strikes 3 --rate 50 --folder f --keep --out v.json')
    ).toEqual({
      scenario: 'store-down',
      seed: 7,
      minutes: 2,
      strikes: 3,
      rate: 50,
      folder: 'f',
      keep: true,
      out: 'v.json'
    })
  })

  test.each([
    ['--seed 0', '--seed is "0": allowed are whole numbers from 1 to 2147483648'],
    ['--minutes 1.5', '--minutes is "1.5": allowed are whole numbers from 1 to 600'],
    ['--strikes many', '--strikes is "many": allowed are whole numbers from 1 to 10000'],
    ['--rate 100001', '--rate is "100001": allowed are whole numbers from 1 to 100000']
  ])('%s is refused with its name and what is allowed', (flag, problem) => {
    expect(problemsOf(`broker-kill ${flag}`)).toEqual([problem])
  })

  test('every wrong flag is reported, not the first alone', () => {
    expect(problemsOf('--seed x --minutes y')).toHaveLength(3)
  })

  test('a scenario that there is none of, and two at once', () => {
    const names = Object.keys(scenarios).join(', ')
    expect(problemsOf('brokerkill')).toEqual([`"brokerkill": name one of ${names}`])
    expect(problemsOf('')).toEqual([`no scenario is named: name one of ${names}`])
    expect(problemsOf('store-down broker-kill')).toHaveLength(1)
  })

  test('an unknown flag is named', () => {
    expect(problemsOf('broker-kill --sede 7').join()).toContain('--sede')
  })

  test('help names every scenario', () => {
    expect(read('broker-kill --help')).toBe('help')
    for (const name of Object.keys(scenarios)) expect(usage).toContain(`  ${name} `)
  })
})
