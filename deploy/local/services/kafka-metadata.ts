/**
 * The one question of Kafka's protocol that tells whether a broker serves: which brokers are there?
 * (Metadata request, version 1.)
 */
import { connect } from 'node:net'

const apiKey = 3
const apiVersion = 1
const correlationId = 1
const msMax = 3_000
const answerBytesMax = 1_024 * 1_024

/** Node ids of the brokers in service, as the broker at this port knows them. */
export const readBrokerIds = async (port: number): Promise<readonly number[]> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let received = Buffer.alloc(0)
    const settle = (outcome: () => void) => {
      socket.destroy()
      outcome()
    }
    socket.setTimeout(msMax, () => settle(() => reject(new Error(`silent for ${msMax} ms`))))
    socket.once('error', (error) => settle(() => reject(error)))
    socket.once('close', () => settle(() => reject(new Error('closed the connection'))))
    socket.once('connect', () => socket.write(metadataRequest()))
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      if (received.length < 4) return
      const size = received.readInt32BE(0)
      if (size > answerBytesMax) settle(() => reject(new Error('does not speak Kafka')))
      else if (received.length >= 4 + size) settle(() => resolve(brokerIdsIn(received)))
    })
  })

/** Asks for no topic: in version 1 that is an empty list. */
export const metadataRequest = (): Buffer => {
  const clientId = Buffer.from('k2-stack')
  const request = Buffer.alloc(4 + 10 + clientId.length + 4)
  request.writeInt32BE(request.length - 4, 0)
  request.writeInt16BE(apiKey, 4)
  request.writeInt16BE(apiVersion, 6)
  request.writeInt32BE(correlationId, 8)
  request.writeInt16BE(clientId.length, 12)
  clientId.copy(request, 14)
  return request
}

/** Behind size, correlation id and count: node id, host, port and rack (absent: length -1) each. */
export const brokerIdsIn = (answer: Buffer): readonly number[] => {
  let at = 12
  const ids = []
  for (let left = answer.readInt32BE(8); left > 0; left -= 1) {
    ids.push(answer.readInt32BE(at))
    at += 4
    at += 2 + answer.readInt16BE(at) + 4
    at += 2 + Math.max(0, answer.readInt16BE(at))
  }
  return ids
}
