/**
 * What runs have left as JSON, for documents that quote it: `bench/results`, `chaos/results`,
 * `demo/results`.
 *
 * 1. A file that does not say when, of which commit, on which machine and by which command it was
 *    made is not quoted: what cannot be repeated is no evidence.
 * 2. A figure that failed its verification is not quoted either.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bar } from '../../bench/bars.ts'
import type { HistogramJson } from '../../bench/latencies.ts'

export interface Provenance {
  readonly date: string
  readonly commit: string
  readonly machine: string
  readonly node: string
  /** Makes the file anew. */
  readonly command: string
}

export interface Measure {
  readonly name: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
  readonly n: number
  readonly bar?: Bar & { readonly verdict: string }
}

export interface MeasuredFigure {
  readonly id: string
  readonly title: string
  readonly status: 'ok' | 'failed'
  readonly notes: readonly string[]
  readonly outsideLoad?: { readonly isQuiet: boolean; readonly busyShare: number }
  readonly measures: readonly Measure[]
  readonly histograms?: Readonly<Record<string, HistogramJson>>
}

export interface ResultFile {
  /** As documents name it: `bench/queries`. */
  readonly name: string
  readonly path: string
  readonly provenance: Provenance
  readonly json: unknown
}

const resultFolders = ['bench', 'chaos', 'demo'] as const

/** Names of all result files, as documents have them. */
export const resultNames = (root: string): readonly string[] =>
  resultFolders.flatMap((folder) => {
    const results = join(root, folder, 'results')
    if (!existsSync(results)) return []
    return readdirSync(results)
      .filter((file) => file.endsWith('.json'))
      .map((file) => `${folder}/${file.slice(0, -'.json'.length)}`)
      .sort()
  })

/** @throws Error if there is no such file, or one that is not fit to be quoted (1) */
export const readResult = (root: string, name: string): ResultFile => {
  const [folder, file] = name.split('/')
  const path = `${folder}/results/${file}.json`
  if (!existsSync(join(root, path)))
    throw new Error(`there is no ${path}: make it with ${makerOf(name)}`)
  const json = JSON.parse(readFileSync(join(root, path), 'utf8')) as unknown
  return { name, path, json, provenance: provenanceOf(name, path, json) }
}

const provenanceOf = (name: string, path: string, json: unknown): Provenance => {
  const { environment = {}, command } = json as {
    readonly environment?: Readonly<Record<string, unknown>>
    readonly command?: string
  }
  const { date, commit, cpu, node } = environment
  const needed = { date, commit, cpu, node, command }
  const missing = Object.entries(needed).filter(([, is]) => typeof is !== 'string' || is === '')
  if (missing.length > 0) {
    const names = missing.map(([key]) => (key === 'command' ? key : `environment.${key}`))
    throw new Error(`${path} does not say ${names.join(', ')}: run ${makerOf(name)}`)
  }
  const { cores, memoryGiB, platform, nice } = environment
  const machine = [`${String(cpu)}, ${String(cores)} cores`, `${String(memoryGiB)} GiB`, platform]
  if (typeof nice === 'number') machine.push(`at priority ${nice}`)
  return {
    date: String(date),
    commit: String(commit),
    machine: machine.join(', '),
    node: String(node),
    command: String(command)
  }
}

/** What makes a file of this name, where it does not say so itself. */
const makerOf = (name: string): string => {
  const [folder, file] = name.split('/')
  if (folder === 'bench') return `npm run bench -- --only FIGURES --out bench/results/${file}.json`
  if (folder === 'chaos') return `npm run chaos -- ${file} --out chaos/results/${file}.json`
  return `the command of demo/ that writes demo/results/${file}.json`
}

/** @throws Error if the file has no such figure, or one that failed (2) */
export const figureOf = ({ path, json, provenance }: ResultFile, id: string): MeasuredFigure => {
  const figures = (json as { readonly figures?: readonly MeasuredFigure[] }).figures ?? []
  const figure = figures.find((it) => it.id === id)
  if (figure === undefined)
    throw new Error(
      `${path} has no figure "${id}", but ${figures.map((it) => it.id).join(', ')}: ` +
        `made by ${provenance.command}`
    )
  if (figure.status !== 'ok')
    throw new Error(`${path}: figure "${id}" failed; run ${provenance.command} again`)
  return figure
}

/** @param path `figure/measure`; measures may have slashes in their names */
export const measureOf = (file: ResultFile, path: string): Measure => {
  const slash = path.indexOf('/')
  if (slash < 0) throw new Error(`"${path}" names no measure: FIGURE/MEASURE`)
  const [id, name] = [path.slice(0, slash), path.slice(slash + 1)]
  const { measures } = figureOf(file, id)
  const measure = measures.find((it) => it.name === name)
  if (measure === undefined)
    throw new Error(
      `${file.path}, ${id}: no measure "${name}", but ` +
        `${measures.map((it) => `"${it.name}"`).join(', ')}; made by ${file.provenance.command}`
    )
  return measure
}

export const hasFigures = ({ json }: ResultFile): boolean =>
  Array.isArray((json as { readonly figures?: unknown }).figures)

/** A value of a file that is no list of figures, by its keys. @throws Error if it is not there */
export const valueAt = ({ path, json, provenance }: ResultFile, keys: string): number | string => {
  let value: unknown = json
  for (const key of keys.split('/')) value = (value as Record<string, unknown> | undefined)?.[key]
  if (typeof value === 'number' || typeof value === 'string') return value
  throw new Error(`${path} has no number or text at "${keys}"; made by ${provenance.command}`)
}
