/**
 * Rows of CSV files that were not loaded, as a CSV file. It is made anew with the first rejected
 * row, and is not touched without one.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { csvCell } from '../../market/csv-text.ts'

export interface RejectedRow {
  readonly file: string
  readonly line: number
  readonly reason: string
  readonly raw: string
}

export class RejectsFile {
  readonly path: string
  #descriptor: number | undefined
  #count = 0

  constructor(path: string) {
    this.path = path
  }

  get count(): number {
    return this.#count
  }

  add({ file, line, reason, raw }: RejectedRow): void {
    if (this.#descriptor === undefined) {
      mkdirSync(dirname(this.path), { recursive: true })
      this.#descriptor = openSync(this.path, 'w')
      writeSync(this.#descriptor, 'file,row_number,reason,raw_record\n')
    }
    this.#count++
    writeSync(this.#descriptor, `${[file, String(line), reason, raw].map(csvCell).join(',')}\n`)
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}
