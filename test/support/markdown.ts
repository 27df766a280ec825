/** What the documents of the repository contain: fenced blocks, headings, links. */
import { readText, trackedFiles } from './source-tree.ts'

interface Fence {
  readonly path: string
  /** Of its first line inside, from 1. */
  readonly line: number
  readonly language: string
  readonly text: string
  readonly isClosed: boolean
}

export const documents = (): readonly string[] =>
  trackedFiles().filter((path) => path.endsWith('.md'))

/** All fenced blocks of a text, those that nothing closes too. */
export const fencesOf = (path: string, text = readText(path)): readonly Fence[] => {
  const found: Fence[] = []
  let open: { line: number; language: string; mark: string; lines: string[] } | undefined
  const close = (isClosed: boolean) => {
    if (open === undefined) return
    const { line, language, lines } = open
    found.push({ path, line, language, text: lines.join('\n'), isClosed })
    open = undefined
  }
  for (const [index, content] of text.split('\n').entries()) {
    const [, mark, language] = /^\s*(`{3,})\s*([\w-]*)/.exec(content) ?? []
    if (open === undefined && mark !== undefined)
      open = { line: index + 2, language: language ?? '', mark, lines: [] }
    else if (open !== undefined && mark === open.mark && content.trim() === open.mark) close(true)
    else open?.lines.push(content)
  }
  close(false)
  return found
}
