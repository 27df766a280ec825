/** Settings of the services that K2 can use in place of its embedded ones. */
import { optional, setting } from './setting.ts'
import {
  baseUrl,
  bytes,
  choice,
  duration,
  file,
  hostPort,
  identifier,
  list,
  pathUrl,
  scopes,
  secret
} from './values.ts'

const MiB = 1_024 ** 2
const TiB = 1_024 ** 4

const kafkaSettings = {
  kafkaBootstrapServers: optional('K2_KAFKA_BOOTSTRAP_SERVERS', list(hostPort, 1, 32), [
    'kafka-1:9092,kafka-2:9092',
    'Brokers of the event log; without it the log is embedded, on this machine.'
  ]),
  kafkaClientId: setting('K2_KAFKA_CLIENT_ID', identifier, 'k2', [
    'k2-prod',
    'Name under which the brokers know this process.'
  ]),
  kafkaGroupId: setting('K2_KAFKA_GROUP_ID', identifier, 'k2', [
    'k2-prod',
    'Consumer group of the landers, the data type appended: landers that share it share the work.'
  ]),
  kafkaTopicsFile: optional('K2_KAFKA_TOPICS_FILE', file, [
    '/etc/k2/topics.json',
    'Declares partitions, retention, replication and compression of the topics; ' +
      'by default deploy/kafka/topics.json.'
  ]),
  kafkaSendMs: setting('K2_KAFKA_SEND_TIMEOUT', duration(500, 300_000), '10s', [
    '30s',
    'A send that the brokers have not answered by then is sent again, by a new producer.'
  ]),
  kafkaEncoder: setting('K2_KAFKA_ENCODER', choice('fast', 'stock'), 'fast', [
    'stock',
    "Whether records are packed by K2 or, several times slower, by its client of Kafka's: a " +
      'way back should the fast one misbehave.'
  ]),
  kafkaTls: setting('K2_KAFKA_TLS', choice('off', 'on'), 'off', [
    'on',
    'Whether to speak TLS with the brokers.'
  ]),
  kafkaTlsCaFile: optional('K2_KAFKA_TLS_CA_FILE', file, [
    '/etc/k2/kafka-ca.pem',
    "Certificate authority of the brokers, PEM; by default the ones that Node trusts."
  ]),
  kafkaSaslMechanism: optional(
    'K2_KAFKA_SASL_MECHANISM',
    choice('plain', 'scram-sha-256', 'scram-sha-512'),
    ['scram-sha-512', 'How to authenticate with the brokers; by default not at all.']
  ),
  kafkaSaslUsername: optional('K2_KAFKA_SASL_USERNAME', identifier, ['k2', 'User of the brokers.']),
  kafkaSaslPassword: optional('K2_KAFKA_SASL_PASSWORD', secret, ['…', 'Password of that user.']),
  schemaRegistryUrls: optional(
    'K2_KAFKA_SCHEMA_REGISTRY_URL',
    list(pathUrl('https', 'http'), 1, 4),
    [
      'http://schema-registry:8081',
      'Confluent-compatible schema registry; further ones are failovers. Without it records on ' +
        "Kafka carry Avro's single-object encoding."
    ]
  ),
  schemaRegistryUsername: optional('K2_KAFKA_SCHEMA_REGISTRY_USERNAME', identifier, [
    'k2',
    'User of the schema registry.'
  ]),
  schemaRegistryPassword: optional('K2_KAFKA_SCHEMA_REGISTRY_PASSWORD', secret, [
    '…',
    'Password of that user.'
  ]),
  schemaRegistryTlsCaFile: optional('K2_KAFKA_SCHEMA_REGISTRY_TLS_CA_FILE', file, [
    '/etc/k2/registry-ca.pem',
    'Certificate authority of the schema registry, PEM.'
  ]),
  spoolBytesMax: setting('K2_SPOOL_LIMIT', bytes(16 * MiB, 100 * TiB), '1GiB', [
    '20GiB',
    'Bytes on disk for what the event log cannot take now; a quarter is kept for tier 1.'
  ])
} as const

const icebergSettings = {
  icebergCatalogUri: optional('K2_ICEBERG_CATALOG_URI', pathUrl('https', 'http'), [
    'http://catalog:8181',
    'Iceberg REST catalog; without it the catalog is embedded, on this machine.'
  ]),
  icebergCatalogWarehouse: optional('K2_ICEBERG_CATALOG_WAREHOUSE', identifier, [
    'prod',
    'Warehouse that the REST catalog is asked for; by default its own.'
  ]),
  icebergCatalogToken: optional('K2_ICEBERG_CATALOG_TOKEN', secret, [
    '…',
    'Bearer token of the REST catalog.'
  ]),
  icebergCatalogCredential: optional('K2_ICEBERG_CATALOG_CREDENTIAL', secret, [
    'client-id:client-secret',
    'OAuth2 client credentials of the REST catalog, instead of a token.'
  ]),
  icebergCatalogOauthUri: optional('K2_ICEBERG_CATALOG_OAUTH_URI', pathUrl('https', 'http'), [
    'https://login.example.com/token',
    "Where the credentials are exchanged for tokens; by default the catalog's /v1/oauth/tokens."
  ]),
  icebergCatalogOauthScope: setting('K2_ICEBERG_CATALOG_OAUTH_SCOPE', scopes, 'catalog', [
    'PRINCIPAL_ROLE:ALL',
    'Scope that tokens are asked for.'
  ]),
  icebergCatalogTlsCaFile: optional('K2_ICEBERG_CATALOG_TLS_CA_FILE', file, [
    '/etc/k2/catalog-ca.pem',
    'Certificate authority of the REST catalog, PEM.'
  ]),
  s3Endpoint: optional('K2_ICEBERG_S3_ENDPOINT', baseUrl('https', 'http'), [
    'http://minio:9000',
    'S3 server of the tables; without it they are files on this machine.'
  ]),
  s3Region: setting('K2_ICEBERG_S3_REGION', identifier, 'us-east-1', [
    'eu-central-1',
    'Region of the bucket.'
  ]),
  s3Bucket: setting('K2_ICEBERG_S3_BUCKET', identifier, 'k2', [
    'market-data',
    'Bucket of the warehouse; it must exist.'
  ]),
  s3Prefix: setting('K2_ICEBERG_S3_PREFIX', identifier, 'warehouse', [
    'prod',
    'Folder of the warehouse in the bucket.'
  ]),
  s3AccessKeyId: optional('K2_ICEBERG_S3_ACCESS_KEY_ID', secret, [
    'k2',
    'Access key of the bucket.'
  ]),
  s3SecretAccessKey: optional('K2_ICEBERG_S3_SECRET_ACCESS_KEY', secret, [
    '…',
    'Secret of that key.'
  ]),
  s3PathStyle: setting('K2_ICEBERG_S3_PATH_STYLE', choice('on', 'off'), 'on', [
    'off',
    'Whether the bucket stands in the path (MinIO and others) or in the host name (AWS).'
  ]),
  s3TlsCaFile: optional('K2_ICEBERG_S3_TLS_CA_FILE', file, [
    '/etc/k2/s3-ca.pem',
    'Certificate authority of the S3 server, PEM.'
  ]),
  s3CacheBytesMax: setting('K2_ICEBERG_S3_CACHE_LIMIT', bytes(64 * MiB, 100 * TiB), '2GiB', [
    '20GiB',
    'Bytes on disk for copies of data files that queries read.'
  ])
} as const

export const serviceSettings = { ...kafkaSettings, ...icebergSettings } as const
