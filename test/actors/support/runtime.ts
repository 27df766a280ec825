/**
 * The real tree in the test's own process: real log, table, worker thread, API and simulated
 * exchange in a temporary folder. `holdings` says afterwards what log and table have.
 *
 * 1. A tree ends with the test that started it, also when the test fails.
 * 2. Every wait is bounded.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import * as ManagedRuntime from 'effect/ManagedRuntime'
import { afterEach, expect, vi } from 'vitest'
import { type AnyActorRef, createActor, type SimulatedClock } from 'xstate'
import { observeActors, observeKernel } from '../../../src/actors/actor-telemetry.ts'
import { appLayer } from '../../../src/actors/app-layer.ts'
import { factsOf } from '../../../src/actors/conservation/equations.ts'
import { makeFromEffect } from '../../../src/actors/effect-actor.ts'
import { type Faults, noFaults } from '../../../src/actors/faults.ts'
import { makeInspector } from '../../../src/actors/inspector.ts'
import { type Kernel, makeKernel } from '../../../src/actors/kernel.ts'
import { releaseActor } from '../../../src/actors/release.ts'
import { runtimeTree } from '../../../src/actors/runtime-actor.ts'
import { makeShared, type Shared } from '../../../src/actors/shared.ts'
import {
  actorAt,
  type ActorStatus,
  findActor,
  readStatus
} from '../../../src/actors/status.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { openEmbeddedLog } from '../../../src/adapters/log/embedded-log.ts'
import { readDescription } from '../../../src/adapters/log/log-directory.ts'
import { nodeFiles, systemClock } from '../../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../../src/adapters/log/node-process.ts'
import { forEachRecord } from '../../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import type { SequencedRecord } from '../../../src/machines/partition-fold.ts'
import type { DataType } from '../../../src/market/data-type.ts'
import { quoteV2Schema } from '../../../src/market/records/quote-v2.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { unhurried } from '../../support/unhurried.ts'
import { until } from '../../support/until.ts'
import { dataFiles, openTable, runSql, summaryOf } from '../../support/warehouse.ts'

const topicOf = (dataType: DataType, exchange = 'simulated') =>
  `market.crypto.${dataType}.${exchange}`

const startMsMax = 60_000
const stopMsMax = 60_000

interface Line {
  readonly level: string
  readonly event: string
  readonly [field: string]: unknown
}

export interface Tree {
  readonly folder: string
  readonly shared: Shared
  readonly kernel: Kernel
  readonly root: AnyActorRef
  /** Log lines so far. */
  readonly lines: readonly Line[]
  readonly actor: (path: string) => ActorStatus
  /** Makes an actor fail, as a defect of its program would. */
  readonly crash: (path: string) => void
  /** Makes an actor fail once too often, as its supervisor would say it. */
  readonly park: (path: string) => void
  /** The sum over all labels, or over those of one topic. */
  readonly metric: (name: string, topic?: string) => Promise<number>
  readonly health: () => Promise<{ readonly status: number; readonly text: string }>
  readonly until: (what: string, ask: () => boolean | Promise<boolean>) => Promise<void>
  /** Drains as Ctrl-C does. */
  readonly drain: () => Promise<void>
}

const running = new Set<Tree>()
const folders = new Set<string>()

const samplerPath = 'root/degradation/sampler'

/** Without samples the manager commands nothing: the level is the test's to set. */
export const muteManager = async (tree: Tree): Promise<void> => {
  tree.park(samplerPath)
  await tree.until('quarantine', () => tree.actor(samplerPath).state === 'quarantined')
}

export const cleanUp = (): void => {
  afterEach(async () => {
    for (const tree of running) await tree.drain()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    folders.clear()
    vi.restoreAllMocks()
  }, stopMsMax + 10_000)
}

export const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-tree-'))
  folders.add(folder)
  return folder
}

/**
 * @param clock of the actors' own delays: a simulated one stands still until the test moves it
 * @param faults what the tree loses: without any, it must account for every record at any time
 */
export const startTree = (
  folder: string,
  settings: Readonly<Record<`K2_${string}`, string>> = {},
  clock?: SimulatedClock,
  faults: Faults = noFaults
): Tree => {
  const lines: Line[] = []
  const config = readConfig(
    {
      K2_HTTP_PORT: '0',
      K2_DATA_DIR: folder,
      K2_COMMIT_AGE: '300ms',
      ...unhurried,
      ...settings
    },
    []
  )
  const telemetry = makeTelemetry({
    level: 'info',
    nowMs: Date.now,
    write: (line) => lines.push(JSON.parse(line) as Line)
  })
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID, faults })
  const kernel = makeKernel({ nowMs: Date.now, seed: 1, observe: observeKernel(telemetry) })
  const inspector = makeInspector({
    nowMs: Date.now,
    transitionsMax: 1_000,
    observe: observeActors(shared, (path) => findActor(status().root, path))
  })
  const runtime = ManagedRuntime.make(appLayer(shared))
  const status = () => readStatus(root, { kernel, inspector })
  const tree = runtimeTree({
    kernel,
    fromEffect: makeFromEffect(runtime, { kernel, commandsMax: 64, releaseMsMax: 5_000 }),
    shared,
    actors: { inspector, root: () => root },
    http: {
      status,
      release: (path) => releaseActor(root, status(), path),
      drain: () => ({ endsWithinSeconds: 0 }),
      run: (effect, options) => runtime.runPromiseExit(effect, options),
      version: '0'
    }
  })
  const root: AnyActorRef = createActor(tree.logic, {
    id: tree.spec.id,
    input: tree.spec.input,
    inspect: inspector.inspect,
    ...(clock === undefined ? {} : { clock })
  })
  const get = async (path: string) => {
    const response = await fetch(`${shared.http.current!.url}${path}`)
    return { status: response.status, text: await response.text() }
  }
  const self: Tree = {
    folder,
    shared,
    kernel,
    root,
    lines,
    actor: (path) => findActor(status().root, path)!,
    crash: (path) =>
      actorAt(root, path)!.send({ type: 'effect.failed', error: new Error('the test says so') }),
    park: (path) => {
      self.crash(path)
      // With its program gone, the keeper itself stands at the path.
      actorAt(root, path)!.send({ type: 'limit.reached' })
    },
    metric: async (name, topic) => sumOf((await telemetry.exposition()).body, name, topic),
    health: () => get('/health/ready'),
    until: (what, ask) =>
      until(async () => ((await ask()) ? true : undefined), {
        what,
        msMax: startMsMax,
        seen: () => lines.slice(-15).map((line) => JSON.stringify(line)).join('\n')
      }).then(() => undefined),
    drain: async () => {
      running.delete(self)
      root.send({ type: 'stop.requested' })
      await until(() => (root.getSnapshot().status === 'active' ? undefined : true), {
        what: 'the end of the tree',
        msMax: stopMsMax,
        seen: () => statesOf(status().root).join('\n')
      })
      await runtime.dispose()
      if (faults === noFaults) expectConserved(shared)
    }
  }
  running.add(self)
  root.start()
  return self
}

/** (R16), at every second of the tree's life and at its end. */
const expectConserved = ({ conservation }: Shared): void => {
  expect(conservation.checks).toBeGreaterThan(0)
  expect(conservation.everBroken.map(({ equation }) => factsOf(equation))).toEqual([])
}

/** Of all actors below, one a line. */
const statesOf = ({ path, state, children }: ActorStatus): readonly string[] => [
  `${path}: ${state}`,
  ...children.flatMap(statesOf)
]

/**
 * The log's disk answers ENOSPC to writes, from `refuse` to `mend`. It counts files that are opened
 * after the call, so it stands before the tree is started.
 */
export const refusingDisk = () => {
  const { open } = nodeFiles
  let isRefusing = false
  let refused = 0
  vi.spyOn(nodeFiles, 'open').mockImplementation(async (path, mode) => {
    const file = await open(path, mode)
    return {
      ...file,
      write: (buffers, position) => {
        if (!isRefusing) return file.write(buffers, position)
        refused++
        return Promise.reject(new Error('ENOSPC: no space left on device'))
      }
    }
  })
  return {
    refuse: () => void (isRefusing = true),
    mend: () => void (isRefusing = false),
    refused: () => refused
  }
}

export interface Holdings {
  /** Distinct ids by symbol. */
  readonly logged: ReadonlyMap<string, ReadonlySet<number>>
  readonly rows: number
  readonly distinctRows: number
  readonly landed: ReadonlyMap<string, ReadonlySet<number>>
  /** Next offsets by partition. */
  readonly logEnds: readonly number[]
  readonly tableOffsets: readonly number[]
}

/** What the log and the table of a folder have, whose tree has ended. */
export const holdings = async (
  folder: string,
  dataType: DataType = 'trades',
  exchange = 'simulated'
): Promise<Holdings> => {
  const log = await readLog(join(folder, 'log'), dataType, exchange)
  const table = openTable(folder, dataType)!
  const files = (await dataFiles(table)).map(({ path }) => path)
  const found = await runSql(
    `SELECT symbol, source_sequence FROM read_parquet([${files.map((path) => `'${path}'`).join()}])`
  )
  const landed = new Map<string, Set<number>>()
  for (const [symbol, id] of found) add(landed, symbol!, Number(id))
  const offsets = JSON.parse(summaryOf(table)['k2.offsets']!) as Record<
    string,
    Record<string, Record<string, number>>
  >
  const recorded = offsets[log.identity]?.[topicOf(dataType, exchange)] ?? {}
  return {
    logged: log.ids,
    logEnds: log.ends,
    rows: found.length,
    distinctRows: [...landed.values()].reduce((sum, ids) => sum + ids.size, 0),
    landed,
    tableOffsets: log.ends.map((_end, partition) => recorded[partition] ?? 0)
  }
}

/** Deletes a partition's newest sequence state, as a careless clean-up would. */
export const removeState = (folder: string, partition: number): void => {
  const table = openTable(folder)!
  const states = Object.values(JSON.parse(summaryOf(table)['k2.state']!) as StatePaths)[0]!
  const path = states[topicOf('trades')]![partition]!
  for (const uuid of readdirSync(join(folder, 'warehouse', '_k2'))) {
    rmSync(join(folder, 'warehouse', '_k2', uuid, path), { force: true })
  }
}

type StatePaths = Record<string, Record<string, Record<string, string>>>

/** Ids that are missing between the first and the last of each symbol. */
export const holesOf = (ids: ReadonlyMap<string, ReadonlySet<number>>): number => {
  let holes = 0
  for (const of of ids.values()) {
    const sorted = [...of].sort((a, b) => a - b)
    holes += sorted.at(-1)! - sorted[0]! + 1 - sorted.length
  }
  return holes
}

const readLog = (directory: string, dataType: DataType, exchange: string) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const topic = topicOf(dataType, exchange)
        const codec = makeRecordCodec<SequencedRecord>(
          dataType === 'trades' ? tradeV2Schema : quoteV2Schema
        )
        const description = yield* Effect.promise(() => readDescription(nodeFiles, directory))
        const log = yield* openEmbeddedLog({
          directory,
          files: nodeFiles,
          clock: systemClock,
          process: yield* Effect.promise(nodeProcess),
          topics: Object.fromEntries(description!.topics),
          neverBelow: [],
          observe: () => undefined
        })
        const ids = new Map<string, Set<number>>()
        const ends = log
          .watermarks()
          .filter((watermark) => watermark.topic === topic)
          .map(({ durableEnd }) => durableEnd)
        for (const [partition, end] of ends.entries()) {
          let fromOffset = (yield* log.bounds(topic, partition)).startOffset
          while (fromOffset < end) {
            const batches = yield* log.read(topic, partition, { fromOffset, bytesMax: 1_000_000 })
            for (const batch of batches) {
              forEachRecord(batch, ({ valueStart, valueEnd }) => {
                const record = codec.decode(batch.bytes, valueStart, valueEnd)
                add(ids, record.symbol, record.source_sequence!)
              })
              fromOffset = batch.endOffset
            }
          }
        }
        return { identity: log.identityOf(topic), ids, ends }
      })
    )
  )

const add = (ids: Map<string, Set<number>>, symbol: string, id: number): void => {
  const known = ids.get(symbol) ?? new Set()
  ids.set(symbol, known.add(id))
}

const sumOf = (text: string, name: string, topic?: string): number =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => topic === undefined || line.includes(`topic="${topic}"`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
