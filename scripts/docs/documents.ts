/**
 * The documents: which there are, what stands in their markers, and where measured figures stand
 * without one. `docs/README.md` tells authors of it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { costText } from './cost.ts'
import { flowTable } from './flow.ts'
import { plainText, provenanceText, stampText, viewOf } from './format.ts'
import { lineAt, outsideMarkers, renderMarkers, type Rendered } from './markers.ts'
import { hasFigures, measureOf, readResult, valueAt } from './results.ts'
import { renderTable } from './tables.ts'

/** Where numbers with units must come from results: a whole document, or a section of it. */
const measuredParts: readonly { readonly path: string; readonly heading?: string }[] = [
  { path: 'README.md', heading: '## Figures' },
  { path: 'docs/performance.md' },
  { path: 'docs/quick-reference.md' }
]

/** Paths of all Markdown documents for readers, from the root. */
export const documentPaths = (root: string): readonly string[] => {
  const below = (folder: string) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
          .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
          .map((path) => `${folder}/${path.split(sep).join('/')}`)
      : []
  const atTop = readdirSync(root).filter((path) => path.endsWith('.md'))
  return [...atTop, ...['docs', 'deploy', 'chaos/results'].flatMap(below)].sort()
}

/** @param root where results are looked up */
export const renderDocument = (root: string, text: string): Rendered =>
  renderMarkers(text, (name) => renderMarker(root, name))

const valueName = /^((?:bench|chaos|demo)\/[\w-]+)\/(.+?)(?:@(\w+))?$/

/** @throws Error that says what is missing, and what makes it */
const renderMarker = (root: string, name: string): string | undefined => {
  // A limit or a setting: people write it, no run measures it.
  if (name === 'setting') return undefined
  if (name === 'flow') return flowTable(root)
  const [, table] = /^table (.+)$/.exec(name) ?? []
  if (table !== undefined) return renderTable(root, table)
  const [, cost] = /^cost (.+)$/.exec(name) ?? []
  if (cost !== undefined) return costText(root, cost)
  const [, source] = /^source (.+)$/.exec(name) ?? []
  if (source !== undefined) return provenanceText(readResult(root, source).provenance)
  const [, stamp] = /^stamp (.+)$/.exec(name) ?? []
  if (stamp !== undefined) return stampText(readResult(root, stamp).provenance)
  const [, file, path, view = 'median'] = valueName.exec(name) ?? []
  if (file === undefined || path === undefined)
    throw new Error(
      'a marker is bench|chaos|demo/FILE/FIGURE/MEASURE[@VIEW], "table NAME", "cost PART", ' +
        '"flow", "source FILE", "stamp FILE" or "setting"'
    )
  const result = readResult(root, file)
  return hasFigures(result)
    ? viewOf(measureOf(result, path), view)
    : plainText(path.split('/').at(-1)!, valueAt(result, path), view)
}

const units =
  '(?:ms|µs|s|min|%|kB|MiB|GiB|MB|GB|B|×|(?:trades|rows|records|answers)/s|cores?)(?![\\w/])'
const figure = new RegExp(String.raw`\d[\d.,]*(?: – \d[\d.,]*)?\s?` + units, 'g')

/** Figures of a measured part that stand outside of markers. */
export const strayFigures = (path: string, text: string): readonly string[] =>
  measuredParts
    .filter((part) => part.path === path)
    .flatMap(({ heading }) => {
      const [from, to] = sectionOf(text, heading)
      return [...outsideMarkers(text).slice(from, to).matchAll(figure)].map(
        (match) => `${path}:${lineAt(text, from + match.index)}: "${match[0]}"`
      )
    })

/** From a heading to the next of its rank; all of it without one. @throws Error if it is gone */
const sectionOf = (text: string, heading: string | undefined): readonly [number, number] => {
  if (heading === undefined) return [0, text.length]
  const from = text.startsWith(heading) ? 0 : text.indexOf(`\n${heading}\n`)
  if (from < 0) throw new Error(`there is no section "${heading}"`)
  const next = text.indexOf(`\n${heading.split(' ')[0]} `, from + heading.length)
  return [from, next < 0 ? text.length : next]
}

export const readDocument = (root: string, path: string): string =>
  readFileSync(join(root, path), 'utf8')
