/** The checker flags every class of a bad history, and nothing of a good one. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AnomalyClass,
  anomalyClasses,
  checkHistory
} from '../../../chaos/history/check-history.ts'
import { type HistoryEvent, HistoryRecorder } from '../../../chaos/history/history.ts'
import { seededRandom } from '../../../chaos/simulation/simulated-files.ts'

const counts = (events: readonly HistoryEvent[]) => {
  const report = checkHistory(events)
  return Object.fromEntries(
    anomalyClasses.filter((name) => report[name].length > 0).map((name) => [name, report[name]])
  )
}

const only = (name: AnomalyClass, partition: string, ...details: readonly string[]) => ({
  [name]: details.map((detail) => ({ partition, detail }))
})

describe('what a history says', () => {
  const records = (from: number, ...values: readonly number[]) =>
    values.map((value, index) => ({ offset: from + index, value }))

  test('an acknowledged value that was passed by is a lost write', () => {
    const { events } = recorded((it) => {
      it.send(1, 'a', [10, 11]).ok(0)
      it.send(1, 'a', [12]).ok(2)
      it.poll(2, 'a', [...records(0, 10), ...records(2, 12)])
    })
    expect(counts(events)).toEqual(only('lost-write', 'a', 'value 11, acknowledged at offset 1'))
  })

  test('also where the log does not say places: what follows it was read', () => {
    const { events } = recorded((it) => {
      it.send(1, 'a', [10]).ok(null)
      it.send(1, 'a', [11]).ok(null)
      it.poll(2, 'a', records(0, 11))
    })
    expect(counts(events)).toEqual(only('lost-write', 'a', 'value 10, acknowledged'))
  })

  test('what nobody has read up to is unseen', () => {
    const { events } = recorded((it) => {
      it.send(1, 'a', [10]).ok(0)
      it.send(1, 'a', [11]).ok(1)
      it.send(1, 'b', [12]).ok(null)
      it.poll(2, 'a', records(0, 10))
    })
    expect(checkHistory(events).unseen).toEqual([
      { partition: 'a', detail: 'value 11, acknowledged at offset 1' },
      { partition: 'b', detail: 'value 12, acknowledged' }
    ])
  })

  test('one value at two offsets is a duplicate, one offset with two values inconsistent', () => {
    const { events } = recorded((it) => {
      it.send(1, 'a', [10]).info()
      it.poll(2, 'a', records(0, 10, 10))
    })
    expect(counts(events)).toEqual(only('duplicate', 'a', 'value 10 at offsets 0, 1'))
    const other = recorded((it) => {
      it.send(1, 'a', [10]).ok(0)
      it.send(1, 'a', [11]).ok(1)
      it.poll(2, 'a', records(0, 10, 11))
      it.poll(3, 'a', records(0, 11))
    })
    expect(Object.keys(counts(other.events)).toSorted()).toEqual([
      'duplicate',
      'inconsistent-offsets'
    ])
  })

  test('a process that reads or writes backwards is nonmonotonic, unless it has sought', () => {
    const { events } = recorded((it) => {
      it.send(1, 'a', [10, 11]).info()
      it.poll(2, 'a', records(0, 10, 11))
      it.poll(2, 'a', records(0, 10))
      it.seek(2, 'a')
      it.poll(2, 'a', records(0, 10))
    })
    const told = 'process 2 read offset 0 after 1'
    expect(counts(events)).toEqual(only('nonmonotonic', 'a', told))
    const writing = recorded((it) => {
      it.send(1, 'a', [10]).ok(5)
      it.send(1, 'a', [11]).ok(4)
      it.poll(2, 'a', [...records(4, 11), ...records(5, 10)])
    })
    expect(counts(writing.events)).toEqual(
      only('nonmonotonic', 'a', 'process 1 wrote at 4 after 5')
    )
  })

  test('what failed or is of unknown outcome is no obligation', () => {
    const { events } = recorded((it) => {
      it.send(1, 'a', [10]).fail()
      it.send(1, 'a', [11]).info()
      it.send(1, 'a', [12])
      it.send(1, 'a', [13]).ok(1)
      it.poll(2, 'a', records(0, 11, 13))
    })
    expect(counts(events)).toEqual({})
  })

  test('an end without a beginning is refused', () => {
    const event = { process: 1, operation: 1, partition: 'a', type: 'send.ok', offset: 0 } as const
    expect(() => checkHistory([event])).toThrow('send 1 was never invoked')
  })
})

const recorded = (tell: (it: HistoryRecorder) => void) => {
  const recorder = new HistoryRecorder()
  tell(recorder)
  return { events: recorder.events }
}

/**
 * A log that keeps its promise at least once, and what its users see: sends may be kept or not when
 * nobody knows, and are then sent again. `tamper` may change what stands in it before it is read.
 */
const playLog = (seed: number, tamper: (log: number[][]) => void = () => undefined) => {
  const random = seededRandom(seed)
  const recorder = new HistoryRecorder()
  const logs: number[][] = [[], [], []]
  let value = 0
  for (let step = 0; step < 60; step += 1) {
    const partition = Math.floor(random() * logs.length)
    const values = Array.from({ length: 1 + Math.floor(random() * 4) }, () => (value += 1))
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const send = recorder.send(partition, String(partition), values)
      const luck = random()
      if (luck < 0.6) {
        send.ok(logs[partition]!.length)
        logs[partition]!.push(...values)
        break
      }
      if (luck < 0.8) logs[partition]!.push(...values)
      send.info()
    }
  }
  tamper(logs)
  logs.forEach((log, partition) => {
    recorder.seek(9, String(partition))
    for (let from = 0; from < log.length; ) {
      const to = Math.min(log.length, from + 1 + Math.floor(random() * 7))
      const polled = log.slice(from, to).map((it, index) => ({ offset: from + index, value: it }))
      recorder.poll(9, String(partition), polled)
      from = to
    }
  })
  return checkHistory(recorder.events)
}

describe('a log that is played', () => {
  test('at least once is all that a good one does: nothing but duplicates is told', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { duplicate: _allowed, ...others } = playLog(seed)
        expect(Object.values(others).flat()).toEqual([])
      })
    )
  })

  test('one that is cut short has unseen values, one with a value replaced lost ones', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const cut = playLog(seed, (logs) => logs.forEach((log) => log.splice(-1_000)))
        expect(cut.unseen.length).toBeGreaterThan(0)
        const replaced = playLog(seed, (logs) =>
          logs.forEach((log) => log.forEach((_, index) => (log[index] = -1 - index)))
        )
        expect(replaced['lost-write'].length).toBeGreaterThan(0)
        expect(replaced['inconsistent-offsets'].length).toBeGreaterThan(0)
      })
    )
  })
})
