/**
 * S3, by versitygw: objects are files of a folder, a conditional put is decided under a lock.
 * It is ready when the bucket is there, which the first question makes.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureGoProgram } from '../install/go.ts'
import { reasonOf } from '../readiness.ts'
import { requestS3, type S3Address } from './s3-request.ts'
import type { ServiceSpec } from './service-spec.ts'

const versitygw = {
  path: 'github.com/versity/versitygw/cmd/versitygw',
  version: 'v1.8.0',
  name: 'versitygw',
  goMinimum: '1.25'
}

const readyMsMax = 30_000
const stopMsMax = 10_000
/** Its own bucket, whoever asks, is no failure. */
const bucketIsThere = [200, 409]

export const s3Spec = (folder: string, port: number, address: S3Address): ServiceSpec => ({
  name: 's3',
  service: 's3',
  folder,
  ports: [port],
  prepare: async () => {
    const program = await ensureGoProgram(versitygw)
    const objects = join(folder, 'objects')
    // Not every file system keeps extended attributes, where it would have them otherwise.
    const metadata = join(folder, 'metadata')
    await mkdir(objects, { recursive: true })
    await mkdir(metadata, { recursive: true })
    const listen = ['--port', `127.0.0.1:${port}`, '--region', address.region, '--keep-alive']
    return {
      program,
      args: [...listen, '--quiet', 'posix', '--sidecar', metadata, objects],
      env: { ROOT_ACCESS_KEY: address.accessKey, ROOT_SECRET_KEY: address.secretKey }
    }
  },
  notReadyBecause: async () => {
    try {
      const path = `/${address.bucket}`
      const { status, text } = await requestS3(address, { method: 'PUT', path })
      return bucketIsThere.includes(status) ? undefined : `its bucket: ${status} ${text}`
    } catch (error) {
      return reasonOf(error)
    }
  },
  readyMsMax,
  stopSignal: 'SIGTERM',
  stopMsMax
})
