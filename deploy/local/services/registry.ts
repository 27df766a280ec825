/**
 * A schema registry with Confluent's API: Apicurio Registry, which keeps its schemas in Kafka as
 * Confluent's does. It is ready when it lists its subjects.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureArchive, java } from '../install/maven.ts'
import { askHttp } from '../readiness.ts'
import type { ServiceSpec } from './service-spec.ts'

export interface RegistryAddress {
  readonly port: number
  /** With the path of Confluent's API. */
  readonly url: string
  readonly bootstrap: string
}

// The newest for Java 17; later ones need Java 21.
const version = '3.0.9'
const apicurio = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`

const readyMsMax = 120_000
const stopMsMax = 15_000

export const registrySpec = (folder: string, address: RegistryAddress): ServiceSpec => ({
  name: 'registry',
  service: 'registry',
  folder,
  ports: [address.port],
  prepare: async () => {
    const program = await ensureArchive(apicurio)
    await mkdir(folder, { recursive: true })
    const memory = ['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError']
    const settings = Object.entries(registryProperties(folder, address))
    return {
      program: java,
      args: [
        ...memory,
        ...settings.map(([key, value]) => `-D${key}=${value}`),
        '-jar',
        join(program, `apicurio-registry-app-${version}-runner.jar`)
      ]
    }
  },
  notReadyBecause: async () => askHttp(`${address.url}/subjects`),
  readyMsMax,
  stopSignal: 'SIGTERM',
  stopMsMax
})

const registryProperties = (
  folder: string,
  { port, bootstrap }: RegistryAddress
): Readonly<Record<string, string>> => ({
  'quarkus.http.host': '127.0.0.1',
  'quarkus.http.port': String(port),
  'quarkus.http.access-log.enabled': 'false',
  // Else it notes every request.
  'quarkus.log.category."io.apicurio".level': 'WARN',
  'apicurio.storage.kind': 'kafkasql',
  'apicurio.storage.snapshot.location': folder,
  'apicurio.kafkasql.bootstrap.servers': bootstrap,
  'apicurio.datasource.jdbc.initial-size': '2',
  'apicurio.datasource.jdbc.min-size': '2',
  'apicurio.datasource.jdbc.max-size': '20'
})
