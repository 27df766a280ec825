/** Every process that a stack may run, and what each service needs to be there before it. */
import { join } from 'node:path'
import { addressesOf, kafkaUsername, tlsFolderOf } from '../addresses.ts'
import type { Layout } from '../layout.ts'
import { kafkaName, kafkaSpec } from './kafka.ts'
import type { KafkaCluster } from './kafka-properties.ts'
import { portOf } from '../ports.ts'
import { s3Spec } from './s3.ts'
import type { ServiceName, ServiceSpec } from './service-spec.ts'

export const needsOf: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  kafka: [],
  s3: []
}

/** These services and what they need. */
export const withNeeds = (services: readonly ServiceName[]): ReadonlySet<ServiceName> =>
  new Set(services.flatMap((service) => [...withNeeds(needsOf[service]), service]))

export const specsOf = (folder: string, layout: Layout): readonly ServiceSpec[] => {
  const { portsFrom, brokers, kafka, clusterId, secrets } = layout
  const cluster: KafkaCluster = {
    portsFrom,
    brokers,
    options: kafka,
    username: kafkaUsername,
    password: secrets.kafka,
    tlsFolder: tlsFolderOf(folder)
  }
  const brokerSpecs = Array.from({ length: brokers }, (_, index) =>
    kafkaSpec({ cluster, clusterId, index, folder: join(folder, kafkaName(brokers, index)) })
  )
  const { s3 } = addressesOf(folder, layout)
  return [...brokerSpecs, s3Spec(join(folder, 's3'), portOf(portsFrom, 's3'), s3)]
}
