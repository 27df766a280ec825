/** Pictures of results, and pages to be printed: files that `npm run docs` makes as a whole. */
import { readDocument, renderDocument } from './documents.ts'
import { printable } from './print.ts'
import { measureOf, figureOf, readResult } from './results.ts'
import { latencyPicture } from './latency-picture.ts'
import { type LatencyRow, latencySvg } from './latency-svg.ts'
import { seedQueries } from './seed-queries.ts'

/** Path from the root → its text. */
const files: Readonly<Record<string, (root: string) => string>> = {
  'docs/pictures/latency.svg': latencyPicture,
  'docs/pictures/latency-queries.svg': (root) => drawQueries(root, 'bench/latency'),
  'docs/quick-reference.html': (root) => {
    const text = readDocument(root, 'docs/quick-reference.md')
    return printable(renderDocument(root, text).text)
  }
}

export const madePaths = Object.keys(files)

/** @throws Error if what it shows was not measured */
export const makeFile = (root: string, path: string): string => files[path]!(root)

const drawQueries = (root: string, name: string): string => {
  const file = readResult(root, name)
  const { histograms } = figureOf(file, 'queries')
  const { date, commit, machine } = file.provenance
  const rows = seedQueries.map(([title, measure, detail]): LatencyRow => {
    const histogram = histograms?.[title]
    if (histogram === undefined)
      throw new Error(`${file.path} has no histogram "${title}": run ${file.provenance.command}`)
    const ms = (percentile: string) =>
      measureOf(file, `queries/${measure}, ${percentile}`).median
    return { title, detail, histogram, marks: { p50: ms('p50'), p95: ms('p95'), p99: ms('p99') } }
  })
  return latencySvg(
    'How long answers take over HTTP; heights are the square roots of the counts',
    `${date.slice(0, 10)}, ${commit.slice(0, 7)}, ${machine}`,
    rows
  )
}
