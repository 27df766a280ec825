import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import { openLog, packed, readAll, temporaryDirectory, topic } from './log-support.ts'

const { runPromise } = Effect

describe('embedded log', () => {
  it('gives back what was appended, at its offsets, and again after it was reopened', async () => {
    const directory = await temporaryDirectory()
    const first = await openLog(directory)
    expect(await runPromise(first.log.append(topic, 0, packed('a', 'b')))).toEqual({ baseOffset: 0 })
    expect(await runPromise(first.log.append(topic, 0, packed('c')))).toEqual({ baseOffset: 2 })
    const records = [
      [0, 'a'],
      [1, 'b'],
      [2, 'c']
    ]
    expect(await readAll(first.log)).toEqual(records)
    await first.close()
    const second = await openLog(directory)
    expect(second.log.identity).toBe(first.log.identity)
    expect(await readAll(second.log)).toEqual(records)
    expect(await runPromise(second.log.append(topic, 0, packed('d')))).toEqual({ baseOffset: 3 })
    expect(second.events.filter(({ type }) => type === 'tail.truncated')).toEqual([])
    await second.close()
  })
})
