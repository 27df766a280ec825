/** `npm run demo -- [flags]`; `--help` explains them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ensureBuilt } from '../scripts/build.mjs'
import { keepEpisode } from './episode.ts'
import { figuresOf } from './figures.ts'
import { type DemoFlags, readFlags, usage } from './flags.ts'
import { judgeTable } from './judge.ts'
import { tier1Symbols } from './plan.ts'
import { missingPrograms } from './prerequisites.ts'
import { promisesOf } from './promises.ts'
import { type DemoRecord, newRecord } from './record.ts'
import { reportOf } from './report.ts'
import { runDemo } from './run.ts'
import { openScreen, type Screen } from './screen.ts'
import type { Stage } from './script.ts'
import { memoryBytesMax } from './settings.ts'
import { closedInTime } from './show/program.ts'
import { Site } from './site.ts'
import { watch } from './watch.ts'

const projectRoot = resolve(import.meta.dirname, '..')
const againMsMin = 1_000

const main = async (args: readonly string[]): Promise<number> => {
  const flags = readFlags(args)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`demo: ${problem}`)
    console.error('demo: --help explains every flag')
    return 2
  }
  const missing = await missingPrograms({
    needs: flags.isEmbedded ? [] : ['kafka'],
    installs: flags.installs,
    note: (text) => console.log(`demo: ${text}`),
    otherwise: [
      ['npm run demo -- --install', 'does just that'],
      ['npm run demo -- --embedded', 'needs Node alone; the embedded log is killed, not Kafka']
    ]
  })
  if (missing.length > 0) {
    for (const line of missing) console.error(`demo: ${line}`)
    return 2
  }
  ensureBuilt()
  return demonstrate(flags)
}

const demonstrate = async (flags: DemoFlags): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-demo-'))
  const variant = flags.isEmbedded ? 'embedded' : 'kafka'
  const { seed, isFast } = flags
  console.log(`demo: ${variant}, seed ${seed}, in ${folder}`)
  const record = newRecord({ variant, seed, isFast, startedMs: Date.now() })
  record.memoryBytesMax = memoryBytesMax
  const screen = openScreen(record, process.stdout)
  const stop = new AbortController()
  breakOffOnSignals(stop)
  const note = (text: string) => {
    const mark = { atMs: Date.now(), kind: 'seen', text } as const
    record.marks.push(mark)
    screen.mark(mark)
  }
  const site = new Site({ projectRoot, folder, variant, seed, note })
  const code = await runDemo({
    record,
    stage: stageOf(site, async () => {
      try {
        record.episodeFile = await keepEpisode(await site.k2UrlNow(), flags.report)
      } catch (error) {
        note(`the episode could not be kept: ${String(error)}`)
      }
    }),
    watch: (signal) => watching({ site, record, screen, stop }, signal),
    tell: screen.mark,
    signal: stop.signal,
    nowMs: Date.now,
    wait: (ms, signal) => delay(ms, undefined, { signal }),
    writeReport: (done) => writeFileSync(flags.report, reportOf(done))
  })
  screen.close()
  await closed(site)
  for (const line of summaryOf(record)) console.log(line)
  console.log(`demo: the report is ${flags.report}`)
  if (code === 0 && !flags.keeps) rmSync(folder, { recursive: true, force: true })
  else console.log(`demo: everything that was written is kept in ${folder}`)
  return code
}

const closed = (site: Site): Promise<void> =>
  closedInTime(site).catch((error: unknown) => {
    console.error(`demo: not everything could be ended in order: ${String(error)}`)
  })

interface Watching {
  readonly site: Site
  readonly record: DemoRecord
  readonly screen: Screen
  readonly stop: AbortController
}

const watching = ({ site, record, screen, stop }: Watching, signal: AbortSignal): Promise<void> =>
  watch(
    {
      record,
      exchangeUrl: () => site.exchangeUrl,
      k2Url: () => site.k2UrlNow(),
      onTransition: screen.transition,
      onSample: () => {
        screen.refresh()
        const [ended] = site.unexpectedEnds
        if (ended === undefined || stop.signal.aborted) return
        record.unexpectedEnds.push(...site.unexpectedEnds)
        stop.abort(new Error(ended))
      }
    },
    signal
  )

/** @param beforeEnd what is to be asked of K2 while it still runs */
const stageOf = (site: Site, beforeEnd: () => Promise<void>): Stage => ({
  open: () => site.open(),
  controlExchange: (body) => site.controlExchange(body),
  killLog: () => site.killLog(),
  restartLog: () => site.restartLog(),
  get uploadedBytes() {
    return site.uploadedBytes
  },
  tier1ShedGaps: async () => {
    const gaps = await site.gaps()
    return gaps.filter(({ symbol, reason }) => tier1Symbols.includes(symbol) && reason === 'shed')
      .length
  },
  drain: async () => {
    await beforeEnd()
    return site.drain()
  },
  judge: () =>
    judgeTable({
      issued: site.issuedFolder,
      metadataFile: site.tableMetadata,
      objects: site.objects
    })
})

/**
 * A second signal does not wait for anything. Ctrl-C comes twice at once: from the terminal, and
 * from `scripts/run.mjs`, which passes it on.
 */
const breakOffOnSignals = (stop: AbortController): void => {
  let firstMs = 0
  const breakOff = (why: string, code: number) => {
    if (stop.signal.aborted) {
      if (Date.now() - firstMs > againMsMin) process.exit(code)
      return
    }
    firstMs = Date.now()
    process.exitCode = code
    stop.abort(new Error(why))
  }
  process.on('SIGINT', () => breakOff('it was interrupted (SIGINT)', 130))
  process.on('SIGTERM', () => breakOff('it was ended (SIGTERM)', 143))
  process.on('SIGHUP', () => breakOff('its terminal is gone (SIGHUP)', 129))
  // Of `scripts/run.mjs`, which started it.
  process.on('disconnect', () => breakOff('the process that started it is gone', 1))
  // A reader that is gone is no reason not to write the report.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined)
}

const summaryOf = (record: DemoRecord): readonly string[] => [
  '',
  ...promisesOf(record).map(
    ({ promise, outcome, detail }) => `  ${outcome.padEnd(9)}  ${promise}: ${detail}`
  ),
  '',
  ...figuresOf(record).flatMap(({ name, value, about }) =>
    value === null ? [] : [`  ${name.padEnd(22)}  ${value.padEnd(12)}  ${about}`]
  ),
  ''
]

const code = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`demo: the run could not be made: ${String(error)}`)
  return 2
})
// What was started ends with this process, at its exit.
process.exit(process.exitCode === undefined || code !== 1 ? code : Number(process.exitCode))
