/**
 * `node scripts/run.mjs bench/profile.ts PATH [COUNT] [--out FILE]`: self time by file and by
 * function of one `.cpuprofile`, or of all in a folder, such as `npm run bench -- --profile DIR`
 * writes: one per thread. Prints the COUNT largest of each, 25 unless told. With `--out`, the files
 * of each thread that did anything, as shares of its work, as JSON that documents quote.
 */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type CpuProfile, type SelfTime, summariseProfile } from './cpu-profile.ts'
import { describeEnvironment } from './environment.ts'
import { projectRoot } from './workspace.ts'

const countDefault = 25
const extension = '.cpuprofile'
/** Of a thread's work; what is less stands together. */
const shareMin = 0.01
const command =
  'npm run bench -- --only throughput --runs 1 --seconds 15 --profile DIR && ' +
  'node scripts/run.mjs bench/profile.ts DIR --out bench/results/profile.json'

const main = async (args: readonly string[]) => {
  const outAt = args.indexOf('--out')
  const out = outAt < 0 ? undefined : args[outAt + 1]
  const positional = outAt < 0 ? args : args.filter((_, at) => at !== outAt && at !== outAt + 1)
  const [path, countText = String(countDefault)] = positional
  const count = Number(countText)
  const isOutMissing = outAt >= 0 && out === undefined
  if (path === undefined || isOutMissing || !(Number.isSafeInteger(count) && count > 0)) {
    console.error('usage: node scripts/run.mjs bench/profile.ts PATH [COUNT] [--out FILE]')
    return 2
  }
  const files = await profilesAt(resolve(path))
  if (files.length === 0) console.error(`profile: ${path} has no ${extension} file`)
  for (const file of files) {
    const { totalMs, idleMs, functions, files: byFile } = await summaryOf(file)
    const worked = (1 - idleMs / totalMs) * 100
    console.log(
      `\n== ${threadOf(file)}: ${seconds(totalMs)} s, of which it worked ${worked.toFixed(1)} %`
    )
    printRanking('self time by file', byFile.slice(0, count))
    printRanking('self time by function', functions.slice(0, count))
  }
  if (out !== undefined && files.length > 0) await writeShares(resolve(out), files)
  return files.length === 0 ? 1 : 0
}

const summaryOf = async (file: string) =>
  summariseProfile(JSON.parse(await readFile(file, 'utf8')) as CpuProfile, projectRoot)

const writeShares = async (out: string, profiles: readonly string[]): Promise<void> => {
  const environment = {
    ...(await describeEnvironment(dirname(profiles[0]!))),
    date: (await stat(profiles[0]!)).mtime.toISOString()
  }
  const figures = await Promise.all(profiles.map(figureOf))
  await mkdir(dirname(out), { recursive: true })
  const named = figures.filter(({ measures }) => measures.length > 0)
  await writeFile(out, `${JSON.stringify({ environment, command, figures: named }, null, 2)}\n`)
  console.log(`\nprofile: written to ${out}`)
}

/** Laid out as the figures of the benchmarks are. */
const figureOf = async (file: string) => {
  const { totalMs, idleMs, files } = await summaryOf(file)
  const isMain = threadOf(file).startsWith('main')
  const worker = files.find(({ name }) => name.endsWith('-worker.js'))?.name
  const id = isMain ? 'main' : basename(worker ?? threadOf(file), '-worker.js')
  const large = files.filter(({ share }) => share >= shareMin)
  const rest = files.slice(large.length).reduce((sum, { share }) => sum + share, 0)
  const measures = [
    ...large.map(({ name, share }) => percent(name, share)),
    percent('everything else', rest),
    percent('of the time, it worked', 1 - idleMs / totalMs)
  ]
  return { id, title: `Self time of a thread: ${id}`, status: 'ok', notes: [], measures }
}

const percent = (name: string, share: number) => {
  const value = Number((share * 100).toFixed(1))
  return { name, unit: '%', median: value, min: value, max: value, n: 1, values: [value] }
}

/** As Node names profiles: date, time, process, thread, number. */
const threadOf = (file: string): string => {
  const [, thread] = /\.(\d+)\.\d+\.cpuprofile$/.exec(file) ?? []
  if (thread === undefined) return file
  return `${thread === '0' ? 'main thread' : `worker thread ${thread}`} (${basename(file)})`
}

const profilesAt = async (path: string): Promise<readonly string[]> => {
  if (!(await stat(path)).isDirectory()) return [path]
  const names = await readdir(path)
  return names.filter((name) => name.endsWith(extension)).map((name) => join(path, name)).sort()
}

const printRanking = (title: string, times: readonly SelfTime[]): void => {
  console.log(`\n${title}`)
  for (const { name, ms, share } of times) {
    console.log(`${(share * 100).toFixed(1).padStart(6)} %  ${seconds(ms).padStart(8)} s  ${name}`)
  }
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(2)

process.exitCode = await main(process.argv.slice(2))
