/**
 * `node scripts/run.mjs bench/profile.ts PATH [COUNT]`: self time by file and by function of one
 * `.cpuprofile`, or of all in a folder, such as `npm run bench -- --profile DIR` writes: one per
 * thread. Prints the COUNT largest of each, 25 unless told.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type CpuProfile, type SelfTime, summariseProfile } from './cpu-profile.ts'
import { projectRoot } from './workspace.ts'

const countDefault = 25
const extension = '.cpuprofile'

const main = async ([path, countText = String(countDefault)]: readonly string[]) => {
  const count = Number(countText)
  if (path === undefined || !(Number.isSafeInteger(count) && count > 0)) {
    console.error('usage: node scripts/run.mjs bench/profile.ts PATH [COUNT]')
    return 2
  }
  const files = await profilesAt(resolve(path))
  if (files.length === 0) console.error(`profile: ${path} has no ${extension} file`)
  for (const file of files) {
    const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile
    const { totalMs, idleMs, functions, files } = summariseProfile(profile, projectRoot)
    const worked = (1 - idleMs / totalMs) * 100
    console.log(
      `\n== ${threadOf(file)}: ${seconds(totalMs)} s, of which it worked ${worked.toFixed(1)} %`
    )
    printRanking('self time by file', files.slice(0, count))
    printRanking('self time by function', functions.slice(0, count))
  }
  return files.length === 0 ? 1 : 0
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
