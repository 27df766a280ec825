/**
 * Every schema that records of this data folder were written with, by fingerprint: batches of the
 * embedded log and of the spool name it by nothing else (R42), and a later version of K2, or an
 * earlier one, has another schema of its own (R52).
 *
 * 1. A schema is durable before the first batch that names it: who writes batches keeps it first.
 * 2. Nothing is removed: a schema is small, and there is no telling which batches are left.
 * 3. A file that does not hold the schema that its name says counts as absent.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeRecordCodec } from './record-codec.ts'
import { writeWhole } from './whole-file.ts'

export interface KeptSchemas {
  /** Its fingerprint. Rejects with the disk's own error. */
  readonly keep: (schema: object) => Promise<string>
  /** JSON text; undefined where none is kept. Rejects with the disk's own error. */
  readonly textOf: (fingerprint: string) => Promise<string | undefined>
}

export const keptSchemas = (directory: string): KeptSchemas => {
  const known = new Map<string, string>()
  const fileOf = (fingerprint: string) => join(directory, `${fingerprint}.avsc`)
  const read = async (fingerprint: string): Promise<string | undefined> => {
    const text = await readIfThere(fileOf(fingerprint))
    if (text === undefined || fingerprintOf(text) !== fingerprint) return undefined
    known.set(fingerprint, text)
    return text
  }
  return {
    async keep(schema) {
      const { fingerprint } = makeRecordCodec(schema)
      if ((await read(fingerprint)) === undefined) {
        await writeWhole(fileOf(fingerprint), `${JSON.stringify(schema, undefined, 2)}\n`)
      }
      return fingerprint
    },
    textOf: async (fingerprint) =>
      fingerprintPattern.test(fingerprint)
        ? (known.get(fingerprint) ?? (await read(fingerprint)))
        : undefined
  }
}

const fingerprintPattern = /^[0-9a-f]{16}$/

/** (3) */
const fingerprintOf = (text: string): string | undefined => {
  try {
    return makeRecordCodec(JSON.parse(text) as object).fingerprint
  } catch {
    return undefined
  }
}

const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
