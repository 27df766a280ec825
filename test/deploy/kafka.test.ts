import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  brokerIdsIn,
  metadataRequest,
  readBrokerIds
} from '../../deploy/local/services/kafka-metadata.ts'
import {
  brokerProperties,
  type KafkaCluster,
  portsOfBroker,
  propertiesText
} from '../../deploy/local/services/kafka-properties.ts'

const cluster = (change: Partial<KafkaCluster> = {}): KafkaCluster => ({
  portsFrom: 20_000,
  brokers: 1,
  options: {},
  username: 'k2',
  password: 'secret',
  tlsFolder: '/tls',
  ...change
})

describe('settings of a broker', () => {
  test('one broker listens for clients and as its own controller, on loopback', () => {
    expect(brokerProperties(cluster(), 0, '/data')).toMatchObject({
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': '1@127.0.0.1:20003',
      listeners: 'PLAINTEXT://127.0.0.1:20000,CONTROLLER://127.0.0.1:20003',
      'advertised.listeners': 'PLAINTEXT://127.0.0.1:20000',
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      'log.dirs': '/data/data'
    })
  })

  test('of three, two must have a record', () => {
    expect(brokerProperties(cluster({ brokers: 3 }), 2, '/data')).toMatchObject({
      'node.id': '3',
      'controller.quorum.voters': '1@127.0.0.1:20003,2@127.0.0.1:20004,3@127.0.0.1:20005',
      listeners: 'PLAINTEXT://127.0.0.1:20002,CONTROLLER://127.0.0.1:20005',
      'default.replication.factor': '3',
      'min.insync.replicas': '2'
    })
  })

  test('a proxied listener advertises the proxy of its broker', () => {
    const proxied = [1, 2, 3].map((port) => ({ host: 'localhost', port }))
    const three = cluster({ brokers: 3, options: { proxied } })
    expect(brokerProperties(three, 1, '/data')).toMatchObject({
      listeners:
        'PLAINTEXT://127.0.0.1:20001,PROXIED://127.0.0.1:20007,CONTROLLER://127.0.0.1:20004',
      'advertised.listeners': 'PLAINTEXT://127.0.0.1:20001,PROXIED://localhost:2'
    })
    expect(portsOfBroker(three, 1)).toEqual([20_001, 20_007, 20_004])
  })

  test('with TLS and SASL there is a listener for each and for both', () => {
    const secured = brokerProperties(cluster({ options: { tls: true, sasl: true } }), 0, '/data')
    expect(secured['listener.security.protocol.map']).toBe(
      'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,TLS:SSL,SASL:SASL_PLAINTEXT,SASLTLS:SASL_SSL'
    )
    expect(secured['ssl.keystore.location']).toBe('/tls/server.pem')
    expect(secured['listener.name.sasltls.plain.sasl.jaas.config']).toContain('user_k2="secret"')
    expect(secured['listener.name.sasl.scram-sha-512.sasl.jaas.config']).toContain('Scram')
  })

  test("a user's own settings win", () => {
    const options = { properties: { 'log.retention.ms': '1', 'broker.session.timeout.ms': '9000' } }
    expect(brokerProperties(cluster({ options }), 0, '/data')).toMatchObject(options.properties)
  })

  test('are written as Java reads them', () => {
    expect(propertiesText({ a: 'x\\y', b: '' })).toBe('a=x\\\\y\nb=\n')
  })
})

describe('the question who is in service', () => {
  test('says its length first', () => {
    const request = metadataRequest()
    expect(request.readInt32BE(0)).toBe(request.length - 4)
    expect(request.readInt16BE(4)).toBe(3)
  })

  test('is answered with the brokers, with and without a rack', () => {
    const broker = (id: number, rack: string | undefined) => {
      const head = Buffer.alloc(4)
      head.writeInt32BE(id)
      const port = Buffer.alloc(4)
      return Buffer.concat([head, text('host'), port, rack === undefined ? absent : text(rack)])
    }
    const head = Buffer.alloc(12)
    head.writeInt32BE(2, 8)
    expect(brokerIdsIn(Buffer.concat([head, broker(1, undefined), broker(7, 'r')]))).toEqual([1, 7])
  })

  test('somebody who speaks another protocol is no broker', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    await expect(readBrokerIds(port)).rejects.toThrow('does not speak Kafka')
    server.close()
  })
})

const absent = Buffer.from([0xff, 0xff])

const text = (value: string): Buffer => {
  const length = Buffer.alloc(2)
  length.writeInt16BE(value.length)
  return Buffer.concat([length, Buffer.from(value)])
}
