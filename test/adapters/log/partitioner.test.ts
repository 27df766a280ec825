import { describe, expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../../src/adapters/log/partitioner.ts'

describe('partitioner', () => {
  // Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107]
  ])('hashes %s as the Java client does', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
    expect(partitionOf(key, 1_000)).toBe((hash & 0x7fffffff) % 1_000)
  })

  it('takes text as UTF-8', () => {
    expect(partitionOf('ÜBÄR/€', 97)).toBe(partitionOf(Buffer.from('ÜBÄR/€', 'utf8'), 97))
  })
})
