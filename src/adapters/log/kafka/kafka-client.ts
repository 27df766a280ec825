/**
 * How the clients of this process reach the brokers: addresses, TLS, SASL, compression.
 *
 * 1. kafkajs retries nothing for us: every attempt ends, and who asked decides what follows (R4).
 * 2. What kafkajs has to say goes to `observe`, never to the console.
 * 3. lz4 and zstd come from packages of their own; Node 20 has no zstd.
 */
import { readFileSync } from 'node:fs'
import { init as initZstd, compress, decompress } from '@bokuweb/zstd-wasm'
import kafkajs, {
  CompressionTypes,
  type ISocketFactory,
  Kafka,
  type KafkaConfig,
  logLevel,
  type SASLOptions
} from 'kafkajs'
import { compressFrame, decompressFrameSync } from 'lz4-napi'

/** Structured-cloneable, since worker threads connect for themselves. */
export interface KafkaConnection {
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Absent: no TLS. */
  readonly tls?: { readonly caFile?: string | undefined } | undefined
  readonly sasl?: KafkaSasl | undefined
  /** How long one request may take, ms. */
  readonly requestMsMax: number
  /** Whether record batches pass by kafkajs (`fast`, by default) or are its messages (`stock`). */
  readonly encoder?: 'fast' | 'stock' | undefined
}

interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

export interface KafkaLogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  readonly message: string
  /** The same for lines that differ only by numbers: addresses, ids, times. */
  readonly kind: string
  readonly fields: Readonly<Record<string, unknown>>
}

export const kafkaLogLine = (line: Omit<KafkaLogLine, 'kind'>): KafkaLogLine => ({
  ...line,
  kind: line.message.replace(/\d+/g, '#')
})

/** Node finds no more names than these by itself in a package that is no module. */
const { CompressionCodecs, ConfigResourceTypes } = kafkajs
export const topicResource = ConfigResourceTypes.TOPIC

const connectMsMax = 5_000
const authenticateMsMax = 10_000

/**
 * @param socketFactory by default kafkajs' own
 * @throws if the file of the certificate authority cannot be read
 */
export const makeKafka = (
  connection: KafkaConnection,
  observe: (line: KafkaLogLine) => void,
  socketFactory?: ISocketFactory
): Kafka => {
  const { brokers, clientId, tls, sasl, requestMsMax } = connection
  const config: KafkaConfig = {
    clientId,
    brokers: [...brokers],
    connectionTimeout: connectMsMax,
    authenticationTimeout: authenticateMsMax,
    requestTimeout: requestMsMax,
    enforceRequestTimeout: true,
    retry: { retries: 0 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, log: { message, timestamp: _timestamp, logger: _logger, ...fields } }) =>
        observe(kafkaLogLine({ level: levelNames[level] ?? 'debug', message, fields }))
  }
  if (tls !== undefined) {
    config.ssl = tls.caFile === undefined ? true : { ca: [readFileSync(tls.caFile, 'utf8')] }
  }
  if (socketFactory !== undefined) config.socketFactory = socketFactory
  if (sasl !== undefined) config.sasl = { ...sasl } as SASLOptions
  return new Kafka(config)
}

const levelNames: Readonly<Record<number, KafkaLogLine['level']>> = {
  [logLevel.ERROR]: 'error',
  [logLevel.WARN]: 'warn',
  [logLevel.INFO]: 'info',
  [logLevel.DEBUG]: 'debug'
}

const zstdLevel = 1
const zstdReady = initZstd()

CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) => compressFrame(buffer),
  decompress: async (buffer: Buffer) => decompressFrameSync(buffer)
})

CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { readonly buffer: Buffer }) => {
    await zstdReady
    return Buffer.from(compress(buffer, zstdLevel))
  },
  decompress: async (buffer: Buffer) => {
    await zstdReady
    return Buffer.from(decompress(buffer))
  }
})
