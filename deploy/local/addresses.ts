/** Where the services of a stack are reached. Pure. */
import { join } from 'node:path'
import type { Layout } from './layout.ts'
import { type PortName, portOf } from './ports.ts'
import { authorityFile } from './services/certificates.ts'
import { saslMechanisms } from './services/kafka-properties.ts'
import type { PostgresAddress } from './services/postgres.ts'
import type { S3Address } from './services/s3-request.ts'

interface SaslAddress {
  readonly bootstrap: string
  readonly username: string
  readonly password: string
  readonly mechanisms: readonly string[]
}

interface TlsAddress {
  readonly bootstrap: string
  /** PEM file of the authority that signed the brokers' certificate. */
  readonly authorityFile: string
}

export interface Addresses {
  /** `host:port`, separated by commas. */
  readonly kafkaBootstrap: string
  /** Where brokers listen for the proxies whose addresses they advertise there. */
  readonly kafkaProxiedBootstrap?: string
  readonly kafkaTls?: TlsAddress
  readonly kafkaSasl?: SaslAddress
  readonly kafkaSaslTls?: SaslAddress & TlsAddress
  /** With its keys, and a bucket that is there. Buckets are in the path, not in the host name. */
  readonly s3: S3Address
  readonly postgres: PostgresAddress
  /** Of the Iceberg REST catalog, before `/v1`. */
  readonly catalogUri: string
  /** Of the schema registry, with the path of Confluent's API: before `/subjects`. */
  readonly registryUrl: string
  readonly prometheusUrl: string
}

export const kafkaUsername = 'k2'

export const tlsFolderOf = (folder: string): string => join(folder, 'certificates')

export const addressesOf = (folder: string, layout: Layout): Addresses => {
  const { portsFrom, secrets } = layout
  const http = (name: PortName) => `http://127.0.0.1:${portOf(portsFrom, name)}`
  return {
    ...kafkaAddresses(folder, layout),
    s3: {
      endpoint: http('s3'),
      region: 'us-east-1',
      bucket: 'warehouse',
      accessKey: 'k2',
      secretKey: secrets.s3
    },
    postgres: {
      host: '127.0.0.1',
      port: portOf(portsFrom, 'postgres'),
      database: 'postgres',
      username: 'k2',
      password: secrets.postgres
    },
    catalogUri: http('catalog'),
    registryUrl: `${http('registry')}/apis/ccompat/v7`,
    prometheusUrl: http('prometheus')
  }
}

const kafkaAddresses = (folder: string, { portsFrom, brokers, kafka, secrets }: Layout) => {
  const bootstrap = (name: PortName) =>
    Array.from({ length: brokers }, (_, index) => `127.0.0.1:${portOf(portsFrom, name, index)}`)
      .join(',')
  const login = {
    username: kafkaUsername,
    password: secrets.kafka,
    mechanisms: saslMechanisms
  }
  const trust = { authorityFile: authorityFile(tlsFolderOf(folder)) }
  return {
    kafkaBootstrap: bootstrap('kafka'),
    ...(kafka.proxied && { kafkaProxiedBootstrap: bootstrap('kafkaProxied') }),
    ...(kafka.tls && { kafkaTls: { bootstrap: bootstrap('kafkaTls'), ...trust } }),
    ...(kafka.sasl && { kafkaSasl: { bootstrap: bootstrap('kafkaSasl'), ...login } }),
    ...(kafka.sasl &&
      kafka.tls && {
        kafkaSaslTls: { bootstrap: bootstrap('kafkaSaslTls'), ...login, ...trust }
      })
  }
}
