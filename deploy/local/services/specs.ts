/** Every process that a stack may run, and what each service needs to be there before it. */
import { join } from 'node:path'
import { addressesOf, kafkaUsername, tlsFolderOf } from '../addresses.ts'
import type { Layout } from '../layout.ts'
import { kafkaName, kafkaSpec } from './kafka.ts'
import type { KafkaCluster } from './kafka-properties.ts'
import { type PortName, portOf } from '../ports.ts'
import { catalogSpec } from './catalog.ts'
import { postgresSpec } from './postgres.ts'
import { prometheusSpec } from './prometheus.ts'
import { registrySpec } from './registry.ts'
import { s3Spec } from './s3.ts'
import type { ServiceName, ServiceSpec } from './service-spec.ts'

export const needsOf: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  kafka: [],
  s3: [],
  postgres: [],
  catalog: ['postgres', 's3'],
  registry: ['kafka'],
  prometheus: []
}

/** These services and what they need. */
export const withNeeds = (services: readonly ServiceName[]): ReadonlySet<ServiceName> =>
  new Set(services.flatMap((service) => [...withNeeds(needsOf[service]), service]))

export const specsOf = (folder: string, layout: Layout): readonly ServiceSpec[] => {
  const { portsFrom, metricsAddress } = layout
  const at = (service: ServiceName) => join(folder, service)
  const port = (name: PortName) => portOf(portsFrom, name)
  const { s3, postgres, ...others } = addressesOf(folder, layout)
  const catalog = { port: port('catalog'), uri: others.catalogUri, s3, postgres }
  const registry = {
    port: port('registry'),
    url: others.registryUrl,
    bootstrap: others.kafkaBootstrap
  }
  const prometheus = { port: port('prometheus'), url: others.prometheusUrl, metricsAddress }
  return [
    ...brokerSpecs(folder, layout),
    s3Spec(at('s3'), port('s3'), s3),
    postgresSpec(at('postgres'), postgres),
    catalogSpec(at('catalog'), catalog),
    registrySpec(at('registry'), registry),
    prometheusSpec(at('prometheus'), prometheus)
  ]
}

const brokerSpecs = (folder: string, layout: Layout): readonly ServiceSpec[] => {
  const { portsFrom, brokers, kafka, clusterId, secrets } = layout
  const cluster: KafkaCluster = {
    portsFrom,
    brokers,
    options: kafka,
    username: kafkaUsername,
    password: secrets.kafka,
    tlsFolder: tlsFolderOf(folder)
  }
  return Array.from({ length: brokers }, (_, index) =>
    kafkaSpec({ cluster, clusterId, index, folder: join(folder, kafkaName(brokers, index)) })
  )
}
