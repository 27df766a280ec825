/** Files into a log that is killed anywhere, folded as the lander folds it (R26). */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as Effect from 'effect/Effect'
import * as fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { tradesSpec } from '../../../src/actors/data-types.ts'
import { type LoadTarget, loadFile } from '../../../src/actors/operator/load-files.ts'
import { LoadRefused } from '../../../src/actors/operator/load-log.ts'
import { numberedRecords } from '../../../src/actors/operator/row-records.ts'
import { forEachRecord } from '../../../src/adapters/log/record-batch.ts'
import {
  emptyPartitionState,
  foldRecord,
  type PartitionState
} from '../../../src/machines/partition-fold.ts'
import { tradeRules } from '../../../src/machines/trade-rules.ts'
import { exchangeFacts, type LoadSource } from '../../../src/market/load/load-source.ts'
import { tradeForms } from '../../../src/market/load/row-forms.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../../../src/market/sequence.ts'

const folder = mkdtempSync(join(tmpdir(), 'k2-load-'))
afterAll(() => rmSync(folder, { recursive: true }))

const source = {
  exchange: 'ASX',
  symbol: 'BHP',
  companyId: undefined,
  ...exchangeFacts('ASX')
} as LoadSource

const fill = '03/10/2014,13:55:41.879,1.11,3000,0,,'
const digest = (text: string) =>
  createHash('sha256').update(text).digest('hex').slice(0, 12)

/** A log of one partition, and what has landed of it. */
class Place {
  readonly log: TradeV2[] = []
  readonly landed: string[] = []
  state: PartitionState = emptyPartitionState()
  #position = 0

  /** Lands so many of the log's records, or all. */
  land(count = Number.POSITIVE_INFINITY): void {
    const until = Math.min(this.log.length, this.#position + count)
    for (; this.#position < until; this.#position++) {
      const record = this.log[this.#position]!
      foldRecord(
        this.state,
        { offset: this.#position, key: record.symbol, record },
        { rules: tradeRules, limits: defaultSequenceLimits, ownsKey: () => true },
        {
          land: ({ message_id: id }) => this.landed.push(id),
          deadLetter: ({ detail }) => expect.fail(detail)
        }
      )
    }
    this.state = JSON.parse(JSON.stringify(this.state)) as PartitionState
  }

  /** A load that is killed after so many appended batches, the last of which may be resent. */
  load(path: string, options: { killAfter?: number; resends?: boolean; batchRows?: number } = {}) {
    const { killAfter = Number.POSITIVE_INFINITY, resends = false, batchRows = 3 } = options
    const rejects: { line: number; reason: string; raw: string }[] = []
    const codec = tradesSpec.makeCodec()
    let appended = 0
    const to: LoadTarget<TradeV2> = {
      codec,
      load: {
        partitions: 1,
        sequences: this.state.sequences,
        append: (_partition, packed) =>
          Effect.suspend(() => {
            if (appended++ >= killAfter) return Effect.fail(new LoadRefused({ detail: 'killed' }))
            for (let time = resends ? 0 : 1; time < 2; time++) {
              forEachRecord({ ...packed, baseOffset: 0 }, ({ valueStart, valueEnd }) => {
                this.log.push(codec.decode(packed.bytes, valueStart, valueEnd))
              })
            }
            return Effect.void
          }),
        finish: Effect.never
      }
    }
    const loading = loadFile(path, {
      forms: tradeForms,
      source,
      to,
      records: numberedRecords<TradeV2>((content, { messageId, ownId, sequence }) => ({
        ...content,
        message_id: messageId,
        trade_id: ownId,
        source_sequence: sequence
      })),
      batchRows,
      reject: (row) => rejects.push(row),
      progress: () => undefined
    })
    return Effect.runPromise(
      Effect.match(loading, {
        onSuccess: (file) => ({ file, rejects, failed: null }),
        onFailure: ({ message: failed }) => ({ file: null, rejects, failed })
      })
    )
  }
}

const fileOf = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('a file that is loaded', () => {
  test('identical rows are separate fills; twice loaded, also compressed, is once', async () => {
    const text = `${[fill, fill, fill, fill].join('\r\n')}\r\n`
    const place = new Place()
    const { file } = await place.load(fileOf('twice.csv', text))
    place.land()
    expect(file).toMatchObject({ load: digest(text), rows: 4, rejected: 0, skipped: 0 })
    expect(place.landed).toEqual([1, 2, 3, 4].map((n) => `ASX:BHP:${digest(text)}-${n}`))
    const again = await place.load(fileOf('other-name.csv.gz', gzipSync(text)))
    place.land()
    expect(again.file).toMatchObject({ load: digest(text), rows: 4, skipped: 4, otherLoads: [] })
    expect(place.landed).toHaveLength(4)
  })

  test('one byte more is another load, and the report says so', async () => {
    const place = new Place()
    await place.load(fileOf('one.csv', fill))
    place.land()
    const { file } = await place.load(fileOf('one.csv', `${fill}\n`))
    place.land()
    expect(file!.otherLoads).toEqual([digest(fill)])
    expect(place.landed).toHaveLength(2)
  })

  test('a bad row costs itself, by line and reason; others have no holes', async () => {
    const text = [fill, 'nonsense', '', fill, '03/10/2014,"13:55', `x"y,1,2`, fill].join('\n')
    const place = new Place()
    const { file, rejects } = await place.load(fileOf('bad.csv', text))
    place.land()
    expect(rejects).toContainEqual({
      line: 2,
      reason: '1 fields where there are 7 columns',
      raw: 'nonsense'
    })
    expect(file!.rejected).toBe(rejects.length)
    expect(place.landed.length).toBe(file!.rows - file!.rejected)
    expect(place.landed.slice(0, 2)).toEqual([1, 2].map((n) => `ASX:BHP:${digest(text)}-${n}`))
  })

  test('a file of no known form, and one that is absent, are named', async () => {
    const place = new Place()
    expect((await place.load(fileOf('no.csv', 'a,b\n1,2'))).failed).toContain('no.csv: neither')
    expect((await place.load(join(folder, 'absent.csv'))).failed).toContain('absent.csv')
    expect((await place.load(fileOf('empty.csv', ''))).file).toMatchObject({ rows: 0 })
    const cut = gzipSync(`${fill}\n`.repeat(100)).subarray(0, 40)
    expect((await place.load(fileOf('cut.csv.gz', cut))).failed).toContain('cut.csv.gz')
  })

  test('killed anywhere, landed as far as you like, resent: each row is there once', async () => {
    const run = fc.record({
      killAfter: fc.integer({ min: 0, max: 8 }),
      resends: fc.boolean(),
      batchRows: fc.integer({ min: 1, max: 7 }),
      lands: fc.integer({ min: 0, max: 30 })
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.array(run, { maxLength: 5 }),
        async (rows, runs) => {
          const text = `${fill}\n`.repeat(rows)
          const path = fileOf('property.csv', text)
          const place = new Place()
          for (const { lands, ...killed } of runs) {
            await place.load(path, killed)
            place.land(lands)
          }
          expect((await place.load(path)).failed).toBeNull()
          place.land()
          const ids = Array.from({ length: rows }, (_, at) => `ASX:BHP:${digest(text)}-${at + 1}`)
          expect(place.landed).toEqual(ids)
        }
      ),
      { numRuns: 60 }
    )
  })
})
