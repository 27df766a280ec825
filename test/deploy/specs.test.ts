import { expect, test } from 'vitest'
import { addressesOf } from '../../deploy/local/addresses.ts'
import { newLayout } from '../../deploy/local/layout.ts'
import { serviceNames } from '../../deploy/local/services/service-spec.ts'
import { specsOf, withNeeds } from '../../deploy/local/services/specs.ts'

test('what a service needs is started with it, and before it', () => {
  expect([...withNeeds(['catalog'])]).toEqual(['postgres', 's3', 'catalog'])
  expect([...withNeeds(['registry', 'kafka'])]).toEqual(['kafka', 'registry'])
})

test('every service has a process, Kafka one a broker', () => {
  const specs = specsOf('/stack', newLayout({ portsFrom: 20_000, brokers: 3 }))
  expect(new Set(specs.map(({ service }) => service))).toEqual(new Set(serviceNames))
  expect(specs.map(({ name }) => name).slice(0, 4)).toEqual(['kafka-1', 'kafka-2', 'kafka-3', 's3'])
  const ports = specs.flatMap((spec) => spec.ports)
  expect(new Set(ports).size).toBe(ports.length)
})

test('addresses are of loopback, and of the listeners that were asked for', () => {
  const plain = addressesOf('/stack', newLayout({ portsFrom: 20_000 }))
  expect(plain).toMatchObject({
    kafkaBootstrap: '127.0.0.1:20000',
    s3: { endpoint: 'http://127.0.0.1:20019', bucket: 'warehouse' },
    catalogUri: 'http://127.0.0.1:20020',
    registryUrl: 'http://127.0.0.1:20018/apis/ccompat/v7',
    prometheusUrl: 'http://127.0.0.1:20022'
  })
  expect(Object.keys(plain).filter((name) => name.startsWith('kafka'))).toEqual(['kafkaBootstrap'])
  const secured = { tls: true, sasl: true, proxied: [{ host: '127.0.0.1', port: 1 }] }
  expect(addressesOf('/stack', newLayout({ portsFrom: 20_000, kafka: secured }))).toMatchObject({
    kafkaProxiedBootstrap: '127.0.0.1:20006',
    kafkaTls: { bootstrap: '127.0.0.1:20009', authorityFile: '/stack/certificates/authority.pem' },
    kafkaSasl: { bootstrap: '127.0.0.1:20012', username: 'k2' },
    kafkaSaslTls: { bootstrap: '127.0.0.1:20015' }
  })
})
