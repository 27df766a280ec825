import { describe, expect, test } from 'vitest'
import { changesSince, factsOf } from '../../demo/simulate-facts.ts'
import { readSimulateFlags } from '../../demo/simulate-flags.ts'
import { changeAt, sampleAt, startMs } from './support/record.ts'

const read = (args: string, env: Readonly<Record<string, string>> = {}) =>
  readSimulateFlags(args.split(' ').filter(Boolean), env, '/project')

describe('flags', () => {
  test('defaults', () => {
    expect(read('lag')).toEqual({
      fault: 'lag', showsStatus: false, url: 'http://127.0.0.1:8000', apiKey: undefined,
      exchange: undefined, stack: '/project/.k2-stack', seconds: 20, times: 200, level: 'graceful'
    })
  })

  test('all of them, and what the environment says', () => {
    const args =
      'memory --status --url http://k2:9000/ --exchange http://127.0.0.1:9443 --stack /s ' +
      '--seconds 5 --times 30 --level soft'
    expect(read(args, { K2_API_KEYS: 'first,second' })).toEqual({
      fault: 'memory', showsStatus: true, url: 'http://k2:9000', apiKey: 'first',
      exchange: 'http://127.0.0.1:9443', stack: '/s', seconds: 5, times: 30, level: 'soft'
    })
    const keys = 'sha256:00ff,ops:sha256:00ff,quant=read+admin:third,fourth'
    expect(read('lag', { K2_API_KEYS: keys })).toMatchObject({ apiKey: 'third' })
    expect(read('lag', { K2_API_KEYS: keys, K2_API_KEY: 'mine' })).toMatchObject({ apiKey: 'mine' })
    expect(read('lag', { K2_API_KEYS: 'sha256:00ff' })).toMatchObject({ apiKey: undefined })
    expect(read('--status', { K2_HTTP_PORT: '8123' })).toMatchObject({
      fault: undefined, url: 'http://127.0.0.1:8123'
    })
    expect(read('--help')).toBe('help')
  })

  test.each([
    ['', /no fault is named/],
    ['lagg', /"lagg": name one of lag, memory/],
    ['lag memory', /"lag memory"/],
    ['lag --seconds 0', /--seconds is "0": allowed are/],
    ['lag --times 5000', /--times/],
    ['memory --level high', /--level is "high"/],
    ['lag --url k2', /--url is "k2"/],
    ['lag --fast', /--fast/]
  ])('"%s" is refused', (args, problem) => {
    expect(read(args)).toMatchObject({ problems: [expect.stringMatching(problem)] })
  })
})

describe('how things stand', () => {
  test('level, signals, rates and gaps', () => {
    const before = sampleAt(0, { issued: 100, k2: { published: 90, landed: 80 } })
    const after = sampleAt(2, {
      level: 'soft', issued: 300, k2: { published: 190, landed: 100, openGaps: 7 }
    })
    expect(factsOf(before, after)).toEqual([
      'level     soft',
      'signals   lag:trades 0 records, memory 100.0 MiB',
      'rates     issued 100/s, published 50/s, spooled 0/s, landed 10/s',
      'gaps      7 trades missing, 0 shed and 0 healed since K2 was started',
      'spool     0 records that wait for the log',
      'query     newest trades in 5 ms'
    ])
  })

  test('where nobody answers', () => {
    expect(factsOf(sampleAt(0), sampleAt(1, { k2: null }))).toEqual(['K2 does not answer'])
    expect(factsOf(sampleAt(0, { issued: null }), sampleAt(1, { queryMs: null }))).toEqual(
      expect.arrayContaining([
        expect.stringContaining('issued –'),
        'query     no answer'
      ])
    )
  })

  test('changes are those since', () => {
    const changes = [changeAt(1, 'normal', 'soft'), changeAt(3, 'soft', 'normal')]
    expect(changesSince(startMs + 2_000, changes)).toEqual([
      'soft → normal: lag:trades took it from soft to normal'
    ])
  })
})
