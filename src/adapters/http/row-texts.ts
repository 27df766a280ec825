/**
 * The rows of an envelope as the texts that they are in it: what is only passed on is not read, and
 * no digit changes. Much of it is gone through in turns with others.
 */
import * as Effect from 'effect/Effect'
import { envelopeHead } from './envelope.ts'

interface RowTexts {
  readonly rows: readonly string[]
  /** What stands behind the data, as JSON. */
  readonly rest: string
}

/** Some milliseconds. */
const turnChars = 2 ** 20

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const opening = new Set([0x5b, 0x7b])
const closing = new Set([0x5d, 0x7d])

/** @param json an envelope of an array, or of one row */
export const rowTextsOf = (json: string): Effect.Effect<RowTexts> =>
  Effect.gen(function* () {
    const from = envelopeHead.length
    const isArray = json[from] === '['
    const rows: string[] = []
    let start = isArray ? from + 1 : from
    let depth = 0
    let turnEnd = start + turnChars
    for (let at = from; ; at += 1) {
      if (at >= turnEnd) {
        yield* Effect.sleep(0)
        turnEnd = at + turnChars
      }
      const char = json.charCodeAt(at)
      if (char === quote) at = endOfString(json, at)
      else if (opening.has(char)) depth += 1
      else if (char === comma && isArray && depth === 1) {
        rows.push(json.slice(start, at))
        start = at + 1
      } else if (closing.has(char) && --depth === 0) {
        const end = isArray ? at : at + 1
        if (end > start) rows.push(json.slice(start, end))
        return { rows, rest: `{${json.slice(at + 2)}` }
      }
    }
  })

/** Of one that begins at `from`: where its last quote is. */
const endOfString = (json: string, from: number): number => {
  for (let at = from + 1; ; at += 1) {
    const char = json.charCodeAt(at)
    if (char === backslash) at += 1
    else if (char === quote) return at
    // An envelope is valid JSON: without an end it is none of ours.
    else if (Number.isNaN(char)) throw new Error('a text of the answer has no end')
  }
}
