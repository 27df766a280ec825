/**
 * Known-bad tables, made from a good one by a seed (`K2_TEST_SEED` repeats a run): each class of
 * fault is reported, with the very trades that were damaged.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, type TestContext } from 'vitest'
import { EvidenceIncomplete, type Explanation } from '../../../chaos/oracle/evidence.ts'
import { LogUnreadable } from '../../../chaos/oracle/log-dump.ts'
import { partitionOfKey } from '../../../chaos/oracle/murmur2.ts'
import { examineDelivery, type OracleInput } from '../../../chaos/oracle/oracle.ts'
import { faultClasses, type Verdict } from '../../../chaos/oracle/verdict.ts'
import { issuedHeader } from '../../../src/adapters/simulator/issued-record.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { formatDecimal } from '../../../src/market/decimal.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { land, landedTopic } from '../../support/landed-folder.ts'
import { pyIceberg } from '../../support/pyiceberg/pyiceberg.ts'
import { commitRows, rewriteFiles } from '../../support/table-damage.ts'
import { trade } from '../../support/trades.ts'
import { openTable } from '../../support/warehouse.ts'

const seed = Number(process.env['K2_TEST_SEED'] ?? randomInt(2 ** 31))

/** A number below `end` that follows from the seed and a name. */
const pick = (name: string, end: number): number => {
  let state = seed
  for (const byte of Buffer.from(name)) state = Math.imul(state ^ byte, 0x9e3779b1) >>> 0
  return ((state ^ (state >>> 15)) >>> 0) % end
}

const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']
const perSymbol = 200
const issuedMs = 1_700_000_000_000

const tradeAt = (symbol: string, id: number): TradeV2 =>
  trade(symbol, id, {
    timestamp: (issuedMs + id) * 1_000,
    price: 100_000_000n + BigInt(id * 12_345),
    quantity: BigInt(1 + id)
  })

const all = symbols.flatMap((symbol) =>
  Array.from({ length: perSymbol }, (_, index) => tradeAt(symbol, index + 1))
)

interface World {
  readonly root: string
  readonly issued: string
  readonly judge: (
    explanations?: readonly Explanation[],
    whole?: OracleInput['whole']
  ) => Promise<Verdict>
}

interface WorldOptions {
  /** Trades that the log never got. */
  readonly isMissing?: (it: TradeV2) => boolean
  readonly deliveriesOf?: (it: TradeV2) => number
}

const makeWorld = async (context: TestContext, options: WorldOptions = {}): Promise<World> => {
  const python = pyIceberg()
  if ('missing' in python) return context.skip(python.missing)
  await context.annotate(`K2_TEST_SEED=${seed}`)
  const root = mkdtempSync(join(tmpdir(), 'k2-oracle-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const { isMissing = () => false, deliveriesOf = () => 1 } = options
  const issued = join(root, 'issued')
  mkdirSync(issued)
  const lines = all.map((it) => {
    const ms = it.timestamp / 1_000
    const values = [formatDecimal(it.price), formatDecimal(it.quantity), ms, ms + 5]
    return [it.symbol, it.source_sequence, ...values, deliveriesOf(it)].join(',')
  })
  writeFileSync(join(issued, 'trades.csv'), `${[issuedHeader, ...lines].join('\n')}\n`)
  const captured = all.filter((it) => !isMissing(it))
  await land(root, captured.slice(0, 250))
  await land(root, captured.slice(250))
  const judge: World['judge'] = (explanations = [], whole) =>
    examineDelivery({
      issued,
      log: { folder: join(root, 'log'), topic: landedTopic },
      table: { metadata: openTable(root)!.metadataPath },
      explanations,
      ...(whole === undefined ? {} : { whole }),
      python: python.python
    })
  return { root, issued, judge }
}

const counts = ({ classes }: Verdict) =>
  Object.fromEntries(faultClasses.map((name) => [name, classes[name].count]))

const none = Object.fromEntries(faultClasses.map((name) => [name, 0]))

const victimOf = (name: string): TradeV2 => all[pick(name, all.length)]!

const nameOf = ({ symbol, source_sequence: id }: TradeV2): string => `${symbol} ${id}`

const isRow = ({ message_id: id }: TradeV2): string => `message_id = '${id}'`

describe(`known tables (K2_TEST_SEED=${seed})`, () => {
  test('a good one: nothing is wrong', async (context) => {
    const { judge } = await makeWorld(context)
    const verdict = await judge()
    expect(counts(verdict)).toEqual(none)
    expect(verdict).toMatchObject({ ok: true, issued: 600, logged: 600, landed: 600 })
  })

  test('a row was deleted: lost', async (context) => {
    const { root, judge } = await makeWorld(context)
    const victim = victimOf('deleted')
    await rewriteFiles(root, `SELECT * FROM input WHERE NOT ${isRow(victim)}`)
    const verdict = await judge()
    expect(counts(verdict)).toEqual({ ...none, lost: 1 })
    expect(verdict.ok).toBe(false)
    expect(verdict.classes.lost.examples[0]).toMatch(new RegExp(`^${nameOf(victim)} at offset`))
    const reason = { symbol: victim.symbol, reason: 'dead_lettered' }
    const id = victim.source_sequence!
    expect((await judge([{ ...reason, fromId: id, toId: id }])).ok).toBe(true)
  })

  test('a row is there twice: duplicate', async (context) => {
    const { root, judge } = await makeWorld(context)
    const victim = victimOf('doubled')
    await rewriteFiles(
      root,
      `SELECT * FROM input UNION ALL SELECT * FROM input WHERE ${isRow(victim)}`
    )
    const verdict = await judge()
    expect(counts(verdict)).toEqual({ ...none, duplicate: 1 })
    expect(verdict.classes.duplicate.examples[0]).toContain(`${nameOf(victim)}: 2 times`)
  })

  test('a price, a quantity, a time, an id of nobody: wrong-value', async (context) => {
    const { root, judge } = await makeWorld(context)
    const [price, quantity, time, id] = [0, 1, 2, 3].map(
      (index) => all[(pick('values', all.length) + 7 * index) % all.length]!
    ) as [TradeV2, TradeV2, TradeV2, TradeV2]
    await rewriteFiles(
      root,
      `SELECT * REPLACE (
         CASE WHEN ${isRow(price)} THEN price + 0.00000001::DECIMAL(18, 8) ELSE price
           END::DECIMAL(18, 8) AS price,
         CASE WHEN ${isRow(quantity)} THEN quantity + 1 ELSE quantity
           END::DECIMAL(18, 8) AS quantity,
         CASE WHEN ${isRow(time)} THEN "timestamp" + INTERVAL 1 MICROSECOND ELSE "timestamp"
           END AS "timestamp",
         CASE WHEN ${isRow(id)} THEN 'BINANCE:X:1' ELSE message_id END AS message_id)
       FROM input`
    )
    const verdict = await judge()
    expect(counts(verdict)).toEqual({ ...none, 'wrong-value': 4 })
    const examples = verdict.classes['wrong-value'].examples.join('\n')
    for (const victim of [price, quantity, time, id]) expect(examples).toContain(nameOf(victim))
  })

  test('a row that nobody issued: wrong-value', async (context) => {
    const { root, judge } = await makeWorld(context)
    await commitRows(root, [tradeAt('BTCUSDT', 9_999)], { offset: 100_000 })
    const verdict = await judge()
    expect(counts(verdict)).toEqual({ ...none, 'wrong-value': 1 })
    expect(verdict.classes['wrong-value'].examples).toEqual(['BTCUSDT 9999: nobody issued it'])
  })

  test('a row at an offset of another record: wrong-value', async (context) => {
    const { root, judge } = await makeWorld(context)
    const victim = victimOf('moved')
    await rewriteFiles(
      root,
      `SELECT * REPLACE (CASE WHEN ${isRow(victim)} THEN (k2_offset + 1) % 100
         ELSE k2_offset END AS k2_offset) FROM input`
    )
    const verdict = await judge()
    expect(counts(verdict)).toEqual({ ...none, 'wrong-value': 1 })
    expect(verdict.classes['wrong-value'].examples[0]).toContain(`${nameOf(victim)}: the log has`)
  })

  test('a row of another day, one of another log partition: wrong-partition', async (context) => {
    const { root, judge } = await makeWorld(context)
    const [first, second] = [victimOf('day'), all[(all.indexOf(victimOf('day')) + 9) % 600]!]
    const keep = `NOT ${isRow(first)} AND NOT ${isRow(second)}`
    await rewriteFiles(root, `SELECT * FROM input WHERE ${keep}`)
    await commitRows(root, [first], { offset: 100_000, day: 3 })
    await commitRows(root, [second], { offset: 100_001, isWrongPartition: true })
    const verdict = await judge()
    expect(counts(verdict)).toEqual({ ...none, 'wrong-partition': 2 })
    const examples = verdict.classes['wrong-partition'].examples.join('\n')
    expect(examples).toContain(`${nameOf(first)}: in a file of BINANCE, day 3`)
    expect(examples).toMatch(new RegExp(`${nameOf(second)}: from .*, its partition is`))
  })

  test('holes: unexplained unless somebody says why', async (context) => {
    const from = 1 + pick('hole', perSymbol - 10)
    const isMissing = ({ symbol, source_sequence: id }: TradeV2) =>
      symbol === 'ETHUSDT' && id! >= from && id! < from + 10
    const { issued, judge } = await makeWorld(context, { isMissing })
    const verdict = await judge()
    expect(counts(verdict)).toEqual({ ...none, 'unexplained-hole': 10 })
    expect(verdict.classes['unexplained-hole'].examples[0]).toMatch(/^ETHUSDT \d+, issued at/)

    const half = { symbol: 'ETHUSDT', fromId: from, toId: from + 4, reason: 'shed' }
    const partly = await judge([half])
    expect(partly.classes['unexplained-hole'].count).toBe(5)
    expect(partly.explained).toEqual({ shed: 5 })
    const other = await judge([{ ...half, symbol: 'BTCUSDT' }])
    expect(other.classes['unexplained-hole'].count).toBe(10)
    const fromMs = issuedMs + from + 5
    const killed = { symbol: '*', fromMs, toMs: fromMs + 9, reason: 'ingest_killed' }
    expect(await judge([killed])).toMatchObject({ ok: true, explained: { ingest_killed: 10 } })

    // The exchange's own record: the only connection was cut a moment later.
    writeFileSync(
      join(issued, 'connections.csv'),
      `connection,opened_ms,closed_ms,reason\n1,${issuedMs},${fromMs + 100},fault_drop\n`
    )
    expect(await judge()).toMatchObject({ ok: true, explained: { connection_ended: 10 } })
  })

  test('what reached nobody is explained, what two connections got is not', async (context) => {
    const isMissing = ({ source_sequence: id }: TradeV2) => id! >= 50 && id! < 60
    const deliveriesOf = ({ symbol }: TradeV2) => symbols.indexOf(symbol)
    const { issued, judge } = await makeWorld(context, { isMissing, deliveriesOf })
    writeFileSync(
      join(issued, 'connections.csv'),
      `connection,opened_ms,closed_ms,reason\n1,${issuedMs},${issuedMs + 80},client_closed\n`
    )
    const verdict = await judge()
    expect(verdict.explained).toEqual({ not_delivered: 10, connection_ended: 10 })
    expect(counts(verdict)).toEqual({ ...none, 'unexplained-hole': 10 })
    expect(verdict.classes['unexplained-hole'].examples[0]).toMatch(/^SOLUSDT .* to 2 connections/)

    // Issued 5 ms after its id says: of 50 to 59, 54 to 56 of each symbol.
    const whole = { fromMs: issuedMs + 59, toMs: issuedMs + 61 }
    const strict = await judge([{ symbol: '*', fromId: 50, toId: 59, reason: 'shed' }], whole)
    expect(counts(strict)).toEqual({ ...none, 'unexplained-hole': 9 })
  })

  test('what came before anybody listened is told apart from later', async (context) => {
    const isMissing = ({ symbol, source_sequence: id }: TradeV2) =>
      symbol === 'BTCUSDT' && (id! < 20 || (id! >= 50 && id! < 60))
    const deliveriesOf = (trade: TradeV2) => (isMissing(trade) ? 0 : 1)
    const { judge } = await makeWorld(context, { isMissing, deliveriesOf })
    const { ok, explained } = await judge()
    expect(ok).toBe(true)
    expect(explained['not_delivered']).toBe(10)
    expect(explained['before_first_delivery']).toBeGreaterThan(0)
  })
})

describe('evidence that is not whole', () => {
  test('a record that was full says nothing', async (context) => {
    const { issued, judge } = await makeWorld(context)
    const path = join(issued, 'trades.csv')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, `${text}#full\n`)
    await expect(judge()).rejects.toThrow(EvidenceIncomplete)
    writeFileSync(path, text.slice(0, -3))
    await expect(judge()).rejects.toThrow(/in the midst of a line/)
    rmSync(path)
    await expect(judge()).rejects.toThrow(/no record/)
  })

  test('a log that is damaged is no witness', async (context) => {
    const { root, judge } = await makeWorld(context)
    const folder = join(root, 'log', `${landedTopic}-0`)
    const [name] = readdirSync(folder).filter((it) => it.endsWith('.log'))
    writeFileSync(join(folder, '00000000000000099999.log'), '')
    const bytes = readFileSync(join(folder, name!))
    bytes[200]! ^= 1
    writeFileSync(join(folder, name!), bytes)
    await expect(judge()).rejects.toThrow(LogUnreadable)
    await expect(judge()).rejects.toThrow(/the checksum differs/)
  })
})

test('the two hashes of a key agree, though neither knows the other', () => {
  for (let length = 0; length < 40; length++) {
    const key = 'BTCUSDT-äöü-1000SHIBUSDT-😀-ETHBTC-XRPUSDT'.slice(0, length)
    for (const count of [1, 4, 7, 256]) {
      expect(partitionOfKey(key, count)).toBe(partitionOf(key, count))
    }
  }
})
