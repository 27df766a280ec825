/**
 * A broker that knows one topic, keeps what it is sent and serves what it is given: for the bytes
 * that go over a connection, which a real broker would not show.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface ScriptedBroker {
  readonly address: string
  /** Bodies of Produce requests, in the order in which they came. */
  readonly produced: readonly Buffer[]
  readonly close: () => Promise<void>
}

export const openScriptedBroker = async (topic: string): Promise<ScriptedBroker> => {
  const produced: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let rest = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0)
        answer(socket, rest.subarray(4, end))
        rest = rest.subarray(end)
      }
    })
  })
  const answer = (socket: Socket, request: Buffer): void => {
    const body = request.subarray(10 + request.readInt16BE(8))
    const apiKey = request.readInt16BE(0)
    if (apiKey === produceKey) produced.push(body)
    const { port } = server.address() as AddressInfo
    const bodies: Readonly<Record<number, () => Buffer>> = {
      [produceKey]: () => producedAnswer(body),
      [metadataKey]: () => metadataAnswer(topic, port),
      [apiVersionsKey]: versionsAnswer
    }
    const payload = Buffer.concat([request.subarray(4, 8), bodies[apiKey]!()])
    socket.write(Buffer.concat([int32(payload.length), payload]))
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    produced,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}

const produceKey = 0
const metadataKey = 3
const apiVersionsKey = 18

/** Newest versions: those of Kafka 4, but for Metadata, which is simpler here. */
const versionsAnswer = (): Buffer => {
  const versions = [
    [produceKey, 3, 13],
    [metadataKey, 0, 1],
    [apiVersionsKey, 0, 4]
  ]
  return Buffer.concat([
    int16(0),
    int32(versions.length),
    ...versions.flat().map(int16),
    int32(0)
  ])
}

const metadataAnswer = (topic: string, port: number): Buffer =>
  Buffer.concat([
    int32(1),
    Buffer.concat([int32(0), text('127.0.0.1'), int32(port), int16(-1)]),
    int32(0),
    int32(1),
    Buffer.concat([int16(0), text(topic), Buffer.from([0]), int32(4)]),
    ...[0, 1, 2, 3].map((partition) =>
      Buffer.concat([int16(0), ...[partition, 0, 1, 0, 1, 0].map(int32)])
    )
  ])

/** For one topic and one partition, as K2 sends. */
const producedAnswer = (body: Buffer): Buffer => {
  const topicAt = 2 + 2 + 4 + 4
  const topicEnd = topicAt + 2 + body.readInt16BE(topicAt)
  const partition = body.subarray(topicEnd + 4, topicEnd + 8)
  const answered = Buffer.concat([int32(1), body.subarray(topicAt, topicEnd), int32(1), partition])
  // No error, offset 0, no time of the broker's, start at 0; no throttling.
  const result = Buffer.concat([int16(0), Buffer.alloc(8), Buffer.alloc(8, 0xff), Buffer.alloc(8)])
  return Buffer.concat([answered, result, int32(0)])
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string): Buffer =>
  Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])
