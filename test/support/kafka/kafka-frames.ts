/**
 * Filters of a `TcpProxy` that know Kafka's frames: a length, then for a request its API key,
 * version and correlation id, for a response the correlation id.
 */
import type { Direction, Filter, ProxyConnection } from '../tcp-proxy.ts'

export const produceApiKey = 0

interface KafkaFrame {
  readonly direction: Direction
  readonly apiKey: number
  readonly correlationId: number
  /** Its length included. */
  readonly bytes: Buffer
}

/** `decide` sees every whole frame once. A dropped request has no response. */
const kafkaFrames = (decide: (frame: KafkaFrame) => 'pass' | 'drop'): Filter => {
  const states = new WeakMap<ProxyConnection, ConnectionState>()
  return (bytes, connection, direction) => {
    let state = states.get(connection)
    if (state === undefined) {
      state = { rest: { toServer: noBytes, toClient: noBytes }, apiKeys: new Map() }
      states.set(connection, state)
    }
    return filterFrames(state, { bytes, direction, decide })
  }
}

/** Requests of the kind are delivered, but the responses to the first `count` of them are lost. */
export const loseResponses = (
  apiKey: number,
  count: number
): { readonly filter: Filter; readonly lost: () => number } => {
  let lost = 0
  const filter = kafkaFrames((frame) => {
    if (frame.direction !== 'toClient' || frame.apiKey !== apiKey || lost >= count) return 'pass'
    lost += 1
    return 'drop'
  })
  return { filter, lost: () => lost }
}

interface ConnectionState {
  readonly rest: Record<Direction, Buffer>
  /** By correlation id of the requests that are not answered. */
  readonly apiKeys: Map<number, number>
}

const noBytes = Buffer.alloc(0)
const lengthBytes = 4

const filterFrames = (
  state: ConnectionState,
  {
    bytes,
    direction,
    decide
  }: {
    readonly bytes: Buffer
    readonly direction: Direction
    readonly decide: (frame: KafkaFrame) => 'pass' | 'drop'
  }
): Buffer => {
  let rest = Buffer.concat([state.rest[direction], bytes])
  const passed: Buffer[] = []
  while (rest.length >= lengthBytes) {
    const end = lengthBytes + rest.readInt32BE(0)
    if (rest.length < end) break
    const frame = frameOf(state, direction, rest.subarray(0, end))
    if (decide(frame) === 'pass') passed.push(frame.bytes)
    rest = rest.subarray(end)
  }
  state.rest[direction] = rest
  return Buffer.concat(passed)
}

const frameOf = (state: ConnectionState, direction: Direction, bytes: Buffer): KafkaFrame => {
  if (direction === 'toServer') {
    const apiKey = bytes.readInt16BE(4)
    const correlationId = bytes.readInt32BE(8)
    state.apiKeys.set(correlationId, apiKey)
    return { direction, apiKey, correlationId, bytes }
  }
  const correlationId = bytes.readInt32BE(4)
  const apiKey = state.apiKeys.get(correlationId) ?? -1
  state.apiKeys.delete(correlationId)
  return { direction, apiKey, correlationId, bytes }
}
