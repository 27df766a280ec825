/** `k2 cost` as its users call it, over the repository's own results and over other files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { presets } from '../../../src/cli/cost/cost-command.ts'
import { commitRows, commitSeconds } from '../../../src/cli/cost/cost-model.ts'
import { shippedResults, wanted } from '../../../src/cli/cost/measured-costs.ts'
import { faultsOf, shippedPrices } from '../../../src/cli/cost/price-table.ts'
import { k2 } from '../../support/k2-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'k2-cost-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Flags for all that is measured but one. */
const givenBut = (left?: string): readonly string[] =>
  Object.values(wanted).flatMap(({ flag }) => (flag === left ? [] : [flag, '1000']))

interface Printed {
  readonly monthly: number
  readonly parts: ReadonlyArray<{ readonly id: string; readonly monthly: number }>
  readonly inputs: Readonly<Record<string, { readonly value: number; readonly measured?: object }>>
}

const computed = async (...args: readonly string[]): Promise<Printed> => {
  const { code, printed, complaints } = await k2('cost', ...args, '--json')
  expect(complaints).toBe('')
  expect(code).toBe(0)
  return JSON.parse(printed) as Printed
}

const file = (name: string, content: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('from what was measured', () => {
  test('every input says which run it is from', async () => {
    const { inputs, parts, monthly } = await computed()
    expect(parts.reduce((sum, part) => sum + part.monthly, 0)).toBeCloseTo(monthly, 6)
    for (const key of Object.keys(wanted)) {
      expect(inputs[key]?.measured, key).toMatchObject({
        date: expect.stringMatching(/^\d{4}-/) as string,
        commit: expect.stringMatching(/^[0-9a-f]{40}/) as string,
        command: expect.stringMatching(/^npm run bench/) as string
      })
    }
  })

  test('a person reads parts, total, inputs with files, prices with sources', async () => {
    const { code, printed } = await k2('cost', '--rate', '10000')
    expect(code).toBe(0)
    expect(printed).toContain('10,000 messages/s, kept 90 days')
    expect(printed).toMatch(/^total .* 100\.0 %$/m)
    expect(printed).toMatch(/^per million messages +0\.\d+$/m)
    expect(printed).toMatch(/^bytes in the table +\d.*\.json, \d{4}-\d\d-\d\d, /m)
    expect(printed).toMatch(/^0\.\d+ USD per vCPU hour .* https:\/\/.* \d{4}-\d\d/m)
  })

  test('the newest counts that is no failure and says how it was made', async () => {
    const figure = (median: number, startedAt: string, status = 'ok') => ({
      id: 'sizes',
      status,
      startedAt,
      measures: [{ name: wanted.tableBytes.measure, unit: 'B', median }]
    })
    const environment = { commit: 'c', cpu: 'some' }
    const figures = [
      figure(11, '2026-01-02T00:00:00Z'),
      figure(12, '2026-01-03T00:00:00Z'),
      figure(13, '2026-01-04T00:00:00Z', 'failed')
    ]
    const results = mkdtempSync(join(folder, 'results-'))
    const write = (name: string, report: object) =>
      writeFileSync(join(results, name), JSON.stringify(report))
    write('a.json', { environment, command: 'npm run bench', figures })
    write('b.json', { environment, figures: [figure(14, '2026-01-05T00:00:00Z')] })
    const { inputs } = await computed('--results', results, ...givenBut(wanted.tableBytes.flag))
    expect(inputs['tableBytes']).toMatchObject({ value: 12, measured: { file: 'a.json' } })
    expect(inputs['logBytes']).toEqual({ value: 1_000 })
  })

  test('processor time per trade becomes trades per second of a core', async () => {
    const { inputs } = await computed()
    const kafka = JSON.parse(readFileSync(join(shippedResults, 'kafka.json'), 'utf8')) as {
      figures: { measures: { name: string; median: number }[] }[]
    }
    const { median } = kafka.figures[0]!.measures.find(
      ({ name }) => name === wanted.ratePerCore.measure
    )!
    expect(inputs['ratePerCore']!.value).toBeCloseTo(1e6 / median, 6)
  })

  test('where nothing was measured, it says what to run or to give', async () => {
    const { code, printed, complaints } = await k2('cost', '--results', join(folder, 'none'))
    expect([code, printed]).toEqual([2, ''])
    expect(complaints).toContain('npm run bench -- --only kafka,sizes,maintenance')
    for (const { flag } of Object.values(wanted)) expect(complaints).toContain(flag)
  })

  test('with all figures given, no result is needed', async () => {
    const { inputs } = await computed('--results', join(folder, 'none'), ...givenBut())
    expect(Object.values(inputs)).toEqual(Array.from({ length: 5 }, () => ({ value: 1_000 })))
  })

  test('a file that is no result is named', async () => {
    const broken = mkdtempSync(join(folder, 'broken-'))
    writeFileSync(join(broken, 'x.json'), '{"figures": ')
    const { code, complaints } = await k2('cost', '--results', broken)
    expect(code).toBe(2)
    expect(complaints).toContain(join(broken, 'x.json'))
  })
})

describe('wrong flags', () => {
  test.each([
    ['--rate', '0', 'a whole number from 1 to 1000000000'],
    ['--rate', '1.5', 'a whole number'],
    ['--rate', '1e6', 'a whole number'],
    ['--retention', '90', 'such as 90d'],
    ['--log-retention', '0d', 'such as 90d'],
    ['--replication', '16', 'from 1 to 15'],
    ['--utilisation', '0', 'from 0.01 to 1'],
    ['--bytes-per-trade', '-1', 'above 0'],
    ['--rate-per-core', 'many', 'above 0'],
    ['--price-table', 'none.json', 'copy deploy/prices.json']
  ])('%s %s is told with what it may be', async (flag, value, allowed) => {
    const { code, printed, complaints } = await k2('cost', `${flag}=${value}`)
    expect([code, printed]).toEqual([2, ''])
    expect(complaints).toContain(`${flag} `)
    expect(complaints).toContain(value)
    expect(complaints).toContain(allowed)
  })

  test('all at once', async () => {
    const { complaints } = await k2('cost', '--rate', 'x', '--replication', 'y')
    expect(complaints).toMatch(/--rate is x.*\n--replication is y/)
  })
})

describe('prices', () => {
  interface Table {
    version?: number
    name: string
    readonly prices: Record<string, Record<string, unknown>>
  }
  const shipped = JSON.parse(readFileSync(shippedPrices, 'utf8')) as Table
  const changed = (change: (table: Table) => void): Table => {
    const table = structuredClone(shipped)
    change(table)
    return table
  }

  test('those that are shipped are whole', () => {
    expect(faultsOf(shipped)).toEqual([])
  })

  test("a table of one's own takes their place", async () => {
    const own = changed(({ prices }) => Object.assign(prices['vcpuHour']!, { price: 0 }))
    const { parts } = await computed('--price-table', file('own.json', own))
    expect(parts.find(({ id }) => id === 'k2')?.monthly).toBe(0)
    expect(parts.find(({ id }) => id === 'table')?.monthly).toBeGreaterThan(0)
  })

  test.each<readonly [string, (table: Table) => void]>([
    ['prices.zoneGb is missing', ({ prices }) => delete prices['zoneGb']],
    ['prices.zone is unknown', ({ prices }) => Object.assign(prices, { zone: {} })],
    ['prices.vcpuHour.price is -1', ({ prices }) => (prices['vcpuHour']!['price'] = -1)],
    ['prices.vcpuHour.price is "1"', ({ prices }) => (prices['vcpuHour']!['price'] = '1')],
    ['prices.putPer1000.what is missing', ({ prices }) => delete prices['putPer1000']!['what']],
    ['prices.zoneGb.sourceDate is 5', ({ prices }) => (prices['zoneGb']!['sourceDate'] = 5)],
    ['version is missing', (table) => delete table.version],
    ['name is ""', (table) => (table.name = '')]
  ])('%s', async (fault, change) => {
    const { code, complaints } = await k2('cost', '--price-table', file('x.json', changed(change)))
    expect(code).toBe(2)
    expect(complaints).toContain(fault)
  })

  test.each(['[]', 'null', '{"version": 1}', 'no JSON'])('%s is no table', async (text) => {
    const { code, complaints } = await k2('cost', '--price-table', file('y.json', text))
    expect(code).toBe(2)
    expect(complaints).toContain('--price-table')
  })
})

test('the presets are those of K2 and of its topics', () => {
  const config = readConfig({}, [])
  expect(config.commitAgeMs / 1_000).toBe(commitSeconds)
  expect(config.commitRowsMax).toBe(commitRows)
  const { topics } = JSON.parse(
    readFileSync(new URL('../../../deploy/kafka/topics.json', import.meta.url), 'utf8')
  ) as { topics: { pattern: string; retention?: string; compression: string }[] }
  expect(topics.find(({ pattern }) => pattern.includes('trades'))).toMatchObject({
    retention: `${presets.logRetentionDays}d`,
    compression: 'lz4'
  })
})
