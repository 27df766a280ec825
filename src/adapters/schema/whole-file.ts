/**
 * Writes a file whole: whoever reads its name sees all of it or what was there before, also after a
 * crash; durable when it ends.
 */
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Rejects with the disk's own error. One writer of a file at a time. */
export const writeWhole = async (file: string, text: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true })
  const unfinished = `${file}.new`
  const handle = await open(unfinished, 'w')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(unfinished, file)
  await syncFolder(dirname(file))
}

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
