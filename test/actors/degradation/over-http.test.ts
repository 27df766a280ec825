/** The degradation manager of a whole K2, as an operator sees it and tells it. */
import { expect, test, vi } from 'vitest'
import { k2 } from '../../support/k2-command.ts'
import { cleanUp, newFolder, startTree } from '../support/runtime.ts'

cleanUp()
vi.setConfig({ testTimeout: 300_000 })

const start = async () => {
  const tree = startTree(newFolder(), {
    K2_DEGRADATION_INTERVAL: '100ms',
    K2_DEGRADATION_COOLDOWN: '300ms',
    K2_MEMORY_LIMIT: '64GiB'
  })
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${tree.shared.http.current!.url}${path}`, init)
    const text = await response.text()
    const body = text.startsWith('{') ? JSON.parse(text) : {}
    return { response, status: response.status, body }
  }
  const reach = (level: string) =>
    tree.until(level, async () => (await get('/v1/system/degradation')).body.data.level === level)
  await tree.until('readiness', async () => {
    return tree.shared.http.current !== undefined && (await get('/health/ready')).status === 200
  })
  return { tree, get, reach, url: tree.shared.http.current!.url }
}

const data = ['/v1/trades', '/v1/quotes', '/v1/symbols', '/v1/snapshots', '/v1/reference-data']

test('injected by command: seen everywhere, refused where it costs, taken away', async () => {
  const { tree, get, reach, url } = await start()
  await tree.until('rows', async () => (await tree.metric('k2_landed_records')) > 0)
  for (const path of data) expect((await get(path)).status).toBe(200)
  const injected = await k2('pressure', 'inject', '--url', url, '--level', 'circuitBreak')
  expect([injected.code, injected.complaints]).toEqual([0, ''])
  expect(injected.printed).toMatch(/^pressure 0\.95 is injected until \d{4}-/)
  await reach('circuitBreak')

  for (const path of data) {
    const { response, status, body } = await get(path)
    expect([path, status, body.code]).toEqual([path, 503, 'overloaded'])
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  }
  const health = await get('/health')
  expect([health.status, health.body.level, health.body.status]).toEqual([
    200,
    'circuitBreak',
    'degraded'
  ])
  expect(await tree.metric('k2_degradation_level')).toBe(4)
  expect((await get('/v1/system/actors')).status).toBe(200)

  const { data: shown } = (await get('/v1/system/degradation')).body
  expect(shown).toMatchObject({
    level: 'circuitBreak',
    quotes_level: 'circuitBreak',
    since: expect.stringMatching(/^\d{4}-/),
    policy: { is_paused: true, trades_taken: { tier_1: 0, tier_2: 0, tier_3: 0 } },
    cooldown: { configured_seconds: 0.3 },
    injected: { value: 0.95 }
  })
  expect(shown.history[0]).toMatchObject({
    from: 'normal',
    to: 'circuitBreak',
    signal: 'injected',
    value: 0.95,
    threshold: 0.95,
    reason: expect.stringContaining('injected is 95.0 %')
  })
  const memory = shown.signals.find(({ signal }: { signal: string }) => signal === 'memory')
  expect(memory).toMatchObject({
    limit: 64 * 1_024 ** 3, unit: 'bytes', state: 'fresh', level: 'normal',
    age_seconds: expect.any(Number)
  })
  expect(memory.marks.enter[0]).toBeCloseTo(0.7 * 64 * 1_024 ** 3, -1)
  expect(memory.value).toBeGreaterThan(10 * 1_024 ** 2)

  const cleared = await k2('pressure', 'clear', '--url', url)
  expect([cleared.code, cleared.printed.startsWith('no pressure is injected')]).toEqual([0, true])
  await reach('normal')
  expect((await get('/v1/trades')).status).toBe(200)
  expect(await tree.metric('k2_degradation_transitions_total')).toBe(5)
})

test('injected over HTTP: it expires by itself, and levels come back one by one', async () => {
  const { get, reach } = await start()
  const answer = await get('/v1/system/pressure', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ value: 0.82, expires_seconds: 1 })
  })
  expect(answer.status).toBe(200)
  await reach('graceful')
  await reach('normal')
  const { data: shown } = (await get('/v1/system/degradation')).body
  expect(shown.injected).toBeNull()
  const path = shown.history
    .filter(({ scope }: { scope: string }) => scope === 'all')
    .map(({ from, to }: { from: string; to: string }) => `${from} > ${to}`)
  expect(path).toEqual(['soft > normal', 'graceful > soft', 'normal > graceful'])
})

test.each([
  [['pressure', 'inject'], 'give either --level or --value'],
  [['pressure', 'inject', '--level', 'soft', '--value', '0.7'], 'give either --level or --value'],
  [['pressure', 'inject', '--levle', 'soft'], 'did you mean --level?'],
  [['pressure', 'clear', '--url', 'http://127.0.0.1:1'], 'http://127.0.0.1:1: no K2 answers there']
])('%j ends with 2, and says why', async (args, told) => {
  const { code, complaints } = await k2(...args)
  expect(code).toBe(2)
  expect(complaints).toContain(told)
})

test('what the API refuses is told', async () => {
  const { url } = await start()
  const { code, complaints } = await k2('pressure', 'inject', '--url', url, '--level', 'worst')
  expect(code).toBe(2)
  expect(complaints).toContain('HTTP 400')
  expect(complaints).toContain('one of soft, graceful, aggressive, circuitBreak')
})
