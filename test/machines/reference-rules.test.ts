import { expect, test } from 'vitest'
import {
  type DeadLetter,
  emptyPartitionState,
  foldRecord,
  type PartitionState
} from '../../src/machines/partition-fold.ts'
import { referenceRules } from '../../src/machines/reference-rules.ts'
import { defaultSequenceLimits } from '../../src/market/sequence.ts'
import type { ReferenceDataV2 } from '../../src/market/records/reference-data-v2.ts'
import { record } from '../support/reference-data.ts'

const foldAll = (
  records: readonly ReferenceDataV2[],
  keyOf: (record: ReferenceDataV2) => string = ({ company_id: key }) => key,
  state: PartitionState = emptyPartitionState()
) => {
  const landed: string[] = []
  const letters: DeadLetter[] = []
  const context = { rules: referenceRules, limits: defaultSequenceLimits, ownsKey: () => true }
  records.forEach((each, offset) =>
    foldRecord(state, { key: keyOf(each), record: each, offset }, context, {
      land: (row) => landed.push(row.message_id),
      deadLetter: (letter) => letters.push(letter)
    })
  )
  return { landed, letters, state }
}

const first = record('7078', 1_000)
const second = record('7078', 2_000, { company_name: 'BHP GROUP' })
const other = record('7458', 1_000)

test('a version lands once, a change is a new version, companies are apart', () => {
  const again = record('7078', 1_500)
  const { landed, letters, state } = foldAll([first, other, first, again, second, first, other])
  expect(landed).toEqual([first, other, second].map(({ message_id }) => message_id))
  expect(letters).toEqual([])
  expect(state.counters).toMatchObject({
    consumed: 7,
    landed: 3,
    duplicates: 4,
    deadLettered: 0,
    gapIds: 0
  })
  expect(Object.keys(state.sequences)).toEqual(['ASX:7078', 'ASX:7458'])
})

test('the state is JSON, and goes on where it was', () => {
  const { state } = foldAll([first, second])
  const read = JSON.parse(JSON.stringify(state)) as PartitionState
  const back = record('7078', 3_000)
  const { landed } = foldAll([first, second, back], undefined, read)
  expect(landed).toEqual([back.message_id])
  expect(back.message_id).not.toBe(first.message_id)
})

const faults: ReadonlyArray<readonly [Partial<ReferenceDataV2>, string]> = [
  [{ message_id: 'ASX:7078:1' }, 'message_id "ASX:7078:1" is not the record\'s natural key'],
  [{ ingestion_timestamp: 1_001 }, 'is not the record\'s natural key'],
  [{ ingestion_timestamp: -1 }, 'timestamp -1 is out of range'],
  [{ symbol: '' }, 'symbol is empty'],
  [{ company_name: '' }, 'company_name is empty'],
  [{ exchange: '' }, 'exchange is empty']
]

test.each(faults)('%j is refused alone', (fault, detail) => {
  const { landed, letters } = foldAll([{ ...first, ...fault }, other])
  expect(landed).toEqual([other.message_id])
  expect(letters).toMatchObject([{ reason: 'invalid_field', symbol: fault.symbol ?? 'T7078' }])
  expect(letters[0]?.detail).toContain(detail)
})

test('the key in the log is the company', () => {
  const { letters } = foldAll([first], ({ symbol }) => symbol)
  expect(letters).toMatchObject([
    { reason: 'invalid_field', detail: 'company_id "7078" differs from the record\'s key "T7078"' }
  ])
})
