/** A text file written line by line in chunks: memory stays small however long it becomes. */
import { closeSync, openSync, writeSync } from 'node:fs'

const chunkCharacters = 1_024 * 1_024

export class LineFile {
  readonly #file: number
  #text = ''
  lines = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  line(text: string): void {
    this.lines++
    this.#text += `${text}\n`
    if (this.#text.length >= chunkCharacters) this.#write()
  }

  close(): void {
    this.#write()
    closeSync(this.#file)
  }

  #write(): void {
    writeSync(this.#file, this.#text)
    this.#text = ''
  }
}
