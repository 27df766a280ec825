import { readFileSync } from 'node:fs'
import * as Effect from 'effect/Effect'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  parseTopicsFile,
  readTopicsFile,
  specsOf,
  TopicsFileRejected
} from '../../../../src/adapters/log/kafka/topics-file.ts'

const entry = {
  pattern: 'market.{asset_class}.trades.{exchange}',
  partitions: 4,
  replication: 3,
  retention: '7d',
  compression: 'lz4',
  cleanup: 'delete'
}
const parse = (...topics: readonly unknown[]) =>
  parseTopicsFile(JSON.stringify({ version: 1, topics }), 'topics.json')
const faultsOf = (text: string): readonly string[] => {
  try {
    parseTopicsFile(text, 'topics.json')
    return []
  } catch (error) {
    if (error instanceof TopicsFileRejected) return error.faults
    throw error
  }
}

describe('the file of the topics', () => {
  test('describes every topic of the project', () => {
    const file = 'deploy/kafka/topics.json'
    const topics = parseTopicsFile(readFileSync(file, 'utf8'), file)
    const trades = topics.specOf('market.crypto.trades.binance')
    expect(trades).toEqual({
      partitions: 4,
      replication: 1,
      minInSyncReplicas: 1,
      retentionMs: 7 * 86_400_000,
      compression: 'lz4',
      cleanup: 'delete'
    })
    expect(topics.specOf('market.crypto.quotes.simulated').retentionMs).toBe(86_400_000)
    const reference = topics.specOf('market.equities.reference_data.asx')
    expect(reference).toMatchObject({ cleanup: 'compact', retentionMs: undefined })
    expect(topics.specOf('market.crypto.gaps.binance').partitions).toBe(1)
  })

  test('says how many replicas must have a record: all but one, or as many as it says', () => {
    const topic = 'market.crypto.trades.binance'
    expect(parse(entry).specOf(topic).minInSyncReplicas).toBe(2)
    expect(parse({ ...entry, min_in_sync_replicas: 3 }).specOf(topic).minInSyncReplicas).toBe(3)
    expect(parse({ ...entry, retention: 'forever' }).specOf(topic).retentionMs).toBe(-1)
  })

  test('the first pattern that fits counts, and a part of a name is one part', () => {
    const special = { ...entry, pattern: 'market.crypto.trades.binance', partitions: 16 }
    const topics = parse(special, entry)
    expect(topics.specOf('market.crypto.trades.binance').partitions).toBe(16)
    expect(topics.specOf('market.crypto.trades.kraken').partitions).toBe(4)
    expect(() => topics.specOf('market.crypto.spot.trades.kraken')).toThrow(
      'topics.json: no pattern fits market.crypto.spot.trades.kraken; add an entry'
    )
    expect(() => topics.specOf('marketXcrypto.trades.kraken')).toThrow('no pattern fits')
  })

  test.each([
    ['{"version": 1', /it is not JSON: /],
    ['[]', /the file must be an object/],
    ['{"version": 2, "topics": []}', /version is 2, but must be 1/],
    ['{"version": 1, "topics": []}', /topics is \[\], but must be a list/],
    ['{"version": 1, "topics": ["x"]}', /topics\[0\] must be an object/]
  ])('%s is refused', (text, fault) => {
    expect(faultsOf(text).join('\n')).toMatch(fault)
  })

  test.each([
    [{ partitions: 0 }, 'topics[0].partitions is 0, but must be a whole number from 1 to 1024'],
    [{ replication: 2.5 }, 'topics[0].replication is 2.5, but must be a whole number from 1 to 15'],
    [
      { min_in_sync_replicas: 4 },
      'topics[0].min_in_sync_replicas is 4, but must be a whole number from 1 to 3'
    ],
    [{ retention: '7' }, 'topics[0].retention is "7", but must be a duration from 1m to 3650d'],
    [{ retention: undefined }, 'topics[0].retention is absent, but must be a duration'],
    [{ cleanup: 'compact' }, 'topics[0].retention is "7d", but must be absent where "cleanup" is'],
    [{ compression: 'gzip' }, 'topics[0].compression is "gzip", but must be one of lz4, zstd'],
    [{ cleanup: 'drop' }, 'topics[0].cleanup is "drop", but must be one of delete, compact'],
    [{ pattern: 'market..x' }, 'topics[0].pattern is "market..x", but must be parts with dots'],
    [{ partition: 4 }, 'topics[0].partition is not known; allowed are pattern, partitions']
  ])('the fault of %j is named with its field and what is allowed', (change, fault) => {
    const text = JSON.stringify({ version: 1, topics: [{ ...entry, ...change }] })
    expect(faultsOf(text).join('\n')).toContain(fault)
  })

  test('a file that is not there, or does not fit a topic, is named', async () => {
    const failure = await Effect.runPromise(Effect.flip(readTopicsFile('/no/such/topics.json')))
    expect(failure.message).toContain('/no/such/topics.json: ENOENT')
    const specs = specsOf(parse(entry), ['market.crypto.quotes.binance'], 'topics.json')
    const unfit = await Effect.runPromise(Effect.flip(specs))
    expect(unfit.message).toContain('topics.json: no pattern fits market.crypto.quotes.binance')
  })

  test('all faults are named at once', () => {
    const text = JSON.stringify({ version: 1, topics: [{ ...entry, partitions: 0 }, {}] })
    expect(faultsOf(text)).toHaveLength(7)
  })

  test('property: any JSON is a file or refused by name', () => {
    const values = fc.record(
      Object.fromEntries(Object.keys(entry).map((name) => [name, fc.jsonValue()])),
      { requiredKeys: [] }
    )
    const files = fc.record({ version: fc.constantFrom(1, 2), topics: fc.array(values) })
    fc.assert(
      fc.property(fc.oneof(files, fc.jsonValue()), (file) => {
        expect(Array.isArray(faultsOf(JSON.stringify(file)))).toBe(true)
      })
    )
  })
})
