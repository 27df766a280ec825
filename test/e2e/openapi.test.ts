/**
 * The API of a running K2 against its document: each address is asked with what the document allows
 * and with what it does not, and every answer is as the document says.
 */
import { expect, test } from 'vitest'
import { lookAround } from '../../docs/examples/client.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { type ApiDocument, makeConformance } from '../../src/cli/check/conformance.ts'
import { type DocumentedRequest, requestsOf } from '../support/openapi/requests.ts'

const k2s = k2Fixture()

/** Nothing is quarantined here, so that nothing can be released. */
const neverSucceeds = new Set(['post_v1_system_actors_path_release'])

/** K2 ends once it is asked: a valid request of it is the last one. */
const drains = ({ path, isValid }: DocumentedRequest) => path === '/v1/system/drain' && isValid

/** Who watches, or follows live, is never at an end: that it begins is enough. */
const textOf = async (response: Response, url: string): Promise<string> => {
  const isEndless = url.includes('live=true') || url.startsWith('/v1/system/watch')
  if (!response.ok || !isEndless) return response.text()
  await response.body?.cancel()
  return ''
}

test('every answer is as the document says', async () => {
  const k2 = k2s.start({ K2_DATA_DIR: k2s.dataFolder(), K2_COMMIT_AGE: '200ms' })
  const url = await k2.ready()
  for (const type of ['trades', 'quotes', 'reference_data'])
    await k2.atLeast('k2_landed_records', 1, {
      topic: `market.crypto.${type}.simulated`
    })
  const document = JSON.parse((await k2.get('/openapi.json')).text) as ApiDocument
  const { faults } = makeConformance(document)
  const succeeded = new Set<string>()
  const found: string[] = []
  // An example's day has no trades: this one has.
  const { data: records, meta } = JSON.parse((await k2.get('/v1/trades?limit=1')).text)
  const [newest] = records
  const traded = {
    path: '/v1/summary/{symbol}/{date}',
    method: 'GET',
    url: `/v1/summary/${newest.symbol}/${newest.timestamp.slice(0, 10)}`,
    init: {},
    isValid: true
  }
  // Nor is there a snapshot by the example's id.
  const kept = {
    path: '/v1/snapshots/{snapshot_id}/query',
    method: 'POST',
    url: `/v1/snapshots/${meta.snapshot_id}/query`,
    init: { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
    isValid: true
  }
  const compared = {
    path: '/v1/snapshots/{snapshot_id}/diff',
    method: 'GET',
    url: `/v1/snapshots/${meta.snapshot_id}/diff`,
    init: {},
    isValid: true
  }
  // What docs/client.md shows of the client.
  const [first, , , candle, sum, remedy] = await lookAround(url)
  expect(first).toMatch(/^[A-Z]+ \d+\.\d{8} @ \d+\.\d{8}$/)
  expect(candle).toMatch(/ \d+\.\d{8} to \d+\.\d{8}, \d+\.\d{8} traded, [a-z]+$/)
  expect(sum).toMatch(/^\d+ trades, volume \d+\.\d{8}$/)
  expect(remedy).toMatch(/^start_time: an ISO 8601 time/)
  const requests = [traded, kept, compared, ...requestsOf(document)]
  const [last] = requests.filter(drains)
  for (const request of [...requests.filter((it) => !drains(it)), last!]) {
    const { path, method, init, isValid } = request
    const response = await fetch(`${url}${request.url}`, init)
    const { status, headers } = response
    const answer = { status, headers, text: await textOf(response, request.url) }
    const { operationId } = document.paths[path]![method.toLowerCase()]!
    if (response.ok) succeeded.add(operationId)
    const unexpected = isValid ? status >= 500 : status < 400 || status >= 500
    const all = [
      ...faults(path, method, answer),
      ...(unexpected ? [`answers ${status}: ${answer.text.slice(0, 200)}`] : [])
    ]
    found.push(...all.map((fault) => `${method} ${request.url} ${JSON.stringify(init)}: ${fault}`))
  }
  expect(found).toEqual([])
  const operations = Object.values(document.paths).flatMap((it) => Object.values(it))
  expect(
    operations
      .map(({ operationId }) => operationId)
      .filter((id) => !succeeded.has(id) && !neverSucceeds.has(id))
  ).toEqual([])
}, 900_000)
