/**
 * Composition root: configuration → runtime → root actor → exit code.
 *
 * Exit codes: 0 drained and stopped; 1 the tree gave up, or draining took longer than
 * `K2_SHUTDOWN_TIMEOUT`; 2 the configuration was refused.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as ManagedRuntime from 'effect/ManagedRuntime'
import { type AnyActorRef, createActor } from 'xstate'
import { observeActors, observeKernel } from './actors/actor-telemetry.ts'
import { appLayer } from './actors/app-layer.ts'
import { makeFromEffect } from './actors/effect-actor.ts'
import { watchable } from './actors/inspection-channel.ts'
import { makeInspector } from './actors/inspector.ts'
import { makeKernel } from './actors/kernel.ts'
import { releaseActor } from './actors/release.ts'
import { runtimeTree } from './actors/runtime-actor.ts'
import { makeShared, type Shared } from './actors/shared.ts'
import { findActor, readStatus } from './actors/status.ts'
import { type Config, configHelp, ConfigRejected } from './adapters/config/config.ts'
import { readConfig } from './adapters/config/config.ts'
import { secretsOf } from './adapters/config/secrets.ts'
import { makeTelemetry } from './adapters/telemetry/telemetry.ts'
import type { SupervisorOutput } from './machines/supervisor-spec.ts'

const transitionsMax = 1_000
const commandsMax = 64
const releaseMsMax = 5_000
const disposeMsMax = 1_000
const drainPauseMs = 50

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8')
) as { version: string }

const start = (config: Config): void => {
  const telemetry = makeTelemetry({
    level: config.logLevel.level,
    levelsByComponent: config.logLevel.byComponent,
    repeatsMax: config.logRepeats,
    secrets: secretsOf(config),
    nowMs: Date.now,
    write: (line) => process.stderr.write(line)
  })
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID })
  const kernel = makeKernel({
    nowMs: Date.now,
    seed: randomInt(2 ** 31),
    observe: observeKernel(telemetry)
  })
  const inspector = makeInspector({
    nowMs: Date.now,
    transitionsMax,
    observe: observeActors(shared, (path) => findActor(status().root, path))
  })
  const status = () => readStatus(root, { kernel, inspector })
  const runtime = ManagedRuntime.make(appLayer(shared))
  const tree = runtimeTree({
    kernel,
    fromEffect: makeFromEffect(runtime, { kernel, commandsMax, releaseMsMax }),
    shared,
    actors: { inspector, root: () => root },
    http: {
      status,
      release: (path) => releaseActor(root, status(), path),
      drain: () => {
        // Behind the answer to who asked for it.
        setTimeout(() => drain('POST /v1/system/drain'), drainPauseMs)
        return { endsWithinSeconds: Math.ceil(config.shutdownMs / 1_000) }
      },
      run: (effect, options) => runtime.runPromiseExit(effect, options),
      version
    }
  })
  const root: AnyActorRef = createActor(tree.logic, {
    id: tree.spec.id,
    input: tree.spec.input,
    inspect: watchable(inspector.inspect)
  })
  root.subscribe({
    next: ({ status, output }) => {
      if (status === 'done') void end(runtime, output as SupervisorOutput, shared)
    },
    error: (error) => {
      telemetry.log('error', 'root.failed', { detail: String(error) })
      process.exit(1)
    }
  })
  const drain = drainOnce(root, shared)
  root.start()
  drainOnSignal(drain)
  announce(shared)
}

/** The first request drains; later ones change nothing, the deadline ends it. */
const drainOnce = (root: AnyActorRef, { config, telemetry }: Shared) => {
  let isDraining = false
  return (reason: string): void => {
    if (isDraining) return
    isDraining = true
    process.stdout.write('K2 is draining …\n')
    telemetry.log('info', 'drain.requested', { reason })
    root.send({ type: 'stop.requested' })
    setTimeout(() => {
      telemetry.log('error', 'drain.timed_out', { after_ms: config.shutdownMs })
      process.exit(1)
    }, config.shutdownMs).unref()
  }
}

const drainOnSignal = (drain: (reason: string) => void): void => {
  process.on('SIGINT', () => drain('SIGINT'))
  process.on('SIGTERM', () => drain('SIGTERM'))
  process.on('SIGHUP', () => drain('SIGHUP'))
  // A reader that is gone (a closed terminal, `npm start | head`) is no reason not to drain.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined)
  // `scripts/run.mjs` started this process; when it is gone, nobody can stop us by a terminal.
  process.on('disconnect', () => drain('parent process ended'))
}

const end = async (
  runtime: { readonly dispose: () => Promise<void> },
  output: SupervisorOutput,
  shared: Shared
): Promise<void> => {
  // What still hangs after the tree has ended hangs for ever: the exit code must not wait for it.
  await Promise.race([
    runtime.dispose(),
    new Promise((resolve) => setTimeout(resolve, disposeMsMax).unref())
  ])
  if (output._tag === 'Escalated') {
    process.stderr.write(`K2 gave up: ${output.childId}: ${output.crash.message}\n`)
    process.exit(1)
  }
  process.stdout.write(`K2 has stopped; ${outcomeOf(shared)}.\n`)
  process.exit(0)
}

const outcomeOf = ({ drained, hasRole }: Shared): string => {
  const { isLanded, unpublishedBytes, spooledRecords } = drained
  if (unpublishedBytes > 0) {
    return (
      `neither event log nor spool could take the last ${unpublishedBytes} bytes of records: ` +
      `they are a gap${spooledRecords > 0 ? `; ${waiting(spooledRecords)}` : ''}`
    )
  }
  if (spooledRecords > 0) return `${waiting(spooledRecords)}, and goes to the event log first`
  if (!hasRole('ingest')) return 'what had not landed yet waits in the event log'
  if (!hasRole('land')) return 'everything it had accepted is in the event log'
  return isLanded
    ? 'everything it had accepted is in the table'
    : 'what had not landed yet waits in the event log for the next start'
}

const waiting = (records: number): string =>
  `what the event log could not take waits in the spool for the next start (${records} records)`

const announce = (shared: Shared): void => {
  const { http } = shared
  let isAnnounced = false
  http.onServe(({ url }) => {
    if (isAnnounced) return
    isAnnounced = true
    process.stdout.write(
      `K2 ${version} is running.
${facts(shared, url).map(([what, how]) => `  ${what.padEnd(13)}${how}\n`).join('')}` +
        'Ctrl-C drains and stops; npm start -- --help lists the settings.\n'
    )
  })
}

const facts = (shared: Shared, url: string): readonly (readonly [what: string, how: string])[] => {
  const { config, hasRole } = shared
  const key = config.apiKeys.length === 0 ? '' : ' -H "X-API-Key: <one of K2_API_KEYS>"'
  return [
    ...(config.roles.length < 3 ? [['does', config.roles.join(', ')] as const] : []),
    ...(hasRole('ingest') ? [['trades from', feedOf(shared)] as const] : []),
    ...(hasRole('ingest') || hasRole('land') ? [['logged in', logOf(shared)] as const] : []),
    ...(hasRole('land') || hasRole('serve') ? [['stored in', tablesOf(shared)] as const] : []),
    ...(hasRole('serve')
      ? [['query', `curl${key} '${url}/v1/trades?symbol=BTCUSDT&limit=5'`] as const]
      : []),
    ['watch', `${url} in a browser`],
    ['look', `${url}/health  ${url}/metrics  ${url}/v1/system/actors`]
  ]
}

const feedOf = ({ config, exchange }: Shared): string =>
  exchange === 'SIMULATED'
    ? `a simulated exchange on this machine (${config.simulatorRate} trades/s; ` +
      'K2_FEEDS=binance for the venue)'
    : `Binance (${config.binanceWebsocketUrls[0]})`

const logOf = ({ config, folder }: Shared): string => {
  const { kafkaBootstrapServers: brokers, schemaRegistryUrls: registry } = config
  if (brokers === undefined) return folder.log
  const schemas = registry === undefined ? '' : `, schemas in ${registry[0]}`
  return `Kafka (${brokers.join(', ')})${schemas}`
}

const tablesOf = ({ config, folder }: Shared): string => {
  const { s3Endpoint, s3Bucket, s3Prefix, icebergCatalogUri } = config
  const where =
    s3Endpoint === undefined ? folder.warehouse : `s3://${s3Bucket}/${s3Prefix} at ${s3Endpoint}`
  const catalog = icebergCatalogUri === undefined ? '' : `, catalog ${icebergCatalogUri}`
  return `${where} (Iceberg${catalog})`
}

const args = process.argv.slice(2)
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(`K2 ${version}: exchange trades, exactly once, in Apache Iceberg.

usage: npm start [-- --flag value …]

Every setting is a flag and an environment variable; the flag wins.

${configHelp()}
`)
} else {
  try {
    start(readConfig(process.env, args))
  } catch (error) {
    if (!(error instanceof ConfigRejected)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 2
  }
}
