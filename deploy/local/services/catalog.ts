/**
 * An Iceberg REST catalog: Iceberg's own implementation, over PostgreSQL, its tables in S3.
 * It is ready when it lists its namespaces, which it reads from the database.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { debianPackage, ensureDebianPackages } from '../install/debian-packages.ts'
import { ensureJars, java } from '../install/maven.ts'
import { askHttp } from '../readiness.ts'
import { propertiesText } from './kafka-properties.ts'
import type { PostgresAddress } from './postgres.ts'
import type { S3Address } from './s3-request.ts'
import type { ServiceSpec } from './service-spec.ts'

export interface CatalogAddress {
  readonly port: number
  readonly uri: string
  readonly s3: S3Address
  readonly postgres: PostgresAddress
}

const readyMsMax = 90_000
const stopMsMax = 10_000
const program = join(import.meta.dirname, '..', 'catalog', 'CatalogServer.java')
const compiler = debianPackage('openjdk-17-jdk-headless', '/usr/bin/javac')

export const catalogSpec = (folder: string, address: CatalogAddress): ServiceSpec => ({
  name: 'catalog',
  service: 'catalog',
  folder,
  ports: [address.port],
  prepare: async () => {
    await ensureDebianPackages([compiler])
    const jars = await ensureJars('catalog')
    await mkdir(folder, { recursive: true })
    const settings = join(folder, 'catalog.properties')
    await writeFile(settings, propertiesText(catalogProperties(address)), { mode: 0o600 })
    const memory = ['-Xms32m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError']
    return { program: java, args: [...memory, '-cp', join(jars, '*'), program, settings] }
  },
  notReadyBecause: async () => askHttp(`${address.uri}/v1/namespaces`),
  readyMsMax,
  stopSignal: 'SIGTERM',
  stopMsMax
})

const catalogProperties = ({ port, s3, postgres }: CatalogAddress) => ({
  port: String(port),
  'catalog-impl': 'org.apache.iceberg.jdbc.JdbcCatalog',
  uri: `jdbc:postgresql://${postgres.host}:${postgres.port}/${postgres.database}`,
  'jdbc.user': postgres.username,
  'jdbc.password': postgres.password,
  'jdbc.schema-version': 'V1',
  warehouse: `s3://${s3.bucket}/tables`,
  'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
  's3.endpoint': s3.endpoint,
  's3.path-style-access': 'true',
  's3.access-key-id': s3.accessKey,
  's3.secret-access-key': s3.secretKey,
  'client.region': s3.region
})
