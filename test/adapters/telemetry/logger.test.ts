/** Invariants of `logger.ts`: levels by component, repeats, secrets. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeRepeats } from '../../../src/adapters/telemetry/log-repeats.ts'
import { type LoggerOptions, makeLogger } from '../../../src/adapters/telemetry/logger.ts'
import { redactor } from '../../../src/adapters/telemetry/redaction.ts'

const opened = (options: Partial<LoggerOptions> = {}) => {
  const texts: string[] = []
  const clock = { ms: 0 }
  const logger = makeLogger({
    level: 'info',
    nowMs: () => clock.ms,
    write: (line) => texts.push(line),
    ...options
  })
  const lines = () => texts.map((it) => JSON.parse(it) as Readonly<Record<string, unknown>>)
  return { ...logger, clock, texts, lines }
}

describe('levels', () => {
  test('a component may say more, or less, than the others', () => {
    const { log, lines } = opened({
      levelsByComponent: new Map([
        ['feed', 'debug'],
        ['http', 'error']
      ])
    })
    log('debug', 'feed.subscribed')
    log('debug', 'commit.landed')
    log('info', 'commit.landed')
    log('warn', 'http.query_slow')
    log('error', 'http.request_failed')
    expect(lines().map(({ event }) => event)).toEqual([
      'feed.subscribed',
      'commit.landed',
      'http.request_failed'
    ])
  })
})

describe('repeats', () => {
  test('beyond the limit they are counted, and told once the minute is over', () => {
    const { log, lines, clock } = opened({ repeatsMax: 2 })
    for (let n = 0; n < 5; n++) log('warn', 'feed.attempt_failed', { n })
    log('info', 'feed.attempt_failed', { n: 'another level' })
    clock.ms = 60_000
    log('info', 'commit.landed')
    log('warn', 'feed.attempt_failed', { n: 5 })
    expect(lines().map(({ event, n }) => [event, n])).toEqual([
      ['feed.attempt_failed', 0],
      ['feed.attempt_failed', 1],
      ['feed.attempt_failed', 'another level'],
      ['log.repeated', undefined],
      ['commit.landed', undefined],
      ['feed.attempt_failed', 5]
    ])
    expect(lines()[3]).toMatchObject({
      level: 'warn',
      of: 'feed.attempt_failed',
      suppressed: 3,
      seconds: 60
    })
  })

  test('requests are written each time, and all are where nothing is limited', () => {
    const limited = opened({ repeatsMax: 1 })
    for (let n = 0; n < 9; n++) limited.log('info', 'http.request_finished')
    const free = opened({ repeatsMax: null })
    for (let n = 0; n < 9; n++) free.log('info', 'commit.landed')
    expect([limited.texts.length, free.texts.length]).toEqual([9, 9])
  })

  test('every line is written or counted, whatever the clock does', () => {
    const calls = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c'),
        stepMs: fc.integer({ min: -90_000, max: 90_000 })
      })
    )
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 3 }), (made, linesMax) => {
        let told = 0
        let written = 0
        let atMs = 1_000_000_000
        const repeats = makeRepeats(linesMax, ({ count }) => (told += count))
        for (const { key, stepMs } of made) {
          atMs += stepMs
          if (repeats.admit(key, atMs)) written += 1
        }
        atMs += 1_000_000
        for (const key of ['a', 'b', 'c', 'd']) if (repeats.admit(key, atMs)) written += 1
        expect(written + told).toBe(made.length + 4)
      })
    )
  })
})

describe('secrets', () => {
  test.each([
    ['hunter22', 'it was hunter22, twice hunter22', 'it was [secret], twice [secret]'],
    ['a"b\\c', JSON.stringify({ detail: 'of a"b\\c' }), '{"detail":"of [secret]"}'],
    ['p@ss/w', 'http://u:p%40ss%2Fw@host/', 'http://[secret]@host/'],
    ['abc', 'abcdef', 'abcdef']
  ])('%s', (secret, line, expected) => {
    expect(redactor([secret])(line)).toBe(expected)
  })

  test('a secret that holds another one, and addresses with a user', () => {
    expect(redactor(['token', 'token:more'])('token:more token')).toBe('[secret] [secret]')
    const redacted = redactor([])('at https://me:mine@host:1/x and a@b')
    expect(redacted).toBe('at https://[secret]@host:1/x and a@b')
  })

  test('no line has one, whatever field it stands in', () => {
    const { log, texts } = opened({ secrets: ['0123456789'] })
    log('error', 'feed.attempt_failed', { detail: 'key 0123456789', deep: { of: ['0123456789'] } })
    expect(texts.join('')).not.toContain('0123456789')
    expect(texts.join('')).toContain('[secret]')
  })
})
