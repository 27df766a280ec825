import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  configHelp,
  type ConfigRejected,
  flagOf,
  readConfig
} from '../../../src/adapters/config/config.ts'
import { digestOf } from '../../../src/adapters/config/api-key-values.ts'
import { settings } from '../../../src/adapters/config/settings.ts'

const faultsOf = (env: Record<string, string>, args: string[] = []): readonly string[] => {
  try {
    readConfig(env, args)
  } catch (error) {
    return (error as ConfigRejected).faults
  }
  return []
}

describe('configuration', () => {
  test('presets alone are a whole configuration', () => {
    expect(readConfig({}, [])).toMatchObject({
      httpHost: '127.0.0.1',
      httpPort: 8_000,
      dataDir: '.k2',
      feeds: ['simulated'],
      commitAgeMs: 5_000,
      diskBytesMax: 10 * 1_024 ** 3
    })
  })

  test('a flag overrides its variable, an empty variable is unset', () => {
    const config = readConfig({ K2_HTTP_PORT: '9000', K2_FEEDS: '' }, [
      '--http-port',
      '9100',
      '--commit-age=250ms'
    ])
    expect([config.httpPort, config.feeds, config.commitAgeMs]).toEqual([9_100, ['simulated'], 250])
  })

  test('an age of connections is a duration, or off', () => {
    expect(readConfig({}, []).binanceRotateMs).toBe(23 * 3_600_000)
    expect(readConfig({ K2_BINANCE_ROTATE_AFTER: 'off' }, []).binanceRotateMs).toBe(null)
    expect(faultsOf({ K2_BINANCE_ROTATE_AFTER: '9s' })).toEqual([
      'K2_BINANCE_ROTATE_AFTER is "9s", but must be a duration from 10s to 7d, ' +
        'such as 50ms, 5s or 2m, or off'
    ])
  })

  test('all faults are reported at once, each with name, value and what is allowed', () => {
    const faults = faultsOf(
      {
        K2_HTTP_PORT: 'x',
        K2_COMMIT_AGE: '5',
        K2_DISK_LIMIT: '10GB',
        K2_FEEDS: 'nyse',
        K2_HTP_PORT: '1'
      },
      ['--log-level=loud', '--nonsense']
    )
    expect(faults).toEqual([
      '--nonsense is not a flag of K2',
      'K2_HTP_PORT is not a setting of K2; did you mean K2_HTTP_PORT?',
      'K2_HTTP_PORT is "x", but must be a whole number from 0 to 65535',
      'K2_FEEDS is "nyse", but must be a comma-separated list; ' +
        '"nyse" should be one of simulated, binance',
      'K2_COMMIT_AGE is "5", but must be a duration from 100ms to 1h, such as 50ms, 5s or 2m',
      'K2_DISK_LIMIT is "10GB", but must be a size from 64MiB to 1000TiB, such as 64MiB or 10GiB',
      '--log-level is "loud", but must be one of debug, info, warn, error, then levels of ' +
        'components: info,feed=debug'
    ])
  })

  test.each([
    ['K2_HTTP_HOST', 'example.com'],
    ['K2_HTTP_HOST', '0.0.0.0:8000'],
    ['K2_HTTP_PORT', '-1'],
    ['K2_HTTP_PORT', '1e3'],
    ['K2_BINANCE_WEBSOCKET_URL', 'https://example.org'],
    ['K2_BINANCE_WEBSOCKET_URL', 'wss://example.org/stream'],
    ['K2_DATA_TYPES', ''.padEnd(1, ',')],
    ['K2_DATA_TYPES', 'trades,candles'],
    ['K2_BINANCE_SYMBOLS', 'btcusdt'],
    ['K2_BINANCE_SYMBOLS', 'BTCUSDT,BTCUSDT'],
    ['K2_RETENTION_DAYS', '0']
  ])('%s=%s stops the start', (name, value) => {
    const [fault, ...others] = faultsOf({ [name]: value })
    expect(others).toEqual([])
    expect(fault).toContain(`${name} is "${value}", but must be `)
  })

  test('relations between settings are checked', () => {
    expect(faultsOf({ K2_DISK_LIMIT: '1GiB' })).toEqual([
      'K2_LOG_DISK_LIMIT is 2GiB, but must not exceed K2_DISK_LIMIT (1GiB)'
    ])
    const symbols = Array.from({ length: 513 }, (_, index) => `COIN${index}USDT`).join(',')
    expect(faultsOf({ K2_BINANCE_SYMBOLS: symbols })).toEqual([
      'K2_BINANCE_SYMBOLS names 513 symbols, but with K2_DATA_TYPES=trades,quotes a connection ' +
        'carries at most 512 (1024 streams): name fewer symbols or fewer data types'
    ])
    expect(faultsOf({ K2_BINANCE_SYMBOLS: symbols, K2_DATA_TYPES: 'trades' })).toEqual([])
  })

  const key = '0123456789abcdef0123456789abcdef'

  test.each(['0.0.0.0', '::', '192.168.0.7'])('%s is listened on with keys only', (host) => {
    expect(faultsOf({ K2_HTTP_HOST: host })).toEqual([
      `K2_HTTP_HOST is ${host}, which other machines may reach, but K2_API_KEYS is not given: ` +
        'set it, or listen on 127.0.0.1'
    ])
    expect(faultsOf({ K2_HTTP_HOST: host, K2_API_KEYS: ' , ' })).toHaveLength(1)
    expect(faultsOf({ K2_HTTP_HOST: host, K2_API_KEYS: key })).toEqual([])
  })

  test('keys are told apart, and shown nowhere', () => {
    const config = readConfig({ K2_API_KEYS: `${key}, ${key}2` }, [])
    expect(config.apiKeys.map((each) => each.secret?.reveal())).toEqual([key, `${key}2`])
    expect(readConfig({}, []).apiKeys).toEqual([])
    expect(JSON.stringify(config)).not.toContain(key)
    expect(inspect(config, { depth: 9 })).not.toContain(key)
  })

  test('a key may have a name, scopes, and stand as its digest', () => {
    const digest = digestOf(`${key}3`).toString('hex')
    const text = `${key},quant=sql+read:${key}2,ops:sha256:${digest.toUpperCase()}`
    const { apiKeys } = readConfig({ K2_API_KEYS: text }, [])
    expect(
      apiKeys.map(({ name, scopes, secret }) => [name, [...scopes], secret === undefined])
    ).toEqual([
      ['key-1', ['read', 'sql', 'admin'], false],
      ['quant', ['read', 'sql'], false],
      ['ops', ['read', 'sql', 'admin'], true]
    ])
    expect(apiKeys.map((each) => each.digest().toString('hex'))).toEqual([
      digestOf(key).toString('hex'), digestOf(`${key}2`).toString('hex'), digest
    ])
    expect(JSON.stringify(apiKeys) + inspect(apiKeys, { depth: 9 })).not.toContain(key)
  })

  test.each([
    `quant=read+root:${key}`,
    `quant=read+read:${key}`,
    `quant=:${key}`,
    `Quant:${key}`,
    `quant:${key},quant:${key}2`,
    `${key},twin:sha256:${digestOf(key).toString('hex')}`,
    `sha256:${key}`,
    `ops:sha256:${'0'.repeat(63)}`
  ])('%j is refused', (text) => {
    expect(faultsOf({ K2_API_KEYS: text })).toEqual([
      expect.stringMatching(/^K2_API_KEYS is not shown here/)
    ])
  })

  test.each([
    ['K2_HTTP_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['K2_HTTP_TRUSTED_PROXIES', 'proxy.example'],
    ['K2_HTTP_TRUSTED_PROXIES', '::1/129'],
    ['K2_HTTP_CORS_ORIGINS', '*'],
    ['K2_HTTP_CORS_ORIGINS', 'https://charts.example/'],
    ['K2_HTTP_CORS_ORIGINS', 'charts.example'],
    ['K2_HTTP_RATE_LIMIT', '-1']
  ])('%s=%s is refused by name', (variable, text) => {
    expect(faultsOf({ [variable]: text })).toEqual([expect.stringContaining(variable)])
  })

  test.each(['short-and-secret', `${key},${key}`, `${key},a b${key}`, `${key}\n${key}`])(
    'keys such as %j are refused without being repeated',
    (text) => {
      const [fault, ...others] = faultsOf({ K2_API_KEYS: text })
      expect(others).toEqual([])
      expect(fault).toMatch(/^K2_API_KEYS is not shown here, but must be at most 16 different keys/)
      expect(fault).not.toContain(text)
      expect(fault).not.toContain(key)
    }
  )

  test('the help explains every setting, and every preset and example is valid', () => {
    const help = configHelp()
    expect(help).not.toContain('depends')
    const lines = help.split('\n').map((line) => line.trim())
    for (const { variable, preset, example, about, kind } of Object.values(settings)) {
      expect(help).toContain(`${flagOf(variable)}, ${variable}`)
      expect(lines.join(' ')).toContain(about)
      expect(kind.parse(example)).toHaveProperty('value')
      if (preset !== undefined) expect(kind.parse(preset)).toHaveProperty('value')
    }
  })
})

describe('marks of pressure', () => {
  test('are four, null where there is no such level; times are in seconds, shares below 1', () => {
    const config = readConfig({}, [])
    expect(config.lagEnter).toEqual([100_000, 500_000, 1_000_000, 5_000_000])
    expect(config.memoryLeave).toEqual([0.63, 0.72, 0.81, 0.855])
    expect(config.loopDelayEnter).toEqual([0.1, 0.25, 0.5, 1])
    expect(config.circuitEnter).toEqual([1, 60, null, null])
    expect(config.memoryBytesMax).toBeUndefined()
  })

  test.each([
    ['K2_DEGRADATION_LAG_ENTER', '1,2,3'],
    ['K2_DEGRADATION_LAG_ENTER', '1,2,3,3'],
    ['K2_DEGRADATION_LAG_ENTER', '4,3,2,1'],
    ['K2_DEGRADATION_LAG_ENTER', '1,off,2,3'],
    ['K2_DEGRADATION_LAG_ENTER', '1,2,3,4,5'],
    ['K2_DEGRADATION_LAG_ENTER', '0,1,2,3'],
    ['K2_DEGRADATION_MEMORY_ENTER', '0.7,0.8,0.9,0.95'],
    ['K2_DEGRADATION_MEMORY_ENTER', '70%,80%,90%,101%'],
    ['K2_DEGRADATION_LOOP_DELAY_ENTER', '1,2,3,4']
  ])('%s=%s is refused by name', (name, text) => {
    expect(faultsOf({ [name]: text })).toEqual([
      expect.stringContaining(`${name} is "${text}", but must be four marks`)
    ])
  })

  test('each level is left below where it is entered, and both settings are named', () => {
    expect(faultsOf({ K2_DEGRADATION_LAG_LEAVE: '50000,500000,600000,2500000' })).toEqual([
      'K2_DEGRADATION_LAG_LEAVE must be below K2_DEGRADATION_LAG_ENTER at each level, but at ' +
        'graceful it is not: lower it there, or raise K2_DEGRADATION_LAG_ENTER'
    ])
    expect(faultsOf({ K2_DEGRADATION_CIRCUIT_LEAVE: '500ms,off,off,off' })).toEqual([
      'K2_DEGRADATION_CIRCUIT_ENTER has a mark of graceful, but K2_DEGRADATION_CIRCUIT_LEAVE has ' +
        'off there: give both a mark, or both off'
    ])
    const off = 'off,off,off,off'
    expect(faultsOf({ K2_DEGRADATION_DISK_ENTER: off, K2_DEGRADATION_DISK_LEAVE: off })).toEqual([])
  })

  test('samples come more often than recoveries', () => {
    expect(
      faultsOf({ K2_DEGRADATION_INTERVAL: '10s', K2_DEGRADATION_COOLDOWN: '5s' })
    ).toEqual([expect.stringContaining('K2_DEGRADATION_INTERVAL is 10000ms, but must not exceed')])
  })
})
