import { execFileSync } from 'node:child_process'
import { CompressionCodecs, CompressionTypes } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { type KafkaLogLine, makeKafka } from '../../../../src/adapters/log/kafka/kafka-client.ts'

interface Codec {
  readonly compress: (encoder: { readonly buffer: Buffer }) => Promise<Buffer>
  readonly decompress: (buffer: Buffer) => Promise<Buffer>
}

describe('Kafka clients', () => {
  test('Node loads them as they are built', () => {
    // Tests load packages that are no modules in a way that finds more names in them.
    const program = "import { openKafkaLog } from './dist/adapters/log/kafka/kafka-log.js'"
    const options = { encoding: 'utf8', stdio: 'pipe' } as const
    const args = ['--input-type=module', '-e', `${program}\nconsole.log(typeof openKafkaLog)`]
    expect(execFileSync(process.execPath, args, options)).toBe('function\n')
  })

  test.each([CompressionTypes.LZ4, CompressionTypes.ZSTD] as const)(
    'codec %s gives back what it took',
    async (type) => {
      const codec = (CompressionCodecs[type] as unknown as () => Codec)()
      const buffer = Buffer.from('trade '.repeat(1_000))
      const packed = await codec.compress({ buffer })
      expect(packed.length).toBeLessThan(buffer.length / 10)
      expect((await codec.decompress(packed)).equals(buffer)).toBe(true)
    }
  )

  test('a broker that is not there is reported', async () => {
    const lines: KafkaLogLine[] = []
    const kafka = makeKafka(
      { brokers: ['127.0.0.1:1'], clientId: 'k2-test', requestMsMax: 1_000 },
      (line) => lines.push(line)
    )
    await expect(kafka.admin().connect()).rejects.toThrow('ECONNREFUSED')
    expect(lines.map(({ message }) => message).join()).toContain('ECONNREFUSED')
    expect(lines.map(({ kind }) => kind).join()).toContain('ECONNREFUSED #.#.#.#:#')
  })

  test('a certificate authority that cannot be read is named', () => {
    const connection = { brokers: ['kafka:9093'], clientId: 'k2', requestMsMax: 1_000 }
    const tls = { caFile: '/no/such/ca.pem' }
    expect(() => makeKafka({ ...connection, tls }, () => undefined)).toThrow('/no/such/ca.pem')
  })
})
