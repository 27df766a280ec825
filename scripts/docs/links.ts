/**
 * Links of Markdown documents that lead to files of the project: that the file is there, and that
 * it has the heading. What is on the network is not looked at.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { lineAt, withoutCode } from './markers.ts'

const inline = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g
const defined = /^\[[^\]]+\]:\s*(\S+)/gm
const attribute = /(?:href|src)="([^"]+)"/g

/** @returns what each link that leads nowhere is, with its line */
export const brokenLinks = (root: string, path: string, text: string): readonly string[] => {
  const readable = withoutCode(text)
  return [inline, defined, attribute]
    .flatMap((pattern) => [...readable.matchAll(pattern)])
    .flatMap((match) => {
      const fault = faultOf(root, path, match[1]!)
      return fault === undefined ? [] : [`${path}:${lineAt(text, match.index)}: ${fault}`]
    })
}

const faultOf = (root: string, from: string, link: string): string | undefined => {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return undefined
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? from : posix.join(dirname(from), decodeURIComponent(file))
  if (!existsSync(join(root, target))) return `${link}: there is no ${target}`
  if (anchor === undefined || !target.endsWith('.md')) return undefined
  const anchors = anchorsOf(readFileSync(join(root, target), 'utf8'))
  return anchors.has(anchor) ? undefined : `${link}: ${target} has no heading "${anchor}"`
}

/** As GitHub makes them of headings; also those that HTML names. */
export const anchorsOf = (text: string): ReadonlySet<string> => {
  const anchors = new Set<string>()
  const named = [...text.matchAll(/<[a-z0-9]+ [^>]*(?:id|name)="([^"]+)"/g)].map((it) => it[1]!)
  for (const anchor of named) anchors.add(anchor)
  const fenceless = text.replaceAll(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, '')
  for (const [, heading] of fenceless.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = plain.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
    let [unique, again] = [slug, 0]
    while (anchors.has(unique)) unique = `${slug}-${(again += 1)}`
    anchors.add(unique)
  }
  return anchors
}
