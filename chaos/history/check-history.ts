/**
 * What a history of a log says against it, in the words of Jepsen's Kafka workload
 * (`jepsen.tests.kafka`), partition by partition. Pure.
 *
 * - `lost-write`: a value was acknowledged, the log was read at and beyond its place, and the value
 *   was never read. Where the log does not say places, its place is before whatever the same
 *   process sent to the partition after the acknowledgement.
 * - `unseen`: acknowledged, and nobody has read as far as that: to be none after a last read of
 *   everything.
 * - `duplicate`: one value at several offsets. Allowed where delivery is at least once.
 * - `inconsistent-offsets`: one offset, several values.
 * - `nonmonotonic`: a process read, or was told to have written, at a lower offset than before,
 *   without a seek between.
 *
 * A send that failed, or of which nobody knows, is no obligation; its values may be read.
 */
import type { HistoryEvent, Value } from './history.ts'

export const anomalyClasses = [
  'lost-write',
  'unseen',
  'duplicate',
  'inconsistent-offsets',
  'nonmonotonic'
] as const

export type AnomalyClass = (typeof anomalyClasses)[number]

interface Anomaly {
  readonly partition: string
  readonly detail: string
}

export type HistoryReport = Readonly<Record<AnomalyClass, readonly Anomaly[]>>

type Of<T extends HistoryEvent['type']> = Extract<HistoryEvent, { readonly type: T }>

export const checkHistory = (history: readonly HistoryEvent[]): HistoryReport => {
  const report: Record<AnomalyClass, Anomaly[]> = {
    'lost-write': [],
    unseen: [],
    duplicate: [],
    'inconsistent-offsets': [],
    nonmonotonic: []
  }
  for (const [partition, events] of byPartition(history)) {
    const note = (found: AnomalyClass, detail: string) => report[found].push({ partition, detail })
    const sends = sendsIn(events)
    const places = new Places()
    for (const { values, offset } of sends) {
      if (offset !== null) values.forEach((value, index) => places.add(offset + index, value))
    }
    const read = new Places()
    for (const event of events) {
      if (event.type !== 'poll.ok') continue
      for (const { offset, value } of event.records) {
        places.add(offset, value)
        read.add(offset, value)
      }
    }
    checkPlaces(places, note)
    checkAcknowledged(sends, read, note)
    checkOrder(events, note)
  }
  return report
}

const byPartition = (history: readonly HistoryEvent[]) => {
  const partitions = new Map<string, HistoryEvent[]>()
  for (const event of history) {
    const known = partitions.get(event.partition)
    if (known === undefined) partitions.set(event.partition, [event])
    else known.push(event)
  }
  return partitions
}

type Note = (found: AnomalyClass, detail: string) => void

interface AcknowledgedSend {
  readonly process: number
  readonly values: readonly Value[]
  readonly offset: number | null
  /** Places in the history. */
  readonly invokedAt: number
  readonly endedAt: number
}

const sendsIn = (events: readonly HistoryEvent[]): readonly AcknowledgedSend[] => {
  const open = new Map<number, { readonly send: Of<'send.invoke'>; readonly at: number }>()
  const sends: AcknowledgedSend[] = []
  events.forEach((event, at) => {
    if (event.type === 'send.invoke') open.set(event.operation, { send: event, at })
    if (event.type !== 'send.ok') return
    const invoked = open.get(event.operation)
    if (invoked === undefined) throw new RangeError(`send ${event.operation} was never invoked`)
    const { process, values } = invoked.send
    sends.push({ process, values, offset: event.offset, invokedAt: invoked.at, endedAt: at })
  })
  return sends
}

/** Which values stand at which offsets. */
class Places {
  readonly valuesAt = new Map<number, Set<Value>>()
  readonly offsetsOf = new Map<Value, Set<number>>()
  highest = -1

  add(offset: number, value: Value): void {
    addTo(this.valuesAt, offset, value)
    addTo(this.offsetsOf, value, offset)
    this.highest = Math.max(this.highest, offset)
  }
}

const addTo = <K, V>(map: Map<K, Set<V>>, key: K, value: V): void => {
  const known = map.get(key)
  if (known === undefined) map.set(key, new Set([value]))
  else known.add(value)
}

const checkPlaces = ({ valuesAt, offsetsOf }: Places, note: Note): void => {
  for (const [offset, values] of valuesAt) {
    if (values.size > 1) note('inconsistent-offsets', `offset ${offset}: ${listed(values)}`)
  }
  for (const [value, offsets] of offsetsOf) {
    if (offsets.size > 1) note('duplicate', `value ${value} at offsets ${listed(offsets)}`)
  }
}

const checkAcknowledged = (
  sends: readonly AcknowledgedSend[],
  read: Places,
  note: Note
): void => {
  for (const send of sends) {
    send.values.forEach((value, index) => {
      if (read.offsetsOf.has(value)) return
      const offset = send.offset === null ? null : send.offset + index
      const isPassed =
        offset === null ? isOvertaken(send, index, sends, read) : offset <= read.highest
      const place = offset === null ? '' : ` at offset ${offset}`
      note(isPassed ? 'lost-write' : 'unseen', `value ${value}, acknowledged${place}`)
    })
  }
}

/** Whether something was read that must stand behind the value. */
const isOvertaken = (
  send: AcknowledgedSend,
  index: number,
  sends: readonly AcknowledgedSend[],
  read: Places
): boolean =>
  send.values.slice(index + 1).some((value) => read.offsetsOf.has(value)) ||
  sends.some(
    ({ process, invokedAt, values }) =>
      process === send.process &&
      invokedAt > send.endedAt &&
      values.some((value) => read.offsetsOf.has(value))
  )

const checkOrder = (events: readonly HistoryEvent[], note: Note): void => {
  const readTo = new Map<number, number>()
  const writtenTo = new Map<number, number>()
  for (const event of events) {
    const { process } = event
    if (event.type === 'seek.ok') readTo.delete(process)
    if (event.type === 'poll.ok') {
      for (const { offset } of event.records) {
        const before = readTo.get(process)
        if (before !== undefined && offset <= before) {
          note('nonmonotonic', `process ${process} read offset ${offset} after ${before}`)
        }
        readTo.set(process, offset)
      }
    }
    if (event.type === 'send.ok' && event.offset !== null) {
      const before = writtenTo.get(process)
      if (before !== undefined && event.offset <= before) {
        note('nonmonotonic', `process ${process} wrote at ${event.offset} after ${before}`)
      }
      writtenTo.set(process, event.offset)
    }
  }
}

const listed = (items: Iterable<number>): string =>
  [...items].toSorted((one, other) => one - other).join(', ')
