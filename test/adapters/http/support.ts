/** Dependencies of the API that answer from memory and remember what they were asked. */
import { Effect } from 'effect'
import type { DataType } from '../../../src/market/data-type.ts'
import { apiKeys } from '../../../src/adapters/config/api-key-values.ts'
import type {
  AccessOptions,
  ApiDeps,
  CandlesFilter,
  GapsFilter,
  HttpEvent,
  ReadFrom,
  Readiness,
  RecordFilter,
  ReferenceFilter
} from '../../../src/adapters/http/api-deps.ts'

export interface FakeDeps extends ApiDeps {
  readonly asked: Array<{
    readonly dataType: DataType
    readonly filter: RecordFilter
    readonly rowsMax: number
    readonly decimals: string
    readonly from?: ReadFrom | undefined
  }>
  readonly askedReference: Array<{
    readonly filter: ReferenceFilter
    readonly rowsMax: number
  }>
  readonly askedGaps: Array<{ readonly filter: GapsFilter; readonly rowsMax: number }>
  readonly askedCandles: Array<{ readonly filter: CandlesFilter; readonly candlesMax: number }>
  readonly events: HttpEvent[]
  readiness: () => Readiness
}

export const readToken = 'r1.what-was-read.signature'

/** Of a page that has all there is. */
export const allOfIt = {
  hasMore: false,
  missing: [],
  readToken: null,
  nextCursor: null,
  isKnown: false
}

const healthy: Readiness = {
  reasons: [],
  components: [{ name: 'feed:binance', status: 'healthy' }],
  level: 'normal'
}

/** As `K2_API_KEYS` would have them. */
export const accessOf = (keys: string, others: Partial<AccessOptions> = {}): AccessOptions => {
  const parsed = apiKeys(16).parse(keys)
  if ('allowed' in parsed) throw new Error(parsed.allowed)
  const none = { rateLimit: 0, trustedProxies: [], corsOrigins: [] }
  return { apiKeys: parsed.value, ...none, ...others }
}

export const fakeDeps = (overrides: Partial<ApiDeps> = {}): FakeDeps => {
  const asked: FakeDeps['asked'] = []
  const askedReference: FakeDeps['askedReference'] = []
  const askedGaps: FakeDeps['askedGaps'] = []
  const askedCandles: FakeDeps['askedCandles'] = []
  const events: HttpEvent[] = []
  let ids = 0
  return {
    asked,
    askedReference,
    askedGaps,
    askedCandles,
    events,
    version: '0.1.0',
    access: accessOf(''),
    level: () => 'normal',
    records: (dataType, { isKnown, ...others }) =>
      Effect.sync(() => {
        asked.push({ dataType, ...others })
        return {
          snapshotId: '9223372036854775807',
          rows: ['{"price":61837.63000000}', '{"price":0.00000001}'],
          hasMore: true,
          missing: [],
          readToken,
          nextCursor: 'c1.next',
          isKnown: isKnown?.(readToken) === true
        }
      }),
    recordsFile: (dataType, { isKnown, ...others }) =>
      Effect.sync(() => {
        asked.push({ dataType, ...others, decimals: 'none' })
        return {
          snapshotId: '9223372036854775807',
          hasMore: true,
          missing: [],
          readToken,
          nextCursor: 'c1.next',
          isKnown: isKnown?.(readToken) === true,
          rowCount: 2,
          bytes: 4,
          body: new Blob(['PAR1']).stream()
        }
      }),
    snapshotDiff: () =>
      Effect.succeed({
        baseId: '6',
        rows: ['{"price":1.00000000}'],
        hasMore: true,
        added: 2,
        removed: 0
      }),
    reference: (filter, rowsMax) =>
      Effect.sync(() => {
        askedReference.push({ filter, rowsMax })
        const rows = ['{"company_id":"7078"}']
        return { snapshotId: '7', rows, hasMore: false, missing: [] }
      }),
    gaps: (filter, rowsMax) =>
      Effect.sync(() => {
        askedGaps.push({ filter, rowsMax })
        const rows = ['{"from_id":3}']
        return { snapshotId: '8', rows, hasMore: true, openGaps: 2, openTrades: 7 }
      }),
    candles: (filter, candlesMax) =>
      Effect.sync(() => {
        askedCandles.push({ filter, candlesMax })
        return { snapshotId: '9', candles: [], hasMore: false, missing: [] }
      }),
    tradingZones: new Map([['ASX', 'Australia/Sydney']]),
    sqlRowsMax: 10_000,
    sql: () =>
      Effect.succeed({
        columns: [{ name: 'n', type: 'DECIMAL(18,8)' }],
        rows: '{"n":9007199254740993.00000001}',
        rowCount: 1,
        cutBy: null,
        snapshots: { trades: '9223372036854775807' },
        missing: []
      }),
    replayPage: () =>
      Effect.succeed({
        snapshotId: '7',
        rows: '{"price":61837.63000000}',
        hasMore: true,
        nextCursor: 'c1.a.b',
        missing: []
      }),
    replay: ({ frame, isLive }, { opened, emit }) =>
      Effect.gen(function* () {
        opened()
        const { before, after } = frame
        const bytes = new TextEncoder().encode(`${before}{"price":61837.63000000}${after}`)
        yield* emit({ type: 'rows', bytes, count: 1 })
        yield* emit({ type: 'completed', count: 1, snapshotId: '7', missing: [] })
        if (isLive) yield* Effect.never
      }),
    symbols: ({ exchange }) =>
      Effect.succeed({
        snapshotId: '7',
        instruments: [
          {
            symbol: 'BTCUSDT',
            exchange: exchange ?? 'BINANCE',
            baseAsset: 'BTC',
            quoteAsset: 'USDT'
          },
          { symbol: 'BTCUSDT', exchange: 'OTHER', baseAsset: null, quoteAsset: 'USDT' }
        ],
        missing: []
      }),
    snapshots: (_table, rowsMax) =>
      Effect.succeed(
        Array.from({ length: Math.min(rowsMax, 12) }, (_, n) => ({
          snapshotId: String(9_223_372_036_854_775_800n + BigInt(n)),
          parentId: n === 0 ? null : '1',
          timestampMs: 1_723_075_200_000,
          operation: 'append',
          summary: { 'added-records': '5', 'k2.state': '{"p":"/secret/path"}', 'k2.offsets': '{}' }
        }))
      ),
    readiness: () => healthy,
    status: () => ({ root: { id: 'root', children: [] } }),
    degradation: () => ({ level: 'normal' }),
    conservation: (filter) => ({ holds: true, filter }),
    watch: {
      machines: () => [],
      inspected: () => new Map(),
      current: () => ({ seq: 0, at: 1_723_075_200_000 }),
      history: () => ({
        head: {
          version: 2,
          k2_version: '0.1.0',
          instance: 'this-one',
          started_at: 1_723_075_200_000,
          machines: [],
          series: []
        },
        base: { seq: 0, at: 1_723_075_200_000 },
        frames: ['{"seq":1,"at":1723075200100}']
      }),
      open: () => Effect.succeed({ next: Effect.never, close: () => undefined })
    },
    inject: () => 'injected',
    clearPressure: () => undefined,
    overloadSeconds: () => undefined,
    release: (path) => {
      if (path === 'root/landing/lander') return 'released'
      return path === 'root/log' ? 'not_quarantined' : 'unknown'
    },
    drain: () => ({ endsWithinSeconds: 30 }),
    metrics: async () => ({
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      text: 'k2_up 1\n'
    }),
    run: (effect, options) => Effect.runPromiseExit(effect, options),
    nowMs: () => 1_723_075_200_123,
    newCorrelationId: () => `id-${++ids}`,
    observe: (event) => events.push(event),
    ...overrides
  }
}
