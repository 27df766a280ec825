/**
 * Puts WebSocket frames into chunks: one write for many frames (RFC 6455, 5.2: whole and unmasked,
 * as a server sends them when no extension is negotiated).
 */
import type { Socket } from 'node:net'

export const opcodeText = 0x81
export const opcodeBinary = 0x82

const chunkBytes = 64 * 1_024
const headerBytesMax = 10

export interface FrameWriter {
  readonly write: (payload: Buffer, opcode: number) => void
  readonly flush: () => void
  readonly pendingBytes: () => number
}

export const makeFrameWriter = (socket: Socket): FrameWriter => {
  let chunk = Buffer.allocUnsafe(chunkBytes)
  let length = 0
  const flush = (): void => {
    if (length === 0) return
    socket.write(chunk.subarray(0, length))
    chunk = Buffer.allocUnsafe(chunkBytes) // the socket keeps the old one until it is sent
    length = 0
  }
  return {
    flush,
    pendingBytes: () => length,
    write: (payload, opcode) => {
      if (length + headerBytesMax + payload.length > chunkBytes) flush()
      length = writeHeader(chunk, length, opcode, payload.length)
      if (length + payload.length <= chunkBytes) {
        length += payload.copy(chunk, length)
        return
      }
      flush()
      socket.write(payload)
    }
  }
}

/** RFC 6455, 5.2: a whole, unmasked frame. Returns the offset behind the header. */
const writeHeader = (chunk: Buffer, at: number, opcode: number, payloadBytes: number): number => {
  chunk[at] = opcode
  if (payloadBytes < 126) {
    chunk[at + 1] = payloadBytes
    return at + 2
  }
  if (payloadBytes < 65_536) {
    chunk[at + 1] = 126
    chunk.writeUInt16BE(payloadBytes, at + 2)
    return at + 4
  }
  chunk[at + 1] = 127
  chunk.writeUInt32BE(0, at + 2)
  chunk.writeUInt32BE(payloadBytes, at + 6)
  return at + 10
}
