/** How the configuration says to reach brokers and schema registry; structured-cloneable. */
import type { Config } from '../../adapters/config/config.ts'
import type { KafkaConnection } from '../../adapters/log/kafka/kafka-client.ts'
import type { RegistryConnection } from '../../adapters/schema/registry-http.ts'

const registryMsMax = 5_000

export const connectionOf = (config: Config): KafkaConnection => {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username } = config
  const password = config.kafkaSaslPassword?.reveal() ?? ''
  return {
    brokers: config.kafkaBootstrapServers ?? [],
    clientId: config.kafkaClientId,
    tls: config.kafkaTls === 'on' ? { caFile: config.kafkaTlsCaFile } : undefined,
    sasl:
      mechanism === undefined
        ? undefined
        : { mechanism, username: username ?? '', password },
    requestMsMax: config.kafkaSendMs,
    encoder: config.kafkaEncoder
  }
}

/** Registers what is written (1, 2); undefined where there is no registry. */

/** Undefined where there is none. */
export const registryOf = (config: Config): RegistryConnection | undefined =>
  config.schemaRegistryUrls && {
    urls: config.schemaRegistryUrls,
    username: config.schemaRegistryUsername,
    password: config.schemaRegistryPassword?.reveal(),
    caFile: config.schemaRegistryTlsCaFile,
    requestMsMax: registryMsMax
  }
