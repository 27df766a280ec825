import { describe, expect, test } from 'vitest'
import { readFlags } from '../../deploy/local/flags.ts'

const read = (line: string, env: Readonly<Record<string, string>> = {}) =>
  readFlags(line.split(' ').filter(Boolean), env, '/project')

const problemsOf = (line: string, env: Readonly<Record<string, string>> = {}) => {
  const flags = read(line, env)
  return flags !== 'help' && 'problems' in flags ? flags.problems : []
}

describe('flags of the stack', () => {
  test('defaults', () => {
    expect(read('up')).toMatchObject({
      command: 'up',
      targets: [],
      folder: '/project/.k2-stack',
      services: undefined,
      portsFrom: undefined,
      brokers: undefined,
      proxied: undefined,
      tls: false,
      sasl: false
    })
  })

  test('values with and without an equals sign', () => {
    expect(
      read('up --services=kafka --brokers 3 --folder=/tmp/s --ports-from 21000 --tls --sasl')
    ).toMatchObject({
      services: ['kafka'],
      brokers: 3,
      folder: '/tmp/s',
      portsFrom: 21_000,
      tls: true,
      sasl: true
    })
  })

  test('addresses of proxies, one a broker', () => {
    expect(read('up --proxied 127.0.0.1:1,localhost:65535')).toMatchObject({
      proxied: [
        { host: '127.0.0.1', port: 1 },
        { host: 'localhost', port: 65_535 }
      ]
    })
  })

  test('the first port from the environment, unless a flag says it', () => {
    const env = { K2_STACK_PORTS_FROM: '22000' }
    expect(read('up', env)).toMatchObject({ portsFrom: 22_000 })
    expect(read('up --ports-from 23000', env)).toMatchObject({ portsFrom: 23_000 })
    expect(problemsOf('up', { K2_STACK_PORTS_FROM: '80' })).toEqual([
      'K2_STACK_PORTS_FROM is "80": allowed are whole numbers from 1024 to 65504'
    ])
  })

  test.each([
    ['', 'no command: allowed are up, down, status, logs, kill, pause, resume, restart'],
    ['start', '"start" is no command: allowed are up, down'],
    ['up --fast', '"--fast" is no flag: --help lists them'],
    ['up --folder', '--folder needs a value'],
    ['up --folder --tls', '--folder needs a value'],
    ['up --brokers 3 --brokers 3', '--brokers is given twice'],
    ['up --tls=no', '--tls takes no value: give it alone'],
    ['up --brokers 2', '--brokers is "2": allowed are 1 and 3'],
    ['up --services kafka,mysql', '--services has "mysql": allowed are kafka'],
    ['up --proxied 29092', '--proxied has "29092": allowed are addresses like 127.0.0.1:29092'],
    ['up --proxied a:0', '--proxied has "a:0": allowed'],
    ['up --ports-from 70000', '--ports-from is "70000": allowed are whole numbers from 1024'],
    ['logs --lines many', '--lines is "many": allowed are whole numbers from 1 to 10000'],
    ['down --tls', '--tls does nothing for down: it is for up'],
    ['kill', 'kill needs a service, for example: kill kafka'],
    ['up kafka', 'up takes no "kafka"; to choose services, see --services']
  ])('"%s" is refused: %s', (line, problem) => {
    expect(problemsOf(line).join('\n')).toContain(problem)
  })

  test('all problems are told at once', () => {
    expect(problemsOf('up --fast --brokers 2 --ports-from x')).toHaveLength(3)
  })

  test('help is given whatever else is there', () => {
    expect(read('--help')).toBe('help')
    expect(read('up --brokers 9 --help')).toBe('help')
  })
})
