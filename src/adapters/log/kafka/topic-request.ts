/**
 * Asks a broker for the metadata of topics in a version that kafkajs 2.2.4 does not know, over its
 * own connection, with its TLS and SASL.
 *
 * This file and fast-kafkajs.ts alone rely on kafkajs' inner parts; its version is pinned, and
 * another one is refused by name where it has not got them.
 */
import type { Kafka } from 'kafkajs'
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  metadataApiKey,
  metadataVersion,
  type TopicMetadata
} from './topic-metadata.ts'

/** Rejects with what kafkajs says, with MetadataMalformed, or with an Error that names the cure. */
export interface MetadataClient {
  readonly fetch: (topics: readonly string[]) => Promise<readonly TopicMetadata[]>
}

export const makeMetadataClient = (kafka: Kafka): MetadataClient => {
  const cluster = clusterOf(kafka)
  return {
    async fetch(topics) {
      await cluster.connect()
      const { seedBroker } = cluster.brokerPool
      await seedBroker.connect()
      const newest = seedBroker.versions[metadataApiKey]?.maxVersion ?? 0
      if (newest < metadataVersion) {
        throw new Error(
          `the broker speaks Metadata up to version ${newest}, which has no topic ids: ` +
            'Kafka 3.1 or newer is needed'
        )
      }
      return await seedBroker.connectionPool.send({
        request: {
          apiKey: metadataApiKey,
          apiName: 'Metadata',
          apiVersion: metadataVersion,
          encode: async () => encoded(encodeMetadataRequest(topics))
        },
        response: {
          decode: async (bytes) => ({ topics: decodeMetadataResponse(bytes) }),
          parse: async ({ topics: found }) => found
        }
      })
    }
  }
}

interface MetadataExchange {
  readonly request: {
    readonly apiKey: number
    readonly apiName: string
    readonly apiVersion: number
    readonly encode: () => Promise<Encoded>
  }
  readonly response: {
    readonly decode: (bytes: Buffer) => Promise<{ readonly topics: readonly TopicMetadata[] }>
    readonly parse: (decoded: {
      readonly topics: readonly TopicMetadata[]
    }) => Promise<readonly TopicMetadata[]>
  }
}

/** `src/cluster/index.js`, `src/cluster/brokerPool.js`, `src/broker/index.js` of kafkajs 2.2.4. */
interface Cluster {
  readonly connect: () => Promise<void>
  readonly brokerPool: {
    readonly seedBroker: {
      readonly connect: () => Promise<void>
      readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>>
      readonly connectionPool: {
        readonly send: (exchange: MetadataExchange) => Promise<readonly TopicMetadata[]>
      }
    }
  }
}

type MakeCluster = (options: { readonly allowAutoTopicCreation: boolean }) => Cluster

const createCluster = 'private:Kafka:createCluster'

const clusterOf = (kafka: Kafka): Cluster => {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === createCluster
  )
  const create: unknown = symbol === undefined ? undefined : Reflect.get(kafka, symbol)
  if (typeof create !== 'function') {
    throw new TypeError('kafkajs is not version 2.2.4: it makes no clusters any more')
  }
  return (create as MakeCluster)({ allowAutoTopicCreation: false })
}

/** What kafkajs takes for an instance of its Encoder. */
interface Encoded {
  readonly buf: Buffer
  readonly buffer: Buffer
}

const encoded = (bytes: Buffer): Encoded => ({ buf: bytes, buffer: bytes })
