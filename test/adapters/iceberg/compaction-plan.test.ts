/** The layout of R22: what is merged, what is left alone, and that it comes to an end. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutByTime, type TimeBucket } from '../../../src/adapters/iceberg/compaction-cut.ts'
import {
  bucketUs,
  type CompactionGroup,
  dayUs,
  hourOf,
  hourUs,
  type LaidFile,
  type LayoutLimits,
  planCompaction
} from '../../../src/adapters/iceberg/compaction-plan.ts'
import { day0 } from './support.ts'

const startUs = day0 * dayUs
const minuteUs = 60_000_000
const longAfterUs = startUs + 1_000 * dayUs

const limits: LayoutLimits = {
  openRowsMax: 40,
  closedRowsMax: 100,
  openFilesMin: 4,
  groupRowsMax: 400,
  groupFilesMax: 16
}

let made = 0

/** A file of rows at these times. */
const fileAt = (times: readonly number[], exchange = 'BINANCE', sorted = true): LaidFile => {
  made += 1
  const path = `/data/${made}.parquet`
  return {
    location: `file://${path}`,
    path,
    recordCount: times.length,
    fileSizeBytes: times.length * 20,
    timestampLowerUs: Math.min(...times),
    timestampUpperUs: Math.max(...times),
    exchange,
    sorted
  }
}

/** `rows` rows between two times, counted in minutes from the start. */
const span = (fromMinute: number, toMinute: number, rows: number, sorted = true): LaidFile =>
  fileAt(
    Array.from(
      { length: rows },
      (_, row) =>
        startUs + Math.floor((fromMinute + ((toMinute - fromMinute) * row) / rows) * minuteUs)
    ),
    'BINANCE',
    sorted
  )

/** Closes the first hours of the day: what is newest lies in hour 10. */
const newest = () => span(600, 601, 39)

const plan = (files: readonly LaidFile[]) => planCompaction(files, longAfterUs, limits)
const namesOf = (group: CompactionGroup | null) => group?.files.map(({ location }) => location)
const locations = (...files: readonly LaidFile[]) => files.map(({ location }) => location)

describe('a closed hour', () => {
  it('is left alone when its files are in order, disjoint and large', () => {
    const hour = [span(0, 20, 60), span(20, 40, 70), span(40, 60, 55)]
    expect(plan([...hour, newest()])).toBeNull()
  })

  it('is left alone when small neighbours would not fit into one file', () => {
    expect(plan([span(0, 20, 49), span(20, 40, 60), span(40, 60, 45), newest()])).toBeNull()
  })

  it('has its small files merged, the oldest hour first', () => {
    const later = [span(61, 70, 5), span(71, 80, 5)]
    const first = [span(0, 5, 10), span(10, 15, 10), span(50, 59, 10)]
    const group = plan([...later, newest(), ...first.toReversed()])
    expect(namesOf(group)).toEqual(locations(...first))
    expect(group).toMatchObject({ exchange: 'BINANCE', day: day0, endUs: startUs + hourUs })
  })

  it('has files that overlap rewritten, without their good neighbours', () => {
    const [good, large, late] = [span(0, 20, 60), span(20, 40, 70), span(30, 31, 1)]
    expect(namesOf(plan([good, large, late, span(40, 60, 55), newest()]))).toEqual(
      locations(large, late)
    )
  })

  it('has an unsorted file and one that reaches into the next hour rewritten', () => {
    const unsorted = span(0, 20, 60, false)
    expect(namesOf(plan([unsorted, newest()]))).toEqual(locations(unsorted))
    const straddling = span(50, 62, 60)
    expect(namesOf(plan([straddling, newest()]))).toEqual(locations(straddling))
  })

  it('is merged in groups of bounded size where its files follow each other closely', () => {
    const files = Array.from({ length: 40 }, (_, index) => span(index, index + 1.2, 50))
    const group = plan([...files, newest()])!
    expect(group.files).toHaveLength(8)
    expect(group.endUs).toBe(startUs + 8 * minuteUs)
  })

  it('closes an hour after it ended, by the newest row of its exchange', () => {
    const files = [span(0, 5, 10), span(10, 15, 10)]
    expect(plan([...files, span(119, 119.5, 39)])).toBeNull()
    expect(namesOf(plan([...files, span(119, 120.1, 39)]))).toEqual(locations(...files))
    const other = fileAt([startUs + 5 * hourUs], 'KRAKEN')
    expect(plan([...files, other, span(119, 119.5, 39)])).toBeNull()
  })

  it('is not closed by rows that lie in the future', () => {
    const files = [span(0, 5, 10), span(10, 15, 10), newest()]
    expect(planCompaction(files, startUs + hourUs, limits)).toBeNull()
  })
})

describe('the newest hours', () => {
  it('have small neighbours merged when they fill a file', () => {
    const files = [span(0, 1, 15), span(1, 2, 15), span(2, 3, 15), span(3, 4, 5)]
    expect(namesOf(plan(files))).toEqual(locations(files[0]!, files[1]!))
  })

  it('have them merged when they are many, and not before', () => {
    const files = [span(0, 1, 2), span(1, 2, 2), span(2, 3, 2)]
    expect(plan(files)).toBeNull()
    const fourth = span(3, 4, 2)
    expect(namesOf(plan([...files, fourth]))).toEqual(locations(...files, fourth))
  })

  it('keep full files, and what stands on both sides of one apart', () => {
    const small = (minute: number) => span(minute, minute + 1, 2)
    const files = [small(0), small(1), span(2, 3, 30), small(4), small(5)]
    expect(plan(files)).toBeNull()
  })

  it('keep files that overlap: they are read in any case', () => {
    expect(plan([span(0, 2, 39), span(1, 3, 39)])).toBeNull()
  })
})

describe('files of somebody else', () => {
  it('are left alone without bounds or exchange', () => {
    const files = [span(0, 5, 10), span(10, 15, 10), newest()]
    const foreign = files.map((file) => ({ ...file, exchange: null }))
    expect(plan(foreign)).toBeNull()
    const unbounded = files.map((file) => ({ ...file, timestampUpperUs: Infinity }))
    expect(plan(unbounded)).toBeNull()
  })
})

/** A table in memory: each file with the times of its rows, rewritten as a plan says. */
class Layout {
  readonly #rows = new Map<string, readonly number[]>()
  files: LaidFile[] = []
  rewrittenRows = 0

  add(times: readonly number[], exchange: string, sorted = true): LaidFile {
    const file = fileAt(times, exchange, sorted)
    this.#rows.set(file.location, times)
    this.files.push(file)
    return file
  }

  rewrite(group: CompactionGroup): readonly LaidFile[] {
    const going = new Set(group.files.map(({ location }) => location))
    const times = group.files.flatMap(({ location }) => this.#rows.get(location)!)
    this.files = this.files.filter(({ location }) => !going.has(location))
    this.rewrittenRows += times.length
    const buckets = new Map<number, number>()
    for (const time of times) {
      const fromUs = Math.floor(time / bucketUs) * bucketUs
      buckets.set(fromUs, (buckets.get(fromUs) ?? 0) + 1)
    }
    const ascending = [...buckets]
      .map(([fromUs, rows]): TimeBucket => ({ fromUs, rows }))
      .sort((left, right) => left.fromUs - right.fromUs)
    return cutByTime(group, ascending, limits).map(({ fromUs, toUs, rows }) => {
      const its = times.filter((time) => time >= fromUs && time < toUs)
      expect(its).toHaveLength(rows)
      return this.add(its, group.exchange)
    })
  }

  get times(): readonly number[] {
    return this.files
      .flatMap(({ location }) => this.#rows.get(location)!)
      .sort((left, right) => left - right)
  }
}

const timesOf = fc
  .tuple(
    fc.integer({ min: 0, max: 30 * 60 }),
    fc.constantFrom(1, 50, 3_000, 90 * 60),
    fc.integer({ min: 1, max: 60 })
  )
  .chain(([fromSecond, lengthSeconds, count]) =>
    fc
      .array(fc.integer({ min: 0, max: lengthSeconds * 10 }), { minLength: 1, maxLength: count })
      .map((tenths) =>
        tenths.map((tenth) => startUs + fromSecond * 1_000_000 * 10 + tenth * bucketUs)
      )
  )

const tableOf = fc.array(
  fc.record({
    times: timesOf,
    exchange: fc.constantFrom('BINANCE', 'KRAKEN'),
    sorted: fc.boolean()
  }),
  { minLength: 1, maxLength: 60 }
)

const closedUsOf = (files: readonly LaidFile[], exchange: string): number =>
  hourOf(
    Math.max(...files.filter((it) => it.exchange === exchange).map((it) => it.timestampUpperUs)) -
      hourUs
  )

describe('compaction of any table', () => {
  it('ends, loses nothing, and leaves the layout of R22, which it does not touch again', () => {
    fc.assert(
      fc.property(tableOf, (table) => {
        const layout = new Layout()
        for (const { times, exchange, sorted } of table) layout.add(times, exchange, sorted)
        const before = layout.times
        let rounds = 0
        const rewrite = () => {
          for (; ; rounds += 1) {
            const group = plan(layout.files)
            if (group === null) return
            expect(rounds).toBeLessThan(20 * table.length)
            layout.rewrite(group)
          }
        }
        rewrite()
        expect(layout.times).toEqual(before)
        for (const exchange of ['BINANCE', 'KRAKEN']) {
          const files = layout.files
            .filter((it) => it.exchange === exchange)
            .sort((left, right) => left.timestampLowerUs - right.timestampLowerUs)
          const closedUs = closedUsOf(files, exchange)
          const closed = files.filter(({ timestampLowerUs }) => timestampLowerUs < closedUs)
          for (const [index, file] of closed.entries()) {
            expect(file.sorted).toBe(true)
            expect(hourOf(file.timestampUpperUs)).toBe(hourOf(file.timestampLowerUs))
            if (index > 0) {
              expect(file.timestampLowerUs).toBeGreaterThan(closed[index - 1]!.timestampUpperUs)
            }
          }
        }
        expect(plan(layout.files)).toBeNull()
      }),
      { numRuns: 300 }
    )
  }, 60_000)

  it('rewrites a row of a steady stream a few times only', () => {
    const layout = new Layout()
    for (let commit = 0; commit < 600; commit += 1) {
      const from = startUs + commit * 30_000_000
      layout.add([0, 1, 2, 3].map((row) => from + row * 1_000_000), 'BINANCE')
      for (;;) {
        const group = plan(layout.files)
        if (group === null) break
        layout.rewrite(group)
      }
    }
    expect(layout.rewrittenRows).toBeLessThan(5 * layout.times.length)
    expect(layout.files.length).toBeLessThan(70)
  })
})

describe('the cut of a group', () => {
  it('keeps hours and both sides of the end apart, and files about equally large', () => {
    const buckets = Array.from({ length: 300 }, (_, index) => ({
      fromUs: startUs + (index * 2 * hourUs) / 300,
      rows: 1
    }))
    const ranges = cutByTime(
      { endUs: startUs + hourUs / 2, closedUs: startUs + hourUs },
      buckets,
      limits
    )
    expect(ranges.map(({ rows }) => rows)).toEqual([75, 75, 38, 38, 38, 36])
    expect(ranges.every(({ fromUs, toUs }) => hourOf(fromUs) === hourOf(toUs - 1))).toBe(true)
  })

  it('puts rows of one bucket into one file, however many', () => {
    const buckets = [
      { fromUs: startUs, rows: 10 },
      { fromUs: startUs + bucketUs, rows: 500 },
      { fromUs: startUs + 2 * bucketUs, rows: 10 }
    ]
    const ends = { endUs: startUs + hourUs, closedUs: startUs + hourUs }
    expect(cutByTime(ends, buckets, limits).map(({ rows }) => rows)).toEqual([10, 500, 10])
  })
})
