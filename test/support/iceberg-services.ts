/** The object store and the REST catalog of a stack, as K2 and PyIceberg are told of them. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { ServiceName } from '../../deploy/local/services/service-spec.ts'
import { findStack, openStack, type Stack } from '../../deploy/local/stack.ts'
import type { StorageSettings } from '../../src/actors/storage/stores.ts'
import type { K2Settings } from './k2-process.ts'

/** Real services are for machines that are required to have them: installing takes minutes. */
export const areServicesRequired = process.env['K2_REQUIRE_SERVICES'] === '1'
export const installMsMax = 900_000

export interface IcebergServices {
  readonly stack: Stack
  /** As the configuration names them; tables are below the prefix. */
  readonly settings: (prefix: string) => K2Settings
  readonly storage: (prefix: string) => StorageSettings
  /** As PyIceberg names them. */
  readonly properties: Readonly<Record<string, string>>
  readonly destroy: () => Promise<void>
}

/** Of all tests of a file; asked for inside of one, where services are required. */
export const icebergServices = (...others: readonly ServiceName[]): (() => IcebergServices) => {
  let services: IcebergServices | undefined
  beforeAll(async () => {
    if (areServicesRequired) services = await openIcebergServices(...others)
  }, installMsMax)
  afterAll(() => services?.destroy())
  return () => services!
}

/** @param others services beside them */
export const openIcebergServices = async (
  ...others: readonly ServiceName[]
): Promise<IcebergServices> => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-stack-'))
  // Also when the start has failed: then there is no stack, but what it left.
  const destroy = async () => (await findStack(folder))?.destroy()
  const services: readonly ServiceName[] = ['catalog', ...others]
  const stack = await openStack({ folder, services }).catch(async (error: unknown) => {
    await destroy()
    throw error
  })
  const { s3, catalogUri } = stack.addresses
  return {
    stack,
    destroy,
    settings: (prefix) => ({
      K2_ICEBERG_CATALOG_URI: catalogUri,
      K2_ICEBERG_S3_ENDPOINT: s3.endpoint,
      K2_ICEBERG_S3_REGION: s3.region,
      K2_ICEBERG_S3_BUCKET: s3.bucket,
      K2_ICEBERG_S3_PREFIX: prefix,
      K2_ICEBERG_S3_ACCESS_KEY_ID: s3.accessKey,
      K2_ICEBERG_S3_SECRET_ACCESS_KEY: s3.secretKey
    }),
    storage: (prefix) => ({
      catalog: {
        uri: catalogUri,
        warehouse: undefined,
        token: undefined,
        credential: undefined,
        oauthUri: undefined,
        oauthScope: 'catalog',
        tlsCaFile: undefined
      },
      s3: {
        endpoint: s3.endpoint,
        region: s3.region,
        bucket: s3.bucket,
        prefix,
        accessKeyId: s3.accessKey,
        secretAccessKey: s3.secretKey,
        isPathStyle: true,
        tlsCaFile: undefined
      }
    }),
    properties: {
      uri: catalogUri,
      's3.endpoint': s3.endpoint,
      's3.region': s3.region,
      's3.access-key-id': s3.accessKey,
      's3.secret-access-key': s3.secretKey
    }
  }
}
