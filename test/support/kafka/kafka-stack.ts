/** A broker of one's own, for tests on machines that are required to have services. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStack, type Stack, type StackOptions } from '../../../deploy/local/stack.ts'

export const areServicesRequired = process.env['K2_REQUIRE_SERVICES'] === '1'
/** Installing them takes minutes the first time. */
export const serviceStartMsMax = 900_000

export const startKafka = async (options: Omit<StackOptions, 'folder'> = {}): Promise<Stack> => {
  const folder = await mkdtemp(join(tmpdir(), 'k2-kafka-'))
  return openStack({ services: ['kafka'], ...options, folder })
}
