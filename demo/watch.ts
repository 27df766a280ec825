/**
 * Looks at K2 and the exchange from outside, over HTTP only, and keeps what was seen.
 *
 * 1. A look never fails: who does not answer is noted as silent.
 * 2. A change of the level is kept once, also when its history is read many times, and after a
 *    restart, whose history begins anew.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { tier1Symbols } from './plan.ts'
import type {
  DemoRecord,
  K2Counts,
  Level,
  Sample,
  SignalSeen,
  Transition
} from './record.ts'

export interface WatchOptions {
  readonly record: DemoRecord
  readonly exchangeUrl: () => string
  /** Undefined while it is not known where it answers. */
  readonly k2Url: () => Promise<string>
  /** After each look. */
  readonly onSample: (sample: Sample) => void
  readonly onTransition: (transition: Transition) => void
}

const everyMs = 500
const answerMsMax = 4_000

export const watch = async (options: WatchOptions, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    const fromMs = Date.now()
    const sample = await look(options)
    if (signal.aborted) return
    options.record.samples.push(sample)
    options.onSample(sample)
    await delay(Math.max(0, everyMs - (Date.now() - fromMs)), undefined, { signal }).catch(
      () => undefined
    )
  }
}

interface DegradationView {
  readonly level: Level | null
  readonly signals: readonly {
    readonly signal: string
    readonly data_type?: string
    readonly value: number | null
    readonly state: string
    readonly unit: string
    readonly marks: { readonly enter: readonly (number | null)[] }
  }[]
  readonly history: readonly (Omit<Transition, 'atMs'> & {
    readonly at: string
    readonly scope: string
  })[]
}

const look = async (options: WatchOptions): Promise<Sample> => {
  const k2Url = await options.k2Url().catch(() => undefined)
  const { sample, transitions } = await lookAt({ k2Url, exchangeUrl: options.exchangeUrl() })
  noteHistory(options, transitions)
  return sample
}

interface Looked {
  /** Undefined: not looked at. */
  readonly k2Url: string | undefined
  readonly exchangeUrl: string | undefined
  /** For a K2 that wants a key. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One look; of K2's history, the changes of the level, oldest first. */
export const lookAt = async ({ k2Url, exchangeUrl, headers = {} }: Looked) => {
  const ask = async (path: string) => {
    if (k2Url === undefined) throw new Error('it is not known where K2 answers')
    return textOf(`${k2Url}${path}`, headers)
  }
  const [degradation, metrics, queryMs, issued] = await Promise.all([
    asked(async () => viewOf(await ask('/v1/system/degradation'))),
    asked(async () => ask('/metrics')),
    asked(async () => timed(() => ask('/v1/trades?symbol=BTCUSDT&limit=5'))),
    asked(async () => issuedOf(await textOf(`${exchangeUrl ?? ''}/control`)))
  ])
  const sample: Sample = {
    atMs: Date.now(),
    level: degradation?.level ?? null,
    signals: degradation === null ? [] : signalsOf(degradation),
    issued: issued?.all ?? null,
    issuedTier1: issued?.tier1 ?? null,
    k2: metrics === null ? null : countsOf(metrics),
    queryMs
  }
  return { sample, transitions: degradation === null ? [] : changesOf(degradation) }
}

/** (1) */
const asked = async <A>(ask: () => Promise<A>): Promise<A | null> => {
  try {
    return await ask()
  } catch {
    return null
  }
}

const textOf = async (address: string, headers = {}): Promise<string> => {
  const response = await fetch(address, { headers, signal: AbortSignal.timeout(answerMsMax) })
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text
}

const viewOf = (text: string): DegradationView =>
  (JSON.parse(text) as { readonly data: DegradationView }).data

const timed = async (ask: () => Promise<string>): Promise<number> => {
  const fromMs = performance.now()
  await ask()
  return Math.round(performance.now() - fromMs)
}

const issuedOf = (text: string) => {
  const { issued } = JSON.parse(text) as {
    readonly issued: Readonly<Record<string, { readonly count: number }>>
  }
  let [all, tier1] = [0, 0]
  for (const [symbol, { count }] of Object.entries(issued)) {
    all += count
    if (tier1Symbols.includes(symbol)) tier1 += count
  }
  return { all, tier1 }
}

const signalsOf = ({ signals }: DegradationView): readonly SignalSeen[] =>
  signals.flatMap(({ signal, data_type: dataType, value, state, unit, marks }) => {
    const name = dataType === undefined ? signal : `${signal}:${dataType}`
    return value === null
      ? []
      : [{ name, value, isStale: state === 'stale', unit, enter: marks.enter }]
  })

const changesOf = ({ history }: DegradationView): readonly Transition[] =>
  history
    .filter(({ scope, from, to }) => scope === 'all' && from !== to)
    .map(({ at, kind, from, to, signal, reason, action }) => ({
      atMs: Date.parse(at), kind, from, to, signal, reason, action
    }))
    .toSorted((left, right) => left.atMs - right.atMs)

/** (2) */
const noteHistory = (
  { record, onTransition }: WatchOptions,
  changes: readonly Transition[]
): void => {
  const lastMs = record.transitions.at(-1)?.atMs ?? 0
  for (const change of changes) {
    if (change.atMs <= lastMs) continue
    record.transitions.push(change)
    onTransition(change)
  }
}

const tradesTopic = /topic="market\.\w+\.trades\.\w+"/

const countsOf = (metrics: string): K2Counts => {
  const sum = (name: string, label = /(?:)/): number => {
    let total = 0
    for (const [, found, labels = '', value] of metrics.matchAll(seriesPattern))
      if (found === name && label.test(labels)) total += Number(value)
    return total
  }
  return {
    published: sum('k2_published_records_total', tradesTopic),
    spooled: sum('k2_spooled_total', tradesTopic),
    landed: sum('k2_landed_records', tradesTopic),
    shed: sum('k2_messages_shed_total', tradesTopic),
    healed: sum('k2_healed_trades_total'),
    pendingTrades: sum('k2_heal_pending_trades'),
    openGaps: sum('k2_gaps_open_trades'),
    residentBytes: sum('k2_memory_bytes', /kind="resident"/),
    spoolBytes: sum('k2_spool_bytes'),
    spoolRecords: sum('k2_spool_records')
  }
}

const seriesPattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gm
