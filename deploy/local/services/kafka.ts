/**
 * Kafka in KRaft mode, from its Maven artefacts: every node is broker and controller.
 *
 * 1. The storage is formatted once; a broker that starts again finds its topics.
 * 2. A broker is ready when it says that it has started and names itself among the brokers in
 *    service: killed and started again, it may not serve before its old session has ended.
 */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureJars, java } from '../install/maven.ts'
import { runProgram } from '../install/run-program.ts'
import { portOf } from '../ports.ts'
import { reasonOf } from '../readiness.ts'
import { ensureCertificates } from './certificates.ts'
import { readBrokerIds } from './kafka-metadata.ts'
import {
  brokerProperties,
  type KafkaCluster,
  portsOfBroker,
  propertiesText
} from './kafka-properties.ts'
import type { Command, ServiceSpec } from './service-spec.ts'

export interface KafkaNode {
  readonly cluster: KafkaCluster
  /** The same for all nodes: 16 bytes in URL-safe base64. */
  readonly clusterId: string
  readonly index: number
  readonly folder: string
}

const readyMsMax = 120_000
const stopMsMax = 15_000
const heapMiBDefault = 512

export const kafkaName = (brokers: number, index: number): string =>
  brokers === 1 ? 'kafka' : `kafka-${index + 1}`

export const kafkaSpec = (node: KafkaNode): ServiceSpec => ({
  name: kafkaName(node.cluster.brokers, node.index),
  service: 'kafka',
  folder: node.folder,
  ports: portsOfBroker(node.cluster, node.index),
  prepare: async () => prepare(node),
  notReadyBecause: async (log) => {
    if (!(await log()).includes('Kafka Server started')) return 'it does not say that it started'
    try {
      const ids = await readBrokerIds(portOf(node.cluster.portsFrom, 'kafka', node.index))
      return ids.includes(node.index + 1) ? undefined : `in service are brokers ${ids.join(', ')}`
    } catch (error) {
      return reasonOf(error)
    }
  },
  readyMsMax,
  stopSignal: 'SIGTERM',
  stopMsMax
})

const prepare = async (node: KafkaNode): Promise<Command> => {
  const { cluster, folder, index } = node
  const jars = await ensureJars('kafka')
  if (cluster.options.tls) await ensureCertificates(cluster.tlsFolder)
  await mkdir(folder, { recursive: true })
  const propertiesFile = join(folder, 'server.properties')
  await writeFile(propertiesFile, propertiesText(brokerProperties(cluster, index, folder)), {
    mode: 0o600
  })
  const loggingFile = join(folder, 'log4j2.properties')
  await writeFile(loggingFile, propertiesText(logging))
  const onJava = ['-cp', join(jars, '*'), `-Dlog4j2.configurationFile=${loggingFile}`]
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    await format(node, [...onJava, 'kafka.tools.StorageTool'], propertiesFile)
  }
  const heapMiB = cluster.options.heapMiB ?? heapMiBDefault
  const memory = ['-Xms64m', `-Xmx${heapMiB}m`, '-XX:+ExitOnOutOfMemoryError']
  return { program: java, args: [...memory, ...onJava, 'kafka.Kafka', propertiesFile] }
}

/** Credentials for SCRAM go in at once: they cannot be added to a storage that is there. */
const format = async (
  { cluster, clusterId }: KafkaNode,
  tool: readonly string[],
  propertiesFile: string
) =>
  runProgram({
    program: java,
    args: [
      '-XX:TieredStopAtLevel=1',
      ...tool,
      'format',
      '--cluster-id',
      clusterId,
      '--config',
      propertiesFile,
      ...['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=${cluster.username},password=${cluster.password}]`
      ])
    ],
    failure: 'the storage of Kafka cannot be formatted'
  })

const logging: Readonly<Record<string, string>> = {
  status: 'WARN',
  'appender.console.type': 'Console',
  'appender.console.name': 'console',
  'appender.console.layout.type': 'PatternLayout',
  'appender.console.layout.pattern': '%d{ISO8601} %p %m (%c{1})%n',
  'rootLogger.level': 'WARN',
  'rootLogger.appenderRef.console.ref': 'console',
  'logger.server.name': 'kafka.server',
  'logger.server.level': 'INFO',
  // Says every setting, on every start.
  'logger.config.name': 'org.apache.kafka.common.config.AbstractConfig',
  'logger.config.level': 'WARN'
}
