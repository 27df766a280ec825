/**
 * A batch that is lost on purpose in the real tree is found out by the next check: the equation of
 * that place fails, no other does, and log, metrics and API say so (R16).
 */
import { expect, test, vi } from 'vitest'
import { type Faults, noFaults } from '../../../src/actors/faults.ts'
import type { Checked } from '../../../src/machines/conservation.ts'
import { cleanUp, newFolder, startTree, type Tree } from '../support/runtime.ts'

cleanUp()
// Machines that run other tests at the same time start slowly.
vi.setConfig({ testTimeout: 240_000 })

const settings = {
  K2_SIMULATOR_RATE: '500',
  K2_DATA_TYPES: 'trades',
  K2_REFERENCE_INTERVAL: 'off'
} as const

interface Answer {
  readonly data: {
    readonly holds: boolean
    readonly broken: number
    readonly broken_since: string | null
    readonly equations: readonly Readonly<Record<string, unknown>>[]
  }
}

const ask = async (tree: Tree, query = ''): Promise<Answer['data']> => {
  const { shared } = tree
  await tree.until('the API', () => shared.http.current !== undefined)
  const response = await fetch(`${shared.http.current!.url}/v1/system/conservation${query}`)
  expect(response.status).toBe(200)
  return ((await response.json()) as Answer).data
}

const landed = (tree: Tree, rows: number) =>
  tree.until(
    `${rows} rows`,
    async () =>
      (await tree.metric('k2_landed_records', 'market.crypto.trades.simulated')) >= rows
  )

/** Loses one batch at a place, once it is told to. */
const losing = (point: Parameters<Faults['losesBatch']>[0]) => {
  const state = { isArmed: false, lost: false }
  const losesBatch: Faults['losesBatch'] = (at) => {
    if (!state.isArmed || at !== point) return false
    state.isArmed = false
    state.lost = true
    return true
  }
  return { state, faults: { ...noFaults, losesBatch } }
}

/** Everything that an operator can look at names the equation, and no other. */
const expectTold = async (tree: Tree, equation: string) => {
  await tree.until('the log line', () =>
    tree.lines.some(({ event }) => event === 'conservation.broken')
  )
  const { holds, broken, broken_since: since, equations } = await ask(tree, '?state=broken')
  expect(holds).toBe(false)
  expect(Date.parse(since!)).toBeLessThanOrEqual(Date.now())
  expect(new Set(equations.map((it) => it['equation']))).toEqual(new Set([equation]))
  expect(broken).toBe(equations.length)
  for (const it of equations) {
    expect(it).toMatchObject({ holds: false, exchange: 'SIMULATED', data_type: 'trades' })
    expect(it['difference']).toBeGreaterThan(0)
  }
  const lines = tree.lines.filter(({ event }) => event.startsWith('conservation.'))
  expect(lines.length).toBe(equations.length)
  for (const line of lines) {
    expect(line).toMatchObject({ level: 'error', event: 'conservation.broken', equation })
  }
  expect(await tree.metric('k2_conservation_broken_equations')).toBe(broken)
  expect(await tree.metric('k2_conservation_imbalance')).toBe(
    equations.reduce((sum, it) => sum + (it['difference'] as number), 0)
  )
  return equations
}

test.each([
  ['handover:trades', 'handover'],
  ['publisher:trades', 'publisher']
] as const)('at %s: the equation %s fails by the next check', async (point, equation) => {
  const { state, faults } = losing(point)
  const tree = startTree(newFolder(), settings, undefined, faults)
  await landed(tree, 300)
  expect(await ask(tree)).toMatchObject({ holds: true, broken: 0, broken_since: null })
  const note = vi.spyOn(tree.shared.conservation, 'note')
  const results = () => note.mock.results.map(({ value }) => value as Checked)
  state.isArmed = true
  await tree.until('the loss', () => state.lost)
  const before = results().length
  await tree.until('a check', () => results().some(({ began }) => began.length > 0))
  const found = results().findIndex(({ began }) => began.length > 0)
  // The batch may be settled in the turn after it was lost.
  expect(found - before).toBeLessThanOrEqual(1)
  const equations = await expectTold(tree, equation)
  // What is lost stays lost, and is said once.
  await landed(tree, 600)
  expect(tree.lines.filter(({ event }) => event === 'conservation.broken').length).toBe(
    equations.length
  )
  const symbols = equations.map((it) => it['symbol'])
  expect(symbols.filter((it) => it !== null).length).toBeGreaterThan(0)
  expect(symbols.includes(null)).toBe(equation === 'publisher')
})

test('in the lander: its partition fails, and still does after a restart', async () => {
  const folder = newFolder()
  const faults = { ...noFaults, landerLoses: { dataType: 'trades', batch: 3 } } as const
  const first = startTree(folder, settings, undefined, faults)
  const [equation] = await expectTold(first, 'landing')
  expect(equation).toMatchObject({ symbol: null })
  await first.drain()
  // The next process loses nothing: what the table lacks is in the sequence state.
  const second = startTree(folder, settings, undefined, { ...noFaults })
  const [again] = await expectTold(second, 'landing')
  expect([again!['partition'], again!['difference']]).toEqual([
    equation!['partition'],
    equation!['difference']
  ])
})

test('all terms are told, by symbol and partition, and hold over a restart', async () => {
  const folder = newFolder()
  const first = startTree(folder, settings)
  await landed(first, 300)
  await first.drain()
  const second = startTree(folder, settings)
  await landed(second, 600)
  const { holds, equations } = await ask(second)
  expect(holds).toBe(true)
  const named = (name: string) => equations.filter((it) => it['equation'] === name)
  expect(named('landing').length).toBeGreaterThan(1)
  const consumed = named('landing').map((it) => (it['left'] as { consumed: number }).consumed)
  // Since the table was made, by whichever process.
  expect(consumed.reduce((sum, records) => sum + records, 0)).toBeGreaterThanOrEqual(600)
  // A process that has just begun may land what an earlier one received, and receive nothing yet.
  const bitcoinOf = () => ask(second, '?symbol=BTCUSDT')
  await second.until('bitcoin', async () => (await bitcoinOf()).equations.length >= 3)
  const bitcoin = await bitcoinOf()
  expect(bitcoin.equations.map((it) => [it['equation'], it['tier']])).toEqual([
    ['feed', 1],
    ['handover', 1],
    ['publisher', 1]
  ])
  expect(await second.metric('k2_conservation_imbalance')).toBe(0)
})
