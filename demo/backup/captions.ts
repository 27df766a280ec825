/**
 * Captions of the video, in SubRip's form, out of what is said at each step.
 *
 * 1. A caption has at most `charsMax` characters, unless one word has more; nothing is left out.
 * 2. Captions follow each other without overlap, in the time of their step, each for as long as it
 *    is long.
 */

/** What is said, and when, in ms of the video. */
export interface Spoken {
  readonly text: string
  readonly fromMs: number
  readonly toMs: number
}

export const srtOf = (spoken: readonly Spoken[]): string =>
  captionsOf(spoken)
    .map(({ text, fromMs, toMs }, index) =>
      `${index + 1}\n${timeOf(fromMs)} --> ${timeOf(toMs)}\n${text}\n`
    )
    .join('\n')

/** Two lines of a screen. */
const charsMax = 150

export const captionsOf = (spoken: readonly Spoken[]): readonly Spoken[] =>
  spoken.flatMap(({ text, fromMs, toMs }) => {
    const parts = partsOf(text)
    const chars = parts.reduce((sum, part) => sum + part.length, 0)
    let before = 0
    return parts.map((part) => {
      const at = (count: number) => Math.round(fromMs + ((toMs - fromMs) * count) / chars)
      const caption = { text: part, fromMs: at(before), toMs: at(before + part.length) }
      before += part.length
      return caption
    })
  })

/** (1) At ends of sentences where there is one, else between words. */
const partsOf = (text: string): readonly string[] => {
  const parts: string[] = []
  for (const word of text.split(/\s+/).filter((it) => it !== '')) {
    const last = parts.at(-1)
    const isFull =
      last === undefined ||
      last.length + 1 + word.length > charsMax ||
      (/[.!?:]$/.test(last) && last.length > charsMax / 3)
    if (isFull) parts.push(word)
    else parts[parts.length - 1] = `${last} ${word}`
  }
  return parts
}

const timeOf = (ms: number): string => {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const rest = String(Math.round(ms % 1_000)).padStart(3, '0')
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1_000) % 60)},${rest}`
}
