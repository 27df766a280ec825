/**
 * A client of Kafka whose connections can be cut: kafkajs itself waits for the answers that are
 * still due before it disconnects, and connects again after a failure, without a bound of ours.
 *
 * 1. After `cut` none of the session's sockets is open, and it opens no other one.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactory, Kafka } from 'kafkajs'
import { hasten } from './fast-kafkajs.ts'
import {
  type KafkaConnection,
  kafkaLogLine,
  type KafkaLogLine,
  makeKafka
} from './kafka-client.ts'

export interface KafkaSession {
  readonly kafka: Kafka
  /** Whether producers take record sets, and consumers are given fetched batches. */
  readonly isHastened: boolean
  readonly isCut: boolean
  /** Sockets that are open at the moment. */
  readonly socketCount: number
  readonly cut: () => void
}

const keepAliveMs = 60_000

/** @throws if the file of the certificate authority cannot be read */
export const openSession = (
  connection: KafkaConnection,
  observe: (line: KafkaLogLine) => void
): KafkaSession => {
  const sockets = new Set<Socket>()
  let isCut = false
  const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    // kafkajs tries to reconnect what failed because it was cut.
    if (isCut) throw new Error('the session was cut')
    const socket = socketTo({ host, port, ssl, onConnect })
    socket.setKeepAlive(true, keepAliveMs)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const hear = (line: KafkaLogLine) => {
    if (!isCut) observe(line)
  }
  const kafka = makeKafka(connection, hear, socketFactory)
  const fault = connection.encoder === 'stock' ? undefined : hasten(kafka)
  if (fault !== undefined) tellOnce(fault, observe)
  return {
    kafka,
    isHastened: connection.encoder !== 'stock' && fault === undefined,
    get isCut() {
      return isCut
    },
    get socketCount() {
      return sockets.size
    },
    cut() {
      isCut = true
      // With an error, since kafkajs fails what is under way only then.
      for (const socket of sockets) socket.destroy(new Error('the session was cut'))
    }
  }
}

let isTold = false
/** It is the same for all sessions of the process. */
const tellOnce = (message: string, observe: (line: KafkaLogLine) => void): void => {
  if (!isTold) observe(kafkaLogLine({ level: 'warn', message, fields: {} }))
  isTold = true
}

const socketTo = ({ host, port, ssl, onConnect }: Parameters<ISocketFactory>[0]): Socket => {
  const address = { host, port }
  if (ssl === null || ssl === undefined) return connectTcp(address, onConnect)
  const server = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ ...address, ...server, ...ssl }, onConnect)
}
