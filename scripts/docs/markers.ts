/**
 * Markers in Markdown: what stands between the two comments is filled in from results.
 *
 *     It takes <!--k2:bench/queries/queries/simple filter, p50-->3.22 ms<!--/--> to answer.
 *
 * 1. Rendering a rendered document changes nothing: markers stay where they are.
 * 2. Nothing but what stands between markers is changed, and nothing at all in fences
 *    and spans of code.
 * 3. A marker that starts a line has the line for itself, and so has its end: to Markdown, a line
 *    that begins with a comment is no text.
 */
interface Problem {
  readonly line: number
  readonly text: string
}

export interface Rendered {
  readonly text: string
  readonly problems: readonly Problem[]
}

const marker = /<!--k2:([^\n]*?)-->|<!--\/-->/g
const end = '<!--/-->'

/**
 * @param render what is to stand between the comments of a marker, `undefined` to leave it as it
 *   is; its errors become problems of the marker's line
 */
export const renderMarkers = (
  text: string,
  render: (name: string, isBlock: boolean) => string | undefined
): Rendered => {
  const problems: Problem[] = []
  let [rendered, copied] = ['', 0]
  for (const found of findMarkers(text, problems)) {
    const problem = (message: string) =>
      problems.push({ line: lineAt(text, found.start), text: `${found.name}: ${message}` })
    try {
      const filled = render(found.name, found.isBlock)
      if (filled === undefined) continue
      rendered += text.slice(copied, found.start) + (found.isBlock ? `\n\n${filled}\n\n` : filled)
      copied = found.end
    } catch (error) {
      problem(error instanceof Error ? error.message : String(error))
    }
  }
  return { text: rendered + text.slice(copied), problems }
}

/** The same text, with spaces for what markers hold and for code (2): lines stay where they are. */
export const outsideMarkers = (text: string): string => {
  let blanked = withoutCode(text)
  for (const { start, end: stop } of findMarkers(text, []))
    blanked = blanked.slice(0, start) + blank(blanked.slice(start, stop)) + blanked.slice(stop)
  return blanked.replaceAll(/<!--[\s\S]*?-->/g, blank)
}

interface Found {
  readonly name: string
  readonly isBlock: boolean
  /** Of what stands between the comments. */
  readonly start: number
  readonly end: number
}

const findMarkers = (text: string, problems: Problem[]): readonly Found[] => {
  const found: Found[] = []
  let open: Omit<Found, 'end'> | undefined
  for (const match of withoutCode(text).matchAll(marker)) {
    const tell = (message: string) =>
      problems.push({ line: lineAt(text, match.index), text: message })
    if (match[1] === undefined) {
      if (open === undefined) tell(`${end} ends no marker`)
      else found.push({ ...open, end: match.index })
      open = undefined
      continue
    }
    if (open !== undefined) tell(`a marker begins within "${open.name}", which has no ${end}`)
    const name = match[1].trim()
    const start = match.index + match[0].length
    const startsLine = /(^|\n) {0,3}$/.test(text.slice(0, match.index))
    const isBlock = startsLine && /^[ \t]*\n/.test(text.slice(start))
    if (startsLine && !isBlock) tell(`${name}: a marker within a sentence may not start a line`)
    open = { name, start, isBlock }
  }
  if (open !== undefined)
    problems.push({ line: lineAt(text, open.start), text: `${open.name}: there is no ${end}` })
  return found
}

/** Fenced blocks and spans are masked by as many characters. */
export const withoutCode = (text: string): string =>
  text
    .replaceAll(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, blank)
    .replaceAll(/(`+)(?!`)[^\n]*?[^`\n]\1(?!`)/g, blank)

export const lineAt = (text: string, index: number): number =>
  text.slice(0, index).split('\n').length

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ')
