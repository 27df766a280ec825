/** Traces of the real tree, as a collector gets them over HTTP. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { cleanUp, newFolder, startTree, type Tree } from '../support/runtime.ts'

cleanUp()
vi.setConfig({ testTimeout: 120_000 })

interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly {
    readonly key: string
    readonly value: Readonly<Record<string, string>>
  }[]
}

interface TracesBody {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[]
  }[]
}

/** @param status that it answers with */
const openCollector = async (status: number) => {
  const spans: OtlpSpan[] = []
  const asked: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      asked.push({ path: request.url!, headers: request.headers })
      const body = JSON.parse(Buffer.concat(chunks).toString()) as TracesBody
      for (const { scopeSpans } of body.resourceSpans)
        for (const scope of scopeSpans) spans.push(...scope.spans)
      response.writeHead(status).end('{}')
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { endpoint, spans, asked }
}

const traced = (endpoint: string, settings: Readonly<Record<`K2_${string}`, string>> = {}) =>
  startTree(newFolder(), {
    K2_SIMULATOR_RATE: '2000',
    K2_OTLP_ENDPOINT: endpoint,
    K2_TRACE_RECORDS: '500',
    ...settings
  })

const attribute = ({ attributes }: OtlpSpan, key: string): string | undefined => {
  const value = attributes.find((entry) => entry.key === key)?.value
  return value?.['stringValue'] ?? value?.['intValue']
}

const outcomes = async ({ shared }: Tree, outcome: string): Promise<number> => {
  const { body } = await shared.telemetry.exposition()
  const line = body.split('\n').find((text) =>
    text.startsWith(`k2_trace_spans_total{outcome="${outcome}"}`)
  )
  return Number(line?.split(' ').at(-1) ?? 0)
}

const urlOf = ({ shared }: Tree): string => shared.http.current!.url

test('a trade is traced from its frame to its commit', async () => {
  const collector = await openCollector(200)
  const tree = traced(collector.endpoint, { K2_OTLP_HEADERS: 'x-scope=mine' })
  const land = () =>
    collector.spans.find(({ name }) => name === 'land market.crypto.trades.simulated')
  await tree.until('a trade that has landed', () => land() !== undefined)
  const { traceId } = land()!
  const ofTrace = () => collector.spans.filter((span) => span.traceId === traceId)
  await tree.until('its whole trace', () => ofTrace().length >= 5)
  const named = (name: string) => ofTrace().find((span) => span.name.startsWith(name))!
  const [capture, publish, landed, write, commit] = [
    'capture', 'publish', 'land', 'write files', 'commit'
  ].map(named) as [OtlpSpan, OtlpSpan, OtlpSpan, OtlpSpan, OtlpSpan]
  expect(ofTrace()).toHaveLength(5)
  expect(capture.parentSpanId).toBeUndefined()
  expect([publish, landed].map((span) => span.parentSpanId)).toEqual(
    Array(2).fill(capture.spanId)
  )
  expect([write, commit].map((span) => span.parentSpanId)).toEqual(Array(2).fill(landed.spanId))
  expect(write.endTimeUnixNano).toBe(commit.startTimeUnixNano)
  for (const span of ofTrace())
    expect(BigInt(span.startTimeUnixNano)).toBeLessThanOrEqual(BigInt(span.endTimeUnixNano))
  expect(BigInt(capture.startTimeUnixNano)).toBeLessThan(BigInt(commit.endTimeUnixNano))

  // The row at that place of the table is the record that was captured.
  const offset = attribute(landed, 'messaging.kafka.offset')!
  const partition = attribute(landed, 'messaging.destination.partition.id')!
  const answer = await fetch(`${urlOf(tree)}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      sql:
        'SELECT message_id FROM trades ' +
        `WHERE k2_offset = ${offset} AND ends_with(k2_partition, '/${partition}')`
    })
  })
  expect(await answer.json()).toMatchObject({
    data: [{ message_id: attribute(capture, 'k2.message_id') }]
  })
  expect(collector.asked[0]).toMatchObject({
    path: '/v1/traces',
    headers: { 'x-scope': 'mine', 'content-type': 'application/json' }
  })
})

test('a request joins the trace that it came with, and says what its steps took', async () => {
  const collector = await openCollector(200)
  const tree = traced(collector.endpoint, { K2_TRACE_REQUESTS: '1000000' })
  await tree.until('rows', async () => (await tree.metric('k2_landed_records')) > 1_000)
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const ask = (flags: string, id: string) =>
    fetch(`${urlOf(tree)}/v1/trades?symbol=BTCUSDT&limit=5`, {
      headers: { traceparent: `00-${id}-00f067aa0ba902b7-${flags}` }
    }).then((response) => response.text())
  await ask('00', 'f'.repeat(32))
  await ask('01', traceId)
  const ofTrace = () => collector.spans.filter((span) => span.traceId === traceId)
  await tree.until('its spans', () => ofTrace().length > 0)
  const request = ofTrace().find(({ name }) => name === 'GET /v1/trades')!
  expect(request.parentSpanId).toBe('00f067aa0ba902b7')
  expect(attribute(request, 'http.response.status_code')).toBe('200')
  const steps = ofTrace().filter((span) => span.parentSpanId === request.spanId)
  expect(steps.map(({ name }) => name)).toEqual(expect.arrayContaining(['plan', 'tail']))
  for (const step of steps) {
    expect(BigInt(step.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(request.startTimeUnixNano))
  }
  await tree.drain()
  expect(collector.spans.some((span) => span.traceId === 'f'.repeat(32))).toBe(false)
})

test('a collector that is not there, or says no, costs the spans and nothing else', async () => {
  const refusing = await openCollector(401)
  const [away, refused] = [traced('http://127.0.0.1:1'), traced(refusing.endpoint)]
  for (const [tree, outcome] of [[away, 'unreachable'], [refused, 'refused']] as const) {
    await tree.until(outcome, async () => (await outcomes(tree, outcome)) > 0)
    const landed = await tree.metric('k2_landed_records')
    await tree.until('more', async () => (await tree.metric('k2_landed_records')) > landed)
    expect(tree.actor('root/traces')).toMatchObject({ state: 'up.running', restarts: 0 })
    expect(tree.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        event: 'traces.not_taken',
        detail: expect.stringContaining('K2_OTLP_ENDPOINT') as string
      })
    )
  }
})
