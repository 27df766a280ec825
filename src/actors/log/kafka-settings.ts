/** How the configuration says to reach brokers and schema registry; structured-cloneable. */
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import type { Config } from '../../adapters/config/config.ts'
import type { KafkaConnection } from '../../adapters/log/kafka/kafka-client.ts'
import { readTopicsFile, specsOf } from '../../adapters/log/kafka/topics-file.ts'
import type { RegistryConnection } from '../../adapters/schema/registry-http.ts'
import type { DataType } from '../../market/data-type.ts'

const registryMsMax = 5_000
const defaultTopicsFile = fileURLToPath(
  new URL('../../../deploy/kafka/topics.json', import.meta.url)
)

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

/** Of the landers of a data type. */
export const groupIdOf = ({ kafkaGroupId }: Config, dataType: DataType): string =>
  `${kafkaGroupId}-${dataType}`

/** Undefined where there is none. */
export const registryOf = (config: Config): RegistryConnection | undefined =>
  config.schemaRegistryUrls && {
    urls: config.schemaRegistryUrls,
    username: config.schemaRegistryUsername,
    password: config.schemaRegistryPassword?.reveal(),
    caFile: config.schemaRegistryTlsCaFile,
    requestMsMax: registryMsMax
  }

/** What topics are to be like, as the file says that the settings name. */
export const declaredTopics = ({ kafkaTopicsFile }: Config, topics: readonly string[]) =>
  Effect.gen(function* () {
    const file = kafkaTopicsFile ?? defaultTopicsFile
    return yield* specsOf(yield* readTopicsFile(file), topics, file)
  })
