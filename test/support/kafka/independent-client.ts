/**
 * A client of Kafka, of the schema registry and of Avro that shares no code with K2: librdkafka and
 * fastavro, in Python. Its packages come with the services: they are required, or not asked for.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pythonWith } from '../python/venv.ts'

const version = '2.14.2'
const runMsMax = 120_000
const outputBytesMax = 256 * 1024 * 1024

export interface IndependentOptions {
  readonly topic: string
  /** Settings of librdkafka, `bootstrap.servers` among them. */
  readonly client: Readonly<Record<string, string>>
  /** Avro schema, as a text. */
  readonly schema: string
  /** Settings of the registry's client; absent: single-object encoding. */
  readonly registry?: Readonly<Record<string, string>>
  /** Whether values are records; otherwise they are texts. Default: true. */
  readonly decode?: boolean
  /** Offset of the first message to read of a partition; absent: the oldest. */
  readonly from?: Readonly<Record<number, number>>
}

export interface IndependentMessage<A> {
  readonly partition: number
  readonly offset: number
  /** Unix ms. */
  readonly timestamp: number
  readonly key: string
  /** Decimals as texts, timestamps as Unix µs. */
  readonly value: A
}

/** All messages of the topic, by partition and offset; checksums are verified. */
export const readIndependently = <A>(
  options: IndependentOptions
): readonly IndependentMessage<A>[] =>
  run('read', options)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as IndependentMessage<A>)

/** Decimals are texts, timestamps Unix µs. The partition is murmur2 of the key. */
export const writeIndependently = (
  options: IndependentOptions,
  messages: readonly { readonly key: string; readonly value: unknown }[]
): void => {
  run('write', options, messages.map((message) => JSON.stringify(message)).join('\n'))
}

/** Id of the topic, as Kafka's own tools print it. */
export const identifyIndependently = (options: IndependentOptions): string =>
  run('identify', options)

const run = (
  command: 'read' | 'write' | 'identify',
  options: IndependentOptions,
  input = ''
): string => {
  const packages = [`confluent-kafka[avro,schemaregistry]==${version}`]
  const python = pythonWith(`confluent-kafka-${version}`, packages)
  const script = fileURLToPath(new URL('independent_client.py', import.meta.url))
  return execFileSync(python, [script, command, JSON.stringify(options)], {
    encoding: 'utf8',
    input,
    timeout: runMsMax,
    maxBuffer: outputBytesMax,
    stdio: ['pipe', 'pipe', 'inherit']
  })
}
