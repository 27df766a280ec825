/**
 * Small files that are read and replaced as a whole: after any crash a file has its old content or
 * its new one.
 */
import { FileAbsent, type LogFiles } from './log-files.ts'

const fileBytesMax = 1024 * 1024

/** The file's text, or undefined where there is none. Rejects with the disk's own error. */
export const readWhole = async (files: LogFiles, path: string): Promise<string | undefined> => {
  try {
    const file = await files.open(path, 'read')
    try {
      const bytes = Buffer.alloc(Math.min(await file.size(), fileBytesMax))
      return bytes.toString('utf8', 0, await file.read(bytes, 0))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof FileAbsent) return undefined
    throw error
  }
}

/**
 * Replaces the file by a whole one: its bytes are durable before it has the name. The name itself
 * is durable once the caller has synced the directory.
 */
export const replaceWhole = async (files: LogFiles, path: string, text: string): Promise<void> => {
  const unfinished = `${path}.new`
  await removeIfPresent(files, unfinished)
  const file = await files.open(unfinished, 'create')
  try {
    await file.write([Buffer.from(text)], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(unfinished, path)
}

const removeIfPresent = async (files: LogFiles, path: string): Promise<void> => {
  try {
    await files.remove(path)
  } catch (error) {
    if (!(error instanceof FileAbsent)) throw error
  }
}
