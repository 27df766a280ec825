/** Rows of reference data as versions, folded as the lander folds them, however often (R49). */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { versionedRecords } from '../../../src/actors/operator/row-records.ts'
import { emptyPartitionState, foldRecord } from '../../../src/machines/partition-fold.ts'
import { referenceRules } from '../../../src/machines/reference-rules.ts'
import type { ReferenceDataV2 } from '../../../src/market/records/reference-data-v2.ts'
import type { ReferenceContent } from '../../../src/market/reference-data.ts'
import { defaultSequenceLimits } from '../../../src/market/sequence.ts'

const company = (id: string, sector: string): ReferenceContent => ({
  company_id: id,
  symbol: id,
  exchange: 'ASX',
  asset_class: 'equities',
  company_name: `${id} LTD`,
  isin: null,
  currency: 'AUD',
  listing_date: null,
  delisting_date: null,
  is_active: true,
  vendor_data: { sector }
})

/** A table that files are loaded into, by a clock that may stand still or go back. */
class Place {
  readonly landed: ReferenceDataV2[] = []
  readonly #state = emptyPartitionState()
  #offset = 0

  load(rows: readonly ReferenceContent[], nowUs: number, sends = 1) {
    const { sequences } = this.#state
    const records = versionedRecords(() => nowUs)({ exchange: 'ASX', load: '', sequences })
    const made = rows.map((row, at) => records.recordOf(row, at + 2)?.record)
    for (let sent = 0; sent < sends; sent++) {
      for (const record of made) if (record !== undefined) this.#fold(record)
    }
    return made
  }

  #fold(record: ReferenceDataV2): void {
    foldRecord(
      this.#state,
      { offset: this.#offset++, key: record.company_id, record },
      { rules: referenceRules, limits: defaultSequenceLimits, ownsKey: () => true },
      {
        land: (it) => this.landed.push(it),
        deadLetter: ({ detail }) => expect.fail(detail)
      }
    )
  }
}

describe('reference data', () => {
  test('said again makes no record; changed, and changed back, is a version each', () => {
    const place = new Place()
    const [banks, mines] = [[company('1', 'Banks')], [company('1', 'Mines')]]
    expect(place.load(banks, 10)).toMatchObject([{ ingestion_timestamp: 10 }])
    expect(place.load(banks, 20)).toEqual([undefined])
    expect(place.load(mines, 5)).toMatchObject([{ ingestion_timestamp: 11 }])
    expect(place.load(banks, 30)).toMatchObject([{ ingestion_timestamp: 30 }])
    expect(place.landed.map(({ vendor_data: said }) => said!['sector'])).toEqual([
      'Banks',
      'Mines',
      'Banks'
    ])
  })

  test('a company that stands in a file twice is rejected the second time', () => {
    const rows = [company('1', 'Banks'), company('2', 'Mines'), company('1', 'Mines')]
    expect(() => new Place().load(rows, 1)).toThrow('company_id 1 stands in row 2 already')
  })

  test('of any files in any order the newest of each company is what was loaded last', () => {
    const file = fc.record({
      rows: fc.uniqueArray(
        fc.record({ id: fc.constantFrom('1', '2', '3'), sector: fc.constantFrom('A', 'B') }),
        { selector: ({ id }) => id, minLength: 1 }
      ),
      nowUs: fc.integer({ min: 1, max: 5 }),
      sends: fc.integer({ min: 1, max: 2 })
    })
    fc.assert(
      fc.property(fc.array(file, { maxLength: 12 }), (files) => {
        const place = new Place()
        const last = new Map<string, string>()
        let changes = 0
        for (const { rows, nowUs, sends } of files) {
          for (const { id, sector } of rows) {
            if (last.get(id) !== sector) changes++
            last.set(id, sector)
          }
          place.load(
            rows.map(({ id, sector }) => company(id, sector)),
            nowUs,
            sends
          )
        }
        expect(place.landed).toHaveLength(changes)
        const newest = place.landed
          .toSorted((left, right) => left.ingestion_timestamp - right.ingestion_timestamp)
          .map(({ company_id: id, vendor_data: said }) => [id, said!['sector']!] as const)
        expect(new Map(newest)).toEqual(last)
      })
    )
  })
})
