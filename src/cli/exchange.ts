/**
 * `npm run exchange -- [flags]`: the simulated exchange as a process of its own.
 *
 * 1. All wrong flags are reported at once; nothing starts with a wrong one (exit code 2).
 * 2. SIGINT and SIGTERM close the connections and end it with 0.
 */
import { realpathSync } from 'node:fs'
import * as Effect from 'effect/Effect'
import { readFaultFlags } from '../adapters/simulator/faults.ts'
import {
  generatorRateDefault,
  generatorRateMax,
  makeGeneratorSource
} from '../adapters/simulator/generator-source.ts'
import { loadRecordings } from '../adapters/simulator/recording-source.ts'
import type { RecordingReport } from '../adapters/simulator/recording-source.ts'
import { defaultConnectionMsMax, openSimulator } from '../adapters/simulator/simulator.ts'
import type { SimulatorEvent, SimulatorOptions } from '../adapters/simulator/simulator.ts'
import { generatedSymbols } from '../adapters/simulator/venue-listing.ts'

interface ExchangeFlags {
  readonly recordings: ReadonlyArray<string>
  readonly symbols: ReadonlyArray<string>
  readonly rate: number
  readonly tierRates: Readonly<Record<1 | 2 | 3, number>> | undefined
  readonly isEven: boolean
  readonly sendUnwrapped: boolean
  readonly simulator: Omit<SimulatorOptions, 'source' | 'now' | 'observe'>
}

const speedMax = 100_000
const ageMsMax = 30 * defaultConnectionMsMax
const usage = `usage: npm run exchange -- [flags]

A simulated exchange on 127.0.0.1 that speaks Binance's spot WebSocket and REST protocol.
It plays a generated market, trades and book tickers, or recordings.

  --port N             one port for both; 0 = any free one (default 9443)
  --recording FILE     play a recording instead; several times to merge files by time.
                       Plain or gzipped: wire frames, receive time and frame, cryptofeed text.
                       It starts at the first subscription to one of its symbols.
  --speed 1|N|max      times real time, or as fast as the clients read (default 1)
  --seed N             seed of the market and of the faults (default 1)
  --rate N             trades per second of the generated market (default ${generatorRateDefault})
  --tier-rates A,B,C  or trades per second of each tier, shared by its symbols
  --even               without bursts and lulls: at any time the rate is the one stated
  --symbols A,B        part of the generated market (default all:
                       ${generatedSymbols.map(({ symbol }) => symbol).join(',')})
  --send-unwrapped     send recorded lines that belong to no stream to everybody (else skipped)
  --weight-limit N     REST request weight per minute (default 6000)
  --ping-ms N          interval of pings (default 20000)
  --pong-timeout-ms N  cut a client that did not answer a ping for so long (default 60000)
  --connection-age-ms N  end a connection of this age, as the venue does after a day
                       (default ${defaultConnectionMsMax})
  --fault FAULT        from the start on, several times for several faults:
                       drop-after=N, stall-after=N  each connection, after N data frames
                       stall                        send nothing, keep the sockets
                       duplicate, skip, reorder, corrupt=SHARE  of the frames, 0 to 1
                       refuse[=websocket|all]       new connections, or REST as well
                       halt                         issue nothing: the market is closed
                       flood=TIMES@TIER             rate of a tier of the generated market
  --issued-record DIR  keep a record of every trade issued, and who got it, in this new folder
  --help               this text

While it runs: GET /control tells what was issued and sent; POST /control/faults takes JSON such as
  {"duplicate":0.01,"floodTier3":20}  {"drop":"all"}  {"inject":{"textBytes":2000000}}
  {"heal":true}  {"halt":true}  {"weightLimit":12000}
  {"inject":{"text":"…"}}  any frame, such as the announcement {"e":"serverShutdown","E":1}`

/** The flags, all their problems, or that help was asked for. */
export const readExchangeFlags = (
  args: ReadonlyArray<string>
): ExchangeFlags | { readonly problems: ReadonlyArray<string> } | 'help' => {
  const { values, problems } = splitFlags(args)
  if (values.has('help')) return 'help'
  const last = (name: FlagName) => values.get(name)?.at(-1)
  const number = (name: FlagName, fallback: number, min: number, max: number) => {
    const text = last(name)
    if (text === undefined) return fallback
    const value = text === '' ? Number.NaN : Number(text)
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value
    const also = name === 'speed' ? ', and max' : ''
    problems.push(`--${name} is "${text}": allowed are whole numbers from ${min} to ${max}${also}`)
    return fallback
  }
  const faults = readFaultFlags(values.get('fault') ?? [])
  if ('problems' in faults) problems.push(...faults.problems.map((text) => `--fault: ${text}`))
  const flags: ExchangeFlags = {
    recordings: values.get('recording') ?? [],
    symbols: readSymbols(last('symbols'), problems),
    rate: number('rate', generatorRateDefault, 1, generatorRateMax),
    tierRates: readTierRates(last('tier-rates'), problems),
    isEven: values.has('even'),
    sendUnwrapped: values.has('send-unwrapped'),
    simulator: {
      port: number('port', 9_443, 0, 65_535),
      speed: last('speed') === 'max' ? 'max' : number('speed', 1, 1, speedMax),
      seed: number('seed', 1, 0, 2 ** 32 - 1),
      weightMax: number('weight-limit', 6_000, 1, 1_000_000_000),
      pingMs: number('ping-ms', 20_000, 100, 3_600_000),
      pongTimeoutMs: number('pong-timeout-ms', 60_000, 100, 3_600_000),
      connectionMsMax: number('connection-age-ms', defaultConnectionMsMax, 1_000, ageMsMax),
      faults: 'value' in faults ? faults.value : {},
      ...recordOf(last('issued-record'))
    }
  }
  problems.push(...contradictions(flags, values))
  return problems.length > 0 ? { problems } : flags
}

const recordOf = (directory: string | undefined) =>
  directory === undefined ? {} : { issuedRecord: { directory } }

const valueFlags = [
  'port',
  'recording',
  'speed',
  'seed',
  'rate',
  'tier-rates',
  'symbols',
  'weight-limit',
  'ping-ms',
  'pong-timeout-ms',
  'connection-age-ms',
  'fault',
  'issued-record'
] as const
const plainFlags = ['send-unwrapped', 'even', 'help'] as const

type FlagName = (typeof valueFlags)[number] | (typeof plainFlags)[number]

/** `--name value`, `--name=value` and `--name`, each as often as it comes. */
const splitFlags = (args: ReadonlyArray<string>) => {
  const values = new Map<FlagName, Array<string>>()
  const problems: Array<string> = []
  for (let index = 0; index < args.length; index += 1) {
    const [, text = '', attached] = /^--([^=]*)(?:=(.*))?$/s.exec(args[index]!) ?? []
    const name = [...valueFlags, ...plainFlags].find((known) => known === text)
    if (name === undefined) {
      problems.push(`"${args[index]}" is no flag`)
    } else if ((plainFlags as ReadonlyArray<string>).includes(name)) {
      if (attached === undefined) values.set(name, [])
      else problems.push(`--${name} takes no value`)
    } else {
      if (attached === undefined) index += 1
      const value = attached ?? args[index]
      if (value === undefined) problems.push(`--${name} needs a value`)
      else values.set(name, [...(values.get(name) ?? []), value])
    }
  }
  return { values, problems }
}

const readSymbols = (text: string | undefined, problems: Array<string>): ReadonlyArray<string> => {
  const known = generatedSymbols.map(({ symbol }) => symbol)
  if (text === undefined) return known
  const asked = text.split(',').map((symbol) => symbol.trim().toUpperCase())
  const unknown = asked.filter((symbol) => !known.includes(symbol))
  if (unknown.length > 0) {
    problems.push(`--symbols has ${unknown.join(', ')}: allowed are ${known.join(', ')}`)
  }
  return asked
}

const readTierRates = (
  text: string | undefined,
  problems: Array<string>
): ExchangeFlags['tierRates'] => {
  if (text === undefined) return undefined
  const rates = text.split(',').map((part) => (/^\d{1,7}$/.test(part) ? Number(part) : 0))
  const [tier1 = 0, tier2 = 0, tier3 = 0] = rates
  if (rates.length === 3 && rates.every((rate) => rate >= 1 && rate <= generatorRateMax))
    return { 1: tier1, 2: tier2, 3: tier3 }
  problems.push(
    `--tier-rates is "${text}": allowed are three whole numbers from 1 to ${generatorRateMax}`
  )
  return undefined
}

const contradictions = (
  flags: ExchangeFlags,
  values: ReadonlyMap<FlagName, ReadonlyArray<string>>
): ReadonlyArray<string> => {
  if (values.has('rate') && values.has('tier-rates')) return ['give either --rate or --tier-rates']
  if (flags.recordings.length === 0) return []
  const marketFlags = ['rate', 'tier-rates', 'even', 'symbols'] as const
  const ofMarket = marketFlags.filter((name) => values.has(name))
  const problems = ofMarket.map(
    (name) => `--${name} is of the generated market, not of a recording`
  )
  const { floodTier1, floodTier2, floodTier3 } = flags.simulator.faults ?? {}
  if (floodTier1 !== undefined || floodTier2 !== undefined || floodTier3 !== undefined) {
    problems.push('--fault flood is of the generated market, not of a recording')
  }
  return problems
}

const runExchange = Effect.fnUntraced(function* (flags: ExchangeFlags) {
  const stopAsked = hearSignals() // before it says that it serves
  const asked = generatedSymbols.filter(({ symbol }) => flags.symbols.includes(symbol))
  const { seed } = flags.simulator
  const { rate, tierRates, isEven } = flags
  let source = makeGeneratorSource({ seed, rate, tierRates, isEven, symbols: asked })
  if (flags.recordings.length > 0) {
    const loaded = yield* loadRecordings(flags.recordings, { sendUnwrapped: flags.sendUnwrapped })
    loaded.reports.forEach(printReport)
    source = loaded.source
  }
  const simulator = yield* openSimulator({
    ...flags.simulator,
    source,
    now: Date.now,
    observe: printEvent
  })
  console.log(`exchange: playing ${source.name} at speed ${flags.simulator.speed}`)
  console.log(`exchange: ${source.listing.map(({ symbol }) => symbol).join(' ')}`)
  console.log(`exchange: listening on ${simulator.url} and ${simulator.restUrl}`)
  yield* Effect.promise(() => stopAsked)
  console.log(`exchange: issued ${JSON.stringify(simulator.issued())}`)
})

const hearSignals = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = () => {
      // Who waits for its launcher to die keeps the channel to it, and so itself, alive.
      process.off('disconnect', stop)
      resolve()
    }
    // Ctrl-C is two signals, the terminal's and the launcher's: the second must not cut this short.
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    process.on('disconnect', stop) // the launcher died
  })

const printReport = (report: RecordingReport): void => {
  const { file, format, frameCount, tradeCount, unwrappedSkipped, malformedCount } = report
  console.log(
    `exchange: ${file} (${format}): ${frameCount} frames, ${tradeCount} trades, ` +
      `${unwrappedSkipped} of no stream skipped, ${malformedCount} malformed lines`
  )
  for (const { line, reason } of report.malformed) {
    console.log(`exchange: ${file}:${line}: ${reason}`)
  }
}

const printEvent = ({ type, ...details }: SimulatorEvent): void => {
  console.log(`exchange: ${type} ${JSON.stringify(details)}`)
}

/** The process: exit code 0 after a signal, 1 when it cannot serve, 2 for wrong flags. */
const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const flags = readExchangeFlags(args)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`exchange: ${problem}`)
    console.error('exchange: --help explains every flag')
    return 2
  }
  return Effect.runPromise(
    Effect.scoped(runExchange(flags)).pipe(
      Effect.as(0),
      Effect.catch((error) => {
        console.error(`exchange: ${error.message}`)
        return Effect.succeed(1)
      })
    )
  )
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  // Not by running out of work: then Node takes the handlers away first, and a late signal kills.
  process.exit(await main(process.argv.slice(2)))
}
