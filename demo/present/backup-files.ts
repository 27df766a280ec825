/**
 * Backup material, read before the demonstration begins: it is there when nothing else is.
 *
 * 1. What cannot be what its name says is not offered: a picture of no bytes helps nobody on stage.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { materialOf } from '../show/material.ts'
import type { SectionId } from '../show/step.ts'

export type Bytes = Uint8Array<ArrayBuffer>

export interface BackupFiles {
  readonly files: ReadonlyMap<string, Bytes>
  /** Of those that are there and no good. */
  readonly problems: readonly string[]
}

export const backupTypes: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.html': 'text/html; charset=utf-8',
  '.mp4': 'video/mp4',
  '.cast': 'application/x-asciicast'
}

export const readBackup = async (folder: string): Promise<BackupFiles> => {
  const files = new Map<string, Bytes>()
  const problems: string[] = []
  const names = existsSync(folder) ? await readdir(folder) : []
  for (const name of names.toSorted()) {
    if (backupTypes[extname(name)] === undefined) continue
    const bytes = new Uint8Array(await readFile(join(folder, name)))
    const problem = problemOf(name, bytes) // (1)
    if (problem === undefined) files.set(name, bytes)
    else problems.push(`${folder}/${name} ${problem}`)
  }
  return { files, problems }
}

/** Of a section, what is there. */
export const offered = ({ files }: BackupFiles, id: SectionId): readonly string[] =>
  materialOf(id).filter((name) => files.has(name))

const bytesMin = 200
const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** (1): undefined where it is what its name says. */
export const problemOf = (name: string, bytes: Uint8Array): string | undefined => {
  if (bytes.length < bytesMin) return `has ${bytes.length} bytes`
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 512))
  switch (extname(name)) {
    case '.png':
      return pngSignature.every((byte, at) => bytes[at] === byte) ? undefined : 'is no PNG'
    case '.html':
      return /<(?:!doctype html|html)/i.test(head) ? undefined : 'is no HTML'
    case '.mp4':
      return head.slice(4, 8) === 'ftyp' ? undefined : 'is no MP4'
    case '.cast':
      return /^\{"version": ?2/.test(head) ? undefined : 'is no asciicast of version 2'
    default:
      return 'is of no kind that can be shown'
  }
}
