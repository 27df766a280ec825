import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { describe, expect, test } from 'vitest'
import { joinBatches } from '../../../src/adapters/log/joined-batches.ts'
import { nodeFiles } from '../../../src/adapters/log/node-files.ts'
import {
  batchHeaderBytes,
  openBatch,
  PackedRecordsBuilder,
  sealBatch
} from '../../../src/adapters/log/record-batch.ts'
import type { SpoolLane } from '../../../src/adapters/log/spool.ts'
import { packed, recordsOf, temporaryDirectory, topic } from './log-support.ts'
import { openTestSpool } from './spool-support.ts'

const run = Effect.runPromise

const append = (lane: SpoolLane, ...values: readonly string[]) =>
  run(lane.append(packed(...values)))

const valuesOf = (bytes: Buffer): string[] => {
  sealBatch(
    { bytes, recordCount: bytes.readUInt32LE(16), schemaFingerprint: '0123456789abcdef' },
    { baseOffset: 0, appendedMsMin: 0, appendedMsMax: 0, startsGroup: false }
  )
  return recordsOf([openBatch(bytes, 0, bytes.length)]).map(([, value]) => value)
}

/** Takes everything out, as a drainer does. */
const drain = async (lane: SpoolLane, bytesMax = 1_000): Promise<string[]> => {
  const values: string[] = []
  for (;;) {
    const oldest = await run(lane.oldest(bytesMax))
    if (oldest === undefined) return values
    const { bytes, recordCount } = oldest.packed
    bytes.writeUInt32LE(recordCount, 16)
    values.push(...valuesOf(bytes))
    await run(lane.acknowledge(oldest))
  }
}

const segmentsOf = async (directory: string, partition = 0) =>
  (await readdir(join(directory, `${topic}-${partition}`))).filter((name) => name.endsWith('.log'))

describe('a lane', () => {
  test('gives back what it took, in order, many batches as one, with their schema', async () => {
    const { spool, close } = await openTestSpool(await temporaryDirectory())
    const lane = spool.lane(topic, 0)
    expect(lane.isEmpty).toBe(true)
    for (let id = 0; id < 20; id++) await append(lane, `a${id}`, `b${id}`)
    expect(lane).toMatchObject({ records: 40, isEmpty: false })
    const oldest = (await run(lane.oldest(100_000)))!
    // One segment a read.
    expect(oldest.packed.recordCount).toBeGreaterThan(2)
    expect(oldest.packed.schemaFingerprint).toBe('0123456789abcdef')
    const expected = Array.from({ length: 20 }, (_, id) => [`a${id}`, `b${id}`]).flat()
    expect(await drain(lane)).toEqual(expected)
    expect(lane).toMatchObject({ records: 0, isEmpty: true, undrainedBytes: 0 })
    expect(spool.lane(topic, 1).isEmpty).toBe(true)
    await close()
  })

  test('is not empty while an append is under way', async () => {
    const { spool, close } = await openTestSpool(await temporaryDirectory())
    const lane = spool.lane(topic, 0)
    const appending = append(lane, 'x')
    expect(lane).toMatchObject({ isEmpty: false, records: 0 })
    await appending
    expect(lane.records).toBe(1)
    await close()
  })

  test('segments go as they are drained; an empty lane keeps no byte', async () => {
    const directory = await temporaryDirectory()
    const { spool, close } = await openTestSpool(directory)
    const lane = spool.lane(topic, 0)
    for (let id = 0; id < 60; id++) await append(lane, `${id}`.padEnd(100, '.'))
    const before = (await segmentsOf(directory)).length
    expect(before).toBeGreaterThan(5)
    const { bytes } = spool.usage()
    await run(lane.acknowledge((await run(lane.oldest(1_000_000)))!))
    expect(await segmentsOf(directory)).toHaveLength(before - 1)
    expect(spool.usage().bytes).toBeLessThan(bytes)
    await drain(lane)
    expect(await segmentsOf(directory)).toEqual(['00000000000000000060.log'])
    expect(spool.usage()).toMatchObject({ bytes: 0, records: 0 })
    await close()
  })

  test('an end that comes back, and goes on behind what was drained', async () => {
    const directory = await temporaryDirectory()
    const first = await openTestSpool(directory)
    await append(first.spool.lane(topic, 0), 'a')
    await drain(first.spool.lane(topic, 0))
    await first.close()
    const second = await openTestSpool(directory)
    const lane = second.spool.lane(topic, 0)
    expect(lane.isEmpty).toBe(true)
    await append(lane, 'b')
    expect(await drain(lane)).toEqual(['b'])
    await second.close()
  })
})

describe('the drained position', () => {
  test('a restart goes on behind what was acknowledged, and repeats what was not', async () => {
    const directory = await temporaryDirectory()
    const first = await openTestSpool(directory, {
      limits: { flushDelayMs: 0, segmentBytes: 100_000, positionStepBytes: 1 }
    })
    const lane = first.spool.lane(topic, 0)
    for (let id = 0; id < 10; id++) await append(lane, `${id}`)
    const bytes = batchHeaderBytes + 2 * packed('0').bytes.length
    await run(lane.acknowledge((await run(lane.oldest(bytes)))!))
    const left = lane.records
    expect(left).toBeLessThan(10)
    // Read, and not acknowledged.
    await run(lane.oldest(bytes))
    await first.close()
    const second = await openTestSpool(directory)
    expect(second.events).toContainEqual({
      type: 'lane.found', lane: `${topic}-0`, records: left, isUnclaimed: false
    })
    const expected = Array.from({ length: left }, (_, index) => `${10 - left + index}`)
    expect(await drain(second.spool.lane(topic, 0))).toEqual(expected)
    await second.close()
  })

  test('that cannot be read is reported, and costs repeats only', async () => {
    const directory = await temporaryDirectory()
    const options = { limits: { flushDelayMs: 0, segmentBytes: 100_000, positionStepBytes: 1 } }
    const first = await openTestSpool(directory, options)
    const lane = first.spool.lane(topic, 0)
    for (const value of ['a', 'b', 'c']) await append(lane, value)
    await run(lane.acknowledge((await run(lane.oldest(1)))!))
    await first.close()
    await writeFile(join(directory, `${topic}-0`, 'drained.json'), '{"version":1,"dra')
    const second = await openTestSpool(directory, options)
    expect(second.events.map(({ type }) => type)).toContain('position.unreadable')
    expect(await drain(second.spool.lane(topic, 0))).toEqual(['a', 'b', 'c'])
    await second.close()
  })

  test('that cannot be written is reported; draining goes on', async () => {
    const directory = await temporaryDirectory()
    let refuses = false
    const files: typeof nodeFiles = {
      ...nodeFiles,
      rename: (path, newPath) =>
        refuses ? Promise.reject(new Error('EIO')) : nodeFiles.rename(path, newPath)
    }
    const { spool, events, close } = await openTestSpool(directory, {
      files,
      limits: { flushDelayMs: 0, segmentBytes: 100_000, positionStepBytes: 1 }
    })
    const lane = spool.lane(topic, 0)
    for (const value of ['a', 'b']) await append(lane, value)
    refuses = true
    await run(lane.acknowledge((await run(lane.oldest(1)))!))
    expect(events).toContainEqual({ type: 'cleanup.failed', detail: 'EIO', lane: `${topic}-0` })
    refuses = false
    expect(await drain(lane)).toEqual(['b'])
    await close()
  })
})

describe('what is damaged', () => {
  test('a torn tail is cut off, the batches before it stay', async () => {
    const directory = await temporaryDirectory()
    const first = await openTestSpool(directory)
    await append(first.spool.lane(topic, 0), 'whole')
    await first.close()
    const [name] = await segmentsOf(directory)
    const path = join(directory, `${topic}-0`, name!)
    const whole = await readFile(path)
    await writeFile(path, Buffer.concat([whole, whole.subarray(0, 40)]))
    const second = await openTestSpool(directory)
    expect(second.events).toContainEqual({
      type: 'tail.truncated', bytes: 40, offset: 1, lane: `${topic}-0`
    })
    expect(await drain(second.spool.lane(topic, 0))).toEqual(['whole'])
    await second.close()
  })

  test('a batch whose CRC32C differs is a named error, and is not drained', async () => {
    const directory = await temporaryDirectory()
    const first = await openTestSpool(directory)
    const lane = first.spool.lane(topic, 0)
    for (let id = 0; id < 30; id++) await append(lane, `${id}`.padEnd(100, '.'))
    await first.close()
    const [name] = await segmentsOf(directory)
    const path = join(directory, `${topic}-0`, name!)
    const bytes = await readFile(path)
    bytes[100] = bytes[100]! ^ 1
    await writeFile(path, bytes)
    const second = await openTestSpool(directory)
    const error = await run(Effect.flip(second.spool.lane(topic, 0).oldest(1_000)))
    expect(error).toMatchObject({ _tag: 'LogCorrupt', topicPartition: `spool of ${topic}-0` })
    await second.close()
  })
})

describe('the spool as a whole', () => {
  test('all lanes together stay below the limit, appends under way included', async () => {
    const bytes = packed('x'.repeat(100)).bytes.length
    const { spool, close } = await openTestSpool(await temporaryDirectory(), {
      bytesMax: () => 3 * bytes
    })
    const attempts = [0, 1, 0, 1].map((partition) =>
      run(Effect.exit(spool.lane(topic, partition).append(packed('x'.repeat(100)))))
    )
    expect(spool.usage().bytes).toBe(3 * bytes)
    const exits = await Promise.all(attempts)
    expect(exits.map(({ _tag }) => _tag)).toEqual(['Success', 'Success', 'Success', 'Failure'])
    const full = await run(Effect.flip(spool.lane(topic, 0).append(packed('y'))))
    expect(full).toMatchObject({ _tag: 'SpoolFull', bytes: 3 * bytes, bytesMax: 3 * bytes })
    expect(full.message).toContain('K2_SPOOL_LIMIT')
    await drain(spool.lane(topic, 0))
    await append(spool.lane(topic, 1), 'z')
    await close()
  })

  test('a limit that has shrunk refuses, and loses nothing', async () => {
    let bytesMax = 10_000
    const { spool, close } = await openTestSpool(await temporaryDirectory(), {
      bytesMax: () => bytesMax
    })
    const lane = spool.lane(topic, 0)
    await append(lane, 'a')
    bytesMax = 0
    expect(await run(Effect.flip(lane.append(packed('b'))))).toMatchObject({ _tag: 'SpoolFull' })
    expect(await drain(lane)).toEqual(['a'])
    await close()
  })

  test('lanes that no topic has any more are found, named and counted', async () => {
    const directory = await temporaryDirectory()
    const first = await openTestSpool(directory)
    await append(first.spool.lane(topic, 1), 'a')
    await first.close()
    const second = await openTestSpool(directory, { topics: new Map([[topic, 1]]) })
    expect(second.events).toContainEqual({
      type: 'lane.found', lane: `${topic}-1`, records: 1, isUnclaimed: true
    })
    expect(second.spool.usage()).toMatchObject({ records: 1 })
    expect(() => second.spool.lane('no.topic', 0)).toThrow(RangeError)
    await second.close()
  })

  test('two processes never share it', async () => {
    const directory = await temporaryDirectory()
    const { close } = await openTestSpool(directory)
    await expect(openTestSpool(directory)).rejects.toMatchObject({ _tag: 'LogInUse' })
    await close()
    await (await openTestSpool(directory)).close()
  })
})

describe('batches that are joined', () => {
  const sealed = (schema: string, base: number, ...values: readonly string[]) => {
    const builder = new PackedRecordsBuilder(256)
    for (const value of values) builder.add('K', Buffer.from(value))
    const batch = builder.take(schema)
    const seal = { baseOffset: base, appendedMsMin: 0, appendedMsMax: 0, startsGroup: true }
    sealBatch(batch, seal)
    return openBatch(batch.bytes, 0, batch.bytes.length)
  }
  const one = '1'.repeat(16)
  const two = '2'.repeat(16)

  test('have one schema; what has another follows', () => {
    const batches = [sealed(one, 0, 'a'), sealed(one, 1, 'b', 'c'), sealed(two, 3, 'd')]
    const joined = joinBatches(batches, 10_000)!
    expect(joined.endOffset).toBe(3)
    expect(joined.packed).toMatchObject({ recordCount: 3, schemaFingerprint: one })
    expect(joinBatches(batches.slice(2), 10_000)!.packed.schemaFingerprint).toBe(two)
    expect(joinBatches([], 10_000)).toBe(undefined)
  })

  test('stay below the limit, but for a single one that is larger', () => {
    const batches = [sealed(one, 0, 'x'.repeat(200)), sealed(one, 1, 'y')]
    expect(joinBatches(batches, 100)!.endOffset).toBe(1)
    expect(joinBatches(batches, 64 + 260)!.endOffset).toBe(2)
  })
})
