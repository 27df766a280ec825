/**
 * What K2 uses in place of what is embedded: the services that its settings name, and those of
 * `npm run stack` where one was brought up.
 *
 * 1. A service that the settings name and that does not answer has failed; one of a stack that is
 *    down is not configured.
 */
import { connect } from 'node:net'
import * as Effect from 'effect/Effect'
import { surveyTopics, type TopicSurvey } from '../../actors/operator/topic-survey.ts'
import type { Config } from '../../adapters/config/config.ts'
import { askUrl, type CheckContext, plural, reasonOf } from './check-context.ts'
import { type CheckLine, line, notConfigured } from './check-report.ts'
import { isUp, type StackFacts } from './stack-address.ts'

const answerMsMax = 10_000
const upRemedy = 'npm run stack -- up'

export const stackChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const { stack, config } = context
  if (typeof stack === 'string')
    return [line('stack', 'npm run stack', { figure: stack, remedy: upRemedy, isFailure: true })]
  const processes = (stack?.services ?? []).map(processLine)
  return [
    ...(stack === undefined
      ? [notConfigured('stack', 'npm run stack', 'none was brought up: npm run stack -- up')]
      : processes),
    ...(await kafkaLines(config, stack)),
    ...(await httpLines(config, stack)),
    ...(stack !== undefined && isUp(stack, 'postgres') ? [await postgresLine(stack)] : [])
  ]
}

const processLine = ({
  name,
  condition,
  pid,
  memoryMiB
}: StackFacts['services'][number]): CheckLine =>
  condition === 'running'
    ? line('stack', `process ${name}`, { figure: `runs as ${pid}, ${memoryMiB ?? 0} MiB` })
    : condition === 'paused'
      ? line('stack', `process ${name}`, {
          figure: 'is paused',
          remedy: `npm run stack -- resume ${name}`,
          isFailure: true
        })
      : notConfigured('stack', `process ${name}`, `${condition}: npm run stack -- restart ${name}`)

/** Brokers of the settings; else those of the stack, on which a K2 may not have run yet. */
const kafkaLines = async (
  config: Config,
  stack: StackFacts | undefined
): Promise<readonly CheckLine[]> => {
  const isOwn = config.kafkaBootstrapServers !== undefined
  if (!isOwn && (stack === undefined || !isUp(stack, 'kafka')))
    return [notConfigured('stack', 'Kafka', 'the embedded log is the log')]
  const brokers = config.kafkaBootstrapServers ?? stack!.addresses.kafkaBootstrap.split(',')
  const startedMs = performance.now()
  try {
    const asked = { ...config, kafkaBootstrapServers: brokers }
    const surveys = await Effect.runPromise(surveyTopics(asked))
    const ms = performance.now() - startedMs
    return [
      line('stack', 'Kafka', {
        figure: `${brokers.join(',')} answers in ${ms.toFixed(0)} ms`,
        values: { answerMs: ms }
      }),
      ...surveys.map((it) => topicLine(it, isOwn))
    ]
  } catch (error) {
    const remedy = 'npm run stack -- restart kafka   (or K2_KAFKA_BOOTSTRAP_SERVERS)'
    return [line('stack', 'Kafka', { figure: reasonOf(error), remedy, isFailure: true })]
  }
}

export const topicLine = (survey: TopicSurvey, isOwn: boolean): CheckLine => {
  const { topic, partitions, records, differences } = survey
  if (partitions === 0) {
    const figure = 'is not there yet: K2 makes it at its start'
    return isOwn
      ? line('stack', topic, { figure, remedy: 'npm start', isFailure: true })
      : notConfigured('stack', topic, figure)
  }
  const figure = `${plural(partitions, 'partition')}, ${records} records`
  const values = { partitions, records, differences: differences.length }
  if (differences.length === 0)
    return line('stack', topic, { figure: `${figure}, as declared`, values })
  return line('stack', topic, {
    figure: `${figure}; ${differences.join(', ')}`,
    values,
    remedy: 'declare what it is in deploy/kafka/topics.json, or use new topics'
  })
}

const httpLines = async (
  config: Config,
  stack: StackFacts | undefined
): Promise<readonly CheckLine[]> => {
  const of = (name: string, url: (addresses: StackFacts['addresses']) => string) =>
    stack !== undefined && isUp(stack, name) ? url(stack.addresses) : undefined
  const registry = config.schemaRegistryUrls?.[0] ?? of('registry', (it) => it.registryUrl)
  const catalog = config.icebergCatalogUri ?? of('catalog', (it) => it.catalogUri)
  const s3 = config.s3Endpoint ?? of('s3', (it) => it.s3.endpoint)
  const embedded = 'what is embedded is in its place'
  return [
    registry === undefined
      ? notConfigured('stack', 'schema registry', embedded)
      : await httpLine('schema registry', `${registry.replace(/\/$/, '')}/subjects`, 'registry'),
    catalog === undefined
      ? notConfigured('stack', 'Iceberg catalog', embedded)
      : await httpLine('Iceberg catalog', `${catalog.replace(/\/$/, '')}/v1/config`, 'catalog'),
    s3 === undefined ? notConfigured('stack', 'S3', embedded) : await httpLine('S3', s3, 's3')
  ]
}

/** Who asks without a key is refused by a service that is there. */
const refusals = new Set([401, 403])

const httpLine = async (name: string, url: string, service: string): Promise<CheckLine> => {
  try {
    const { status, text, ms } = await askUrl(url, {}, { msMax: answerMsMax })
    const isThere = status < 300 || refusals.has(status)
    const subjects = service === 'registry' && status === 200 ? JSON.parse(text) : undefined
    const also = Array.isArray(subjects) ? `, ${plural(subjects.length, 'subject')}` : ''
    return line('stack', name, {
      figure: `${new URL(url).host} answers ${status} in ${ms.toFixed(0)} ms${also}`,
      values: { status, answerMs: ms },
      ...(isThere ? {} : { remedy: `npm run stack -- restart ${service}`, isFailure: true })
    })
  } catch (error) {
    const remedy = `npm run stack -- restart ${service}`
    return line('stack', name, { figure: reasonOf(error), remedy, isFailure: true })
  }
}

/** It says whether it takes TLS, before anybody has to log in. */
const postgresLine = async ({ addresses }: StackFacts): Promise<CheckLine> => {
  const { host, port } = addresses.postgres
  const startedMs = performance.now()
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(port, host, () => socket.write(sslRequest))
    const end = (text: string) => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(answerMsMax, () => end('does not answer'))
    socket.once('data', (bytes) => end(/^[SN]/.test(bytes.toString('latin1')) ? '' : 'is none'))
    socket.once('error', (error) => end(error.message))
  })
  const ms = performance.now() - startedMs
  return line('stack', 'PostgreSQL', {
    figure: answer === '' ? `${host}:${port} answers in ${ms.toFixed(0)} ms` : answer,
    ...(answer === ''
      ? { values: { answerMs: ms } }
      : { remedy: 'npm run stack -- restart postgres', isFailure: true })
  })
}

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
