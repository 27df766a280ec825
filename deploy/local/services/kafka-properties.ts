/** Settings of one broker of a stack. Pure. */
import { join } from 'node:path'
import { type PortName, portOf } from '../ports.ts'
import { keyStoreFile } from './certificates.ts'

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface KafkaOptions {
  /**
   * A listener more, whose clients are sent to these addresses, one a broker: where a proxy is that
   * a test puts between. Default: none.
   */
  readonly proxied?: readonly HostPort[]
  /** Listeners with TLS. */
  readonly tls?: boolean
  /** Listeners with SASL: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. With `tls`, one with both too. */
  readonly sasl?: boolean
  readonly heapMiB?: number
  /** Broker settings in addition, or instead. */
  readonly properties?: Readonly<Record<string, string>>
}

export interface KafkaCluster {
  readonly portsFrom: number
  readonly brokers: number
  readonly options: KafkaOptions
  readonly username: string
  readonly password: string
  readonly tlsFolder: string
}

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** Names of listeners, as Kafka's settings spell them. */
interface Listener {
  readonly name: string
  readonly port: PortName
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
}

const clientListeners = ({ proxied, tls, sasl }: KafkaOptions): readonly Listener[] => [
  // Brokers talk to each other through it as well, so that no proxy comes between them.
  { name: 'PLAINTEXT', port: 'kafka', protocol: 'PLAINTEXT' },
  ...(proxied ? [{ name: 'PROXIED', port: 'kafkaProxied', protocol: 'PLAINTEXT' } as const] : []),
  ...(tls ? [{ name: 'TLS', port: 'kafkaTls', protocol: 'SSL' } as const] : []),
  ...(sasl ? [{ name: 'SASL', port: 'kafkaSasl', protocol: 'SASL_PLAINTEXT' } as const] : []),
  ...(sasl && tls ? [{ name: 'SASLTLS', port: 'kafkaSaslTls', protocol: 'SASL_SSL' } as const] : [])
]

/** Ports that the broker listens on. */
export const portsOfBroker = (cluster: KafkaCluster, index: number): readonly number[] => [
  ...clientListeners(cluster.options).map(({ port }) => portOf(cluster.portsFrom, port, index)),
  portOf(cluster.portsFrom, 'kafkaController', index)
]

export const brokerProperties = (
  cluster: KafkaCluster,
  index: number,
  folder: string
): Readonly<Record<string, string>> => {
  const { portsFrom, brokers, options } = cluster
  const at = (port: PortName, broker: number) => `127.0.0.1:${portOf(portsFrom, port, broker)}`
  const listeners = clientListeners(options)
  const advertised = ({ name, port }: Listener) => {
    const proxy = name === 'PROXIED' ? options.proxied?.[index] : undefined
    return `${name}://${proxy === undefined ? at(port, index) : `${proxy.host}:${proxy.port}`}`
  }
  const controller = `CONTROLLER://${at('kafkaController', index)}`
  const voters = Array.from(
    { length: brokers },
    (_, broker) => `${broker + 1}@${at('kafkaController', broker)}`
  )
  return {
    'process.roles': 'broker,controller',
    'node.id': String(index + 1),
    'controller.quorum.voters': voters.join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    listeners: [...listeners.map((l) => `${l.name}://${at(l.port, index)}`), controller].join(','),
    'advertised.listeners': listeners.map(advertised).join(','),
    'listener.security.protocol.map': [
      'CONTROLLER:PLAINTEXT',
      ...listeners.map(({ name, protocol }) => `${name}:${protocol}`)
    ].join(','),
    'log.dirs': join(folder, 'data'),
    ...replication(brokers),
    ...timing,
    ...(options.tls ? tlsProperties(cluster.tlsFolder) : {}),
    ...(options.sasl ? saslProperties(cluster) : {}),
    ...options.properties
  }
}

const replication = (brokers: number): Readonly<Record<string, string>> => {
  const inSyncMin = String(Math.min(2, brokers))
  const factor = String(brokers)
  return {
    'auto.create.topics.enable': 'false',
    'default.replication.factor': factor,
    'min.insync.replicas': inSyncMin,
    'offsets.topic.replication.factor': factor,
    // Fifty would be made, and read, on every first use.
    'offsets.topic.num.partitions': '8',
    'transaction.state.log.replication.factor': factor,
    'transaction.state.log.min.isr': inSyncMin,
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': factor,
    'share.coordinator.state.topic.min.isr': inSyncMin,
    'share.coordinator.state.topic.num.partitions': '1'
  }
}

const timing: Readonly<Record<string, string>> = {
  // Nobody else is expected to join.
  'group.initial.rebalance.delay.ms': '0',
  // A killed broker may come back only when its session has ended; the default is 9 s.
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500'
}

const tlsProperties = (folder: string): Readonly<Record<string, string>> => ({
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': keyStoreFile(folder),
  'ssl.client.auth': 'none'
})

const saslProperties = ({
  options,
  username,
  password
}: KafkaCluster): Readonly<Record<string, string>> => {
  const modules = 'org.apache.kafka.common.security'
  const login = `required user_${username}="${password}";`
  const properties: Record<string, string> = {
    'sasl.enabled.mechanisms': saslMechanisms.join(',')
  }
  for (const name of options.tls ? ['sasl', 'sasltls'] : ['sasl']) {
    const prefix = `listener.name.${name}`
    properties[`${prefix}.plain.sasl.jaas.config`] = `${modules}.plain.PlainLoginModule ${login}`
    for (const mechanism of ['scram-sha-256', 'scram-sha-512']) {
      const module = `${modules}.scram.ScramLoginModule required;`
      properties[`${prefix}.${mechanism}.sasl.jaas.config`] = module
    }
  }
  return properties
}

/** As Java reads them: a backslash would begin an escape. */
export const propertiesText = (properties: Readonly<Record<string, string>>): string =>
  Object.entries(properties)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
