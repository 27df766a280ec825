/** A broker of one's own, for tests on machines that are required to have services. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { openStack, type Stack, type StackOptions } from '../../../deploy/local/stack.ts'
import { until } from '../until.ts'

export const areServicesRequired = process.env['K2_REQUIRE_SERVICES'] === '1'
/** Installing them takes minutes the first time. */
export const serviceStartMsMax = 900_000

export const startKafka = async (options: Omit<StackOptions, 'folder'> = {}): Promise<Stack> => {
  const folder = await mkdtemp(join(tmpdir(), 'k2-kafka-'))
  return openStack({ services: ['kafka'], ...options, folder })
}

/** Ends once the brokers do not list it, or no longer. */
export const deleteTopic = async (bootstrap: string, topic: string): Promise<void> => {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const gone = async () => ((await admin.listTopics()).includes(topic) ? undefined : true)
    if (await gone()) return
    await admin.deleteTopics({ topics: [topic] })
    await until(gone, { what: `the end of ${topic}`, msMax: deletionMsMax })
  } finally {
    await admin.disconnect()
  }
}

const deletionMsMax = 60_000
