/**
 * Every port of a stack lies at a fixed distance from its first, so that one number moves them all.
 *
 * Free ones are looked for below 32768: from there on the system hands ports out to clients, and a
 * client that keeps dialling a killed server's port could be given that very port and meet itself.
 */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { StackProblem } from './stack-problem.ts'

/** Kafka's first of each kind are followed by those of the second and third broker. */
const distances = {
  kafka: 0,
  kafkaController: 3,
  kafkaProxied: 6,
  kafkaTls: 9,
  kafkaSasl: 12,
  kafkaSaslTls: 15,
  registry: 18,
  s3: 19,
  catalog: 20,
  postgres: 21,
  prometheus: 22
} as const

export type PortName = keyof typeof distances

export const portCount = 32
export const portsFromMin = 1_024
export const portsFromMax = 65_536 - portCount
const freeFrom = 20_000
const freeTo = 32_000
const triesMax = 200

export const portOf = (portsFrom: number, name: PortName, brokerIndex = 0): number =>
  portsFrom + distances[name] + brokerIndex

/** The first of a stack's ports, all of which nothing uses now. */
export const findFreePorts = async (): Promise<number> => {
  const slots = (freeTo - freeFrom) / portCount
  for (let tries = 0; tries < triesMax; tries += 1) {
    const first = freeFrom + randomInt(Math.floor(slots)) * portCount
    const ports = Array.from({ length: portCount }, (_, index) => first + index)
    const areFree = await Promise.all(ports.map((port) => isFree(port)))
    if (areFree.every(Boolean)) return first
  }
  throw new StackProblem(
    `no ${portCount} ports in a row are free between ${freeFrom} and ${freeTo}: ` +
      'end what uses them, or set the first port yourself'
  )
}

/** Whether a server could listen there now. */
export const isFree = async (port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true))
    )
  })
