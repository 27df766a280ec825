/**
 * A file that is there to be read once: its name goes at once, its bytes when they have been read,
 * or when nobody wants them any more.
 */
import { type FileHandle, open, rm } from 'node:fs/promises'

export interface PassingFile {
  readonly bytes: number
  readonly body: ReadableStream<Uint8Array>
}

const chunkBytes = 256 * 1_024

/** @throws as the disk does */
export const openPassingFile = async (path: string): Promise<PassingFile> => {
  const file = await open(path)
  try {
    await rm(path)
    const { size } = await file.stat()
    return { bytes: size, body: bodyOf(file) }
  } catch (error) {
    await file.close()
    throw error
  }
}

const bodyOf = (file: FileHandle): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(chunkBytes))
          if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead))
          else {
            await file.close()
            controller.close()
          }
        } catch (error) {
          await file.close().catch(() => undefined)
          throw error
        }
      },
      cancel: () => file.close()
    },
    { highWaterMark: 0 }
  )
