import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import { openLogReader } from '../../../src/adapters/log/log-reader.ts'
import { nodeFiles } from '../../../src/adapters/log/node-files.ts'
import { openLog, packed, readAll, recordsOf, temporaryDirectory, topic } from './log-support.ts'
import { simulatedClock } from './simulated-clock.ts'

const { runPromise, flip } = Effect
const partitionDirectory = `${topic}-0`

const append = async (
  { log }: Awaited<ReturnType<typeof openLog>>,
  ...values: readonly string[]
): Promise<number> => (await runPromise(log.append(topic, 0, packed(...values)))).baseOffset

/** Every append in a segment of its own. */
const manySegments = { segmentBytes: 1, flushDelayMs: 0, retentionMs: 0 }

const segmentFiles = async (directory: string): Promise<readonly string[]> =>
  (await readdir(join(directory, partitionDirectory))).sort()

const flipByte = async (path: string, position: number): Promise<void> => {
  const bytes = await readFile(path)
  bytes[position]! ^= 0xff
  await writeFile(path, bytes)
}

describe('embedded log', () => {
  it('gives back what was appended, at its offsets, and again after it was reopened', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory)
    expect(await append(first, 'a', 'b')).toBe(0)
    expect(await append(first, 'c')).toBe(2)
    const records = [
      [0, 'a'],
      [1, 'b'],
      [2, 'c']
    ]
    expect(await readAll(first.log)).toEqual(records)
    await first.close()
    const second = await openLog(directory)
    expect(second.log.identityOf(topic)).toBe(first.log.identityOf(topic))
    expect(await readAll(second.log)).toEqual(records)
    expect(await append(second, 'd')).toBe(3)
    expect(second.events.filter(({ type }) => type === 'tail.truncated')).toEqual([])
    await second.close()
  })

  it('gives a batch whole when the offset lies in its middle, and nothing at the end', async () => {
    const opened = await openLog(await temporaryDirectory())
    await append(opened, 'a', 'b', 'c')
    const read = (fromOffset: number) =>
      runPromise(opened.log.read(topic, 0, { fromOffset, bytesMax: 1 }))
    expect(recordsOf(await read(1))).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c']
    ])
    expect(await read(3)).toEqual([])
    await opened.close()
  })

  it('keeps to bytesMax, but gives at least one batch', async () => {
    const opened = await openLog(await temporaryDirectory())
    const value = 'x'.repeat(1_000)
    await Promise.all([append(opened, value), append(opened, value), append(opened, value)])
    const count = async (bytesMax: number) =>
      (await runPromise(opened.log.read(topic, 0, { fromOffset: 0, bytesMax }))).length
    expect(await count(1)).toBe(1)
    expect(await count(2_500)).toBe(2)
    expect(await count(100_000)).toBe(3)
    await opened.close()
  })

  it('reads batches that are larger than what is read at once', async () => {
    const opened = await openLog(await temporaryDirectory())
    const values = [100_000, 5_000_000, 10].map((bytes) => 'y'.repeat(bytes))
    for (const value of values) await append(opened, value)
    const found = await readAll(opened.log, 0, 1_000)
    expect(found.map(([, value]) => value.length)).toEqual(values.map(({ length }) => length))
    await opened.close()
  })

  it('names both bounds when the offset is outside', async () => {
    const opened = await openLog(await temporaryDirectory())
    await append(opened, 'a')
    const range = { fromOffset: 2, bytesMax: 1_000 }
    expect(await runPromise(flip(opened.log.read(topic, 0, range)))).toMatchObject({
      _tag: 'OffsetOutOfRange',
      fromOffset: 2,
      startOffset: 0,
      durableEnd: 1
    })
    await opened.close()
  })

  it('shares one write among the appends that wait together, in the order of calls', async () => {
    const opened = await openLog(await temporaryDirectory())
    const values = Array.from({ length: 50 }, (_, index) => `${index}`)
    const offsets = await Promise.all(values.map((value) => append(opened, value)))
    expect(offsets).toEqual(values.map(Number))
    const groups = opened.events.filter(({ type }) => type === 'group.committed')
    expect(groups).toMatchObject([
      { batches: 50, records: 50, durableEnd: 50, topic, partition: 0 }
    ])
    await opened.close()
  })

  it('waits for others only behind a group that began just before', async () => {
    const clock = simulatedClock()
    const limits = { flushDelayMs: 20 }
    const opened = await openLog(await temporaryDirectory(), { clock, limits })
    const batches = () =>
      opened.events.flatMap((event) => (event.type === 'group.committed' ? event.batches : []))
    const first = [append(opened, 'a'), append(opened, 'b')]
    clock.advance(0)
    await Promise.all(first)
    expect(batches()).toEqual([2])
    clock.advance(5)
    const second = append(opened, 'c')
    clock.advance(14)
    const third = append(opened, 'd')
    expect(opened.log.usage().pendingBytes).toBeGreaterThan(0)
    clock.advance(1)
    await Promise.all([second, third])
    expect(batches()).toEqual([2, 2])
    clock.advance(1_000)
    const fourth = append(opened, 'e')
    clock.advance(0)
    await fourth
    expect(batches()).toEqual([2, 2, 1])
    await opened.close()
  })

  it('holds back what exceeds the bytes in memory, and loses none of it', async () => {
    const limits = { pendingBytesMax: 2_000, flushBytes: 500, flushDelayMs: 1 }
    const opened = await openLog(await temporaryDirectory(), { limits })
    const values = Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(600, '.'))
    const appends = Promise.all(values.map((value) => append(opened, value)))
    expect(opened.log.usage().pendingBytes).toBeGreaterThan(0)
    expect(opened.log.usage().pendingBytes).toBeLessThanOrEqual(2_000)
    expect(await appends).toEqual(values.map((_, index) => index))
    for (const event of opened.events) {
      if (event.type === 'group.committed') expect(event.bytes).toBeLessThanOrEqual(2_000)
    }
    expect((await readAll(opened.log)).map(([, value]) => value)).toEqual(values)
    await opened.close()
  })

  it('writes what is pending when it closes, and refuses what comes after', async () => {
    const directory = await temporaryDirectory()
    const opened = await openLog(directory, { limits: { flushDelayMs: 50 } })
    const pending = append(opened, 'last')
    await opened.close()
    expect(await pending).toBe(0)
    const late = await runPromise(flip(opened.log.append(topic, 0, packed('late'))))
    expect(late).toMatchObject({ _tag: 'LogUnavailable' })
    const again = await openLog(directory)
    expect(await readAll(again.log)).toEqual([[0, 'last']])
    await again.close()
  })

  it('tells how far it is durable before the append ends', async () => {
    const opened = await openLog(await temporaryDirectory())
    const seen: number[] = []
    const stop = opened.log.changed(({ durableEnd }) => seen.push(durableEnd))
    await append(opened, 'a', 'b')
    expect(seen).toEqual([2])
    stop()
    await append(opened, 'c')
    expect(seen).toEqual([2])
    await opened.close()
  })

  it('takes an undeclared topic for a defect', async () => {
    const opened = await openLog(await temporaryDirectory())
    const read = opened.log.read('other', 0, { fromOffset: 0, bytesMax: 1 })
    await expect(runPromise(Effect.ignore(read))).rejects.toThrow('other-0 was not declared')
    await expect(runPromise(Effect.ignore(opened.log.bounds(topic, 1)))).rejects.toThrow('declared')
    await opened.close()
  })

  it('refuses limits that contradict each other', async () => {
    const open = openLog(await temporaryDirectory(), { limits: { flushDelayMs: 51 } })
    await expect(open).rejects.toThrow('flushDelayMs = 51: at most 50')
  })
})

describe('topics and identity', () => {
  it('keeps partition counts, and the topics that are not declared any more', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory, { topics: { one: 2, two: 1 } })
    await first.close()
    const changed = openLog(directory, { topics: { one: 3 } })
    await expect(changed).rejects.toMatchObject({
      _tag: 'TopicPartitionsChanged',
      topic: 'one',
      recorded: 2,
      declared: 3
    })
    const second = await openLog(directory, { topics: { three: 1 } })
    expect(Object.fromEntries(second.log.topics)).toEqual({ one: 2, two: 1, three: 1 })
    expect(second.log.identityOf(topic)).toBe(first.log.identityOf(topic))
    await second.close()
  })

  it('does not invent an identity for records that had one', async () => {
    const directory = await temporaryDirectory()
    await (await openLog(directory)).close()
    await rm(join(directory, 'log.json'))
    await expect(openLog(directory)).rejects.toMatchObject({ _tag: 'LogDescriptionUnreadable' })
  })
})

describe('damage', () => {
  it('cuts a torn tail off at the last whole batch, and says so', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory)
    await append(first, 'kept')
    await append(first, 'torn')
    await first.close()
    const file = join(directory, partitionDirectory, (await segmentFiles(directory))[0]!)
    const { size } = await stat(file)
    await truncate(file, size - 3)
    const second = await openLog(directory)
    const torn = second.events.filter(({ type }) => type === 'tail.truncated')
    expect(torn).toMatchObject([{ bytes: size / 2 - 3, offset: 1 }])
    expect(await readAll(second.log)).toEqual([[0, 'kept']])
    expect(await append(second, 'new')).toBe(1)
    await second.close()
  })

  it('refuses to take damage of durable records for a torn tail', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory)
    await append(first, 'one')
    await append(first, 'two')
    await append(first, 'three')
    await first.close()
    const file = join(directory, partitionDirectory, (await segmentFiles(directory))[0]!)
    const batchBytes = packed('one').bytes.length
    await flipByte(file, batchBytes + 70)
    await expect(openLog(directory)).rejects.toMatchObject({
      _tag: 'LogCorrupt',
      position: batchBytes
    })
    expect((await stat(file)).size).toBe(2 * batchBytes + packed('three').bytes.length)
  })

  it('names a damaged batch of an older segment when it is read, reads the others', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory, { limits: manySegments })
    for (const value of ['a', 'b', 'c']) await append(first, value)
    await first.close()
    const files = await segmentFiles(directory)
    await flipByte(join(directory, partitionDirectory, files[1]!), 70)
    const second = await openLog(directory)
    const range = { fromOffset: 1, bytesMax: 1_000 }
    expect(await runPromise(flip(second.log.read(topic, 0, range)))).toMatchObject({
      _tag: 'LogCorrupt',
      file: files[1],
      position: 0
    })
    expect(await readAll(second.log, 2)).toEqual([[2, 'c']])
    await second.close()
  })

  it('names offsets that are lost between two segments', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory, { limits: manySegments })
    for (const value of ['a', 'b', 'c']) await append(first, value)
    await first.close()
    await rm(join(directory, partitionDirectory, (await segmentFiles(directory))[1]!))
    const second = await openLog(directory)
    const range = { fromOffset: 1, bytesMax: 1_000 }
    expect(await runPromise(flip(second.log.read(topic, 0, range)))).toMatchObject({
      _tag: 'LogOffsetsLost',
      fromOffset: 1,
      nextOffset: 2
    })
    await second.close()
  })
})

describe('consumers', () => {
  const consumedAt = (offset: number) => [{ topic, partition: 0, offset }]

  it('assigns no offset below a committed one, and reports the truncated log', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory)
    await append(first, 'a')
    await first.close()
    const second = await openLog(directory, { neverBelow: consumedAt(10) })
    expect(second.log.faults).toMatchObject([
      { _tag: 'TruncatedLog', logEnd: 1, committedOffset: 10 }
    ])
    expect(await readAll(second.log, 10)).toEqual([])
    expect(await append(second, 'b')).toBe(10)
    expect(await append(second, 'c')).toBe(11)
    const range = { fromOffset: 5, bytesMax: 1_000 }
    const hole = { _tag: 'LogOffsetsLost', fromOffset: 5, nextOffset: 10 }
    expect(await runPromise(flip(second.log.read(topic, 0, range)))).toMatchObject(hole)
    await second.close()
    const third = await openLog(directory, { neverBelow: consumedAt(11) })
    expect(third.log.faults).toEqual([])
    expect(await readAll(third.log, 10)).toEqual([
      [10, 'b'],
      [11, 'c']
    ])
    expect(await append(third, 'd')).toBe(12)
    await third.close()
  })

  it('reports the fault of a new log until the first append has decided it', async () => {
    const directory = await temporaryDirectory()
    for (let attempt = 0; attempt < 2; attempt++) {
      const opened = await openLog(directory, { neverBelow: consumedAt(7) })
      expect(opened.log.faults).toMatchObject([{ logEnd: 0, committedOffset: 7 }])
      const range = { fromOffset: 3, bytesMax: 1_000 }
      const hole = { _tag: 'LogOffsetsLost', nextOffset: 7 }
      expect(await runPromise(flip(opened.log.read(topic, 0, range)))).toMatchObject(hole)
      await opened.close()
    }
  })

  it('deletes only segments that are wholly consumed', async () => {
    const directory = await temporaryDirectory()
    const opened = await openLog(directory, { limits: { ...manySegments, diskBytesMax: 400 } })
    for (const value of ['a', 'b', 'c']) await append(opened, value)
    const refused = opened.log.append(topic, 0, packed('x'.repeat(300)))
    expect(await runPromise(flip(refused))).toMatchObject({ _tag: 'LogFull', bytesMax: 400 })
    expect(opened.events.filter(({ type }) => type === 'append.refused')).toMatchObject([
      { records: 1, reason: 'log_full' }
    ])
    expect(await readAll(opened.log)).toHaveLength(3)
    opened.log.setConsumed(topic, 0, 2)
    expect(await append(opened, 'd'.repeat(150))).toBe(3)
    expect(await runPromise(opened.log.bounds(topic, 0))).toEqual({ startOffset: 2, durableEnd: 4 })
    expect((await readAll(opened.log, 2))[0]).toEqual([2, 'c'])
    await opened.close()
  })

  it('tells by topic the bytes of segments that hold what is not consumed', async () => {
    const directory = await temporaryDirectory()
    const opened = await openLog(directory, { limits: manySegments })
    const { log } = opened
    const other = log.unconsumedBytes('another topic')
    for (const value of ['a', 'b', 'c']) await append(opened, value)
    const all = log.usage().diskBytes
    expect([other, log.unconsumedBytes(topic)]).toEqual([0, all])
    log.setConsumed(topic, 0, 2)
    expect(log.unconsumedBytes(topic)).toBe(all / 3)
    log.setConsumed(topic, 0, 3)
    expect(log.unconsumedBytes(topic)).toBe(0)
    expect(log.usage().diskBytes).toBe(all)
    await opened.close()
  })

  it('makes room by retiring the newest segment when all of it is consumed', async () => {
    const directory = await temporaryDirectory()
    const limits = { segmentBytes: 1_000, diskBytesMax: 1_000 }
    const opened = await openLog(directory, { limits })
    expect(await append(opened, 'x'.repeat(800))).toBe(0)
    opened.log.setConsumed(topic, 0, 1)
    expect(await append(opened, 'y'.repeat(800))).toBe(1)
    expect(await runPromise(opened.log.bounds(topic, 0))).toEqual({ startOffset: 1, durableEnd: 2 })
    await opened.close()
    const again = await openLog(directory, { neverBelow: consumedAt(1) })
    expect(again.log.faults).toEqual([])
    expect(await readAll(again.log, 1)).toEqual([[1, 'y'.repeat(800)]])
    await again.close()
  })
})

describe('reader in another thread', () => {
  const openReader = (directory: string, durableEnd: number) =>
    runPromise(
      openLogReader({
        directory,
        files: nodeFiles,
        watermarks: [{ topic, partition: 0, durableEnd }]
      })
    )

  it('sees only what it was told is durable, across segments that come and go', async () => {
    const directory = await temporaryDirectory()
    const opened = await openLog(directory, { limits: manySegments })
    await append(opened, 'a')
    const reader = await openReader(directory, 1)
    expect(reader.identityOf(topic)).toBe(opened.log.identityOf(topic))
    await append(opened, 'b')
    await append(opened, 'c')
    expect(await readAll(reader)).toEqual([[0, 'a']])
    const seen: number[] = []
    reader.changed(({ durableEnd }) => seen.push(durableEnd))
    reader.advance({ topic, partition: 0, durableEnd: 3 })
    reader.advance({ topic, partition: 0, durableEnd: 2 })
    expect(seen).toEqual([3])
    expect(await readAll(reader)).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c']
    ])
    opened.log.setConsumed(topic, 0, 2)
    await expect.poll(() => segmentFiles(directory)).toHaveLength(1)
    const range = { fromOffset: 0, bytesMax: 1_000 }
    expect(await runPromise(flip(reader.read(topic, 0, range)))).toMatchObject({
      _tag: 'OffsetOutOfRange',
      startOffset: 2,
      durableEnd: 3
    })
    expect(await runPromise(reader.bounds(topic, 0))).toEqual({ startOffset: 2, durableEnd: 3 })
    await opened.close()
  })

  it('refuses a directory without a log', async () => {
    const directory = await temporaryDirectory()
    await mkdir(join(directory, 'empty'))
    await expect(openReader(directory, 0)).rejects.toMatchObject({ _tag: 'LogUnavailable' })
  })
})
