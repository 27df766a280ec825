/** What this machine has for a K2: asked whether or not one runs. */
import { existsSync, statSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { ageText, type CheckContext, plural, reasonOf, sizeText } from './check-context.ts'
import { type CheckLine, line } from './check-report.ts'

const GiB = 1_024 ** 3
/** What a K2 on embedded defaults and its caches are at home in. */
const freeBytesMin = 2 * GiB
const memoryBytesMin = GiB
const coresMin = 2

export const machineChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => [
  await nodeCheck(context),
  builtCheck(context),
  coresCheck(),
  await memoryCheck(),
  ...(await folderChecks(context)),
  ...(isOnThisMachine(context) ? [await portCheck(context)] : [])
]

const nodeCheck = async ({ projectRoot }: CheckContext): Promise<CheckLine> => {
  const manifest = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    readonly engines: { readonly node: string }
  }
  const wanted = manifest.engines.node.replace(/^>=/, '')
  return line('machine', 'Node', {
    figure: `${process.versions.node}, ${wanted} or newer is needed`,
    ...(isOlder(process.versions.node, wanted)
      ? { remedy: `install Node ${wanted} or newer`, isFailure: true }
      : {})
  })
}

export const isOlder = (version: string, than: string): boolean => {
  const parts = version.split('.').map(Number)
  for (const [index, least] of than.split('.').map(Number).entries()) {
    const part = parts[index] ?? 0
    if (part !== least) return part < least
  }
  return false
}

const builtCheck = ({ projectRoot }: CheckContext): CheckLine => {
  const main = join(projectRoot, 'dist', 'main.js')
  if (!existsSync(main))
    return line('machine', 'dist', { figure: `${main} is not there`, remedy: 'npm run k2' })
  const ageMs = Date.now() - statSync(main).mtimeMs
  return line('machine', 'dist', { figure: `built ${ageText(ageMs)} ago` })
}

const coresCheck = (): CheckLine => {
  const cores = availableParallelism()
  return line('machine', 'cores', {
    figure: plural(cores, 'core'),
    values: { cores },
    ...(cores < coresMin ? { remedy: `a machine with ${coresMin} cores keeps up better` } : {})
  })
}

const memoryCheck = async (): Promise<CheckLine> => {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const kiB = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1]
  const available = kiB === undefined ? freemem() : Number(kiB) * 1_024
  return line('machine', 'memory', {
    figure: `${sizeText(available)} of ${sizeText(totalmem())} available`,
    values: { availableBytes: available },
    ...(available < memoryBytesMin
      ? { remedy: `end other programs: K2 is at home in ${sizeText(memoryBytesMin)}` }
      : {})
  })
}

const folderChecks = async ({ config, isRunning }: CheckContext): Promise<readonly CheckLine[]> => {
  const folder = resolve(config.dataDir)
  const isThere = existsSync(folder)
  const figure = isThere ? folder : `${folder} is not there yet: npm start makes it`
  const there = line('machine', 'data folder', { figure })
  let space
  try {
    space = await statfs(isThere ? folder : existingAbove(folder))
  } catch (error) {
    const remedy = 'name a folder by --data-dir that this user may read'
    return [line('machine', 'data folder', { figure: reasonOf(error), remedy, isFailure: true })]
  }
  const free = space.bavail * space.bsize
  const isShort = free < freeBytesMin
  return [
    there,
    line('machine', 'disk', {
      figure: `${sizeText(free)} free where the data folder is`,
      values: { freeBytes: free },
      ...(isShort
        ? {
            remedy: isRunning
              ? 'npm run k2 -- expire'
              : `free some, or name a folder on another disk by --data-dir`
          }
        : {})
    })
  ]
}

const existingAbove = (path: string): string =>
  existsSync(path) || dirname(path) === path ? path : existingAbove(dirname(path))

const isOnThisMachine = ({ url }: CheckContext): boolean =>
  ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)

const portCheck = async ({ url, isRunning }: CheckContext): Promise<CheckLine> => {
  const port = Number(new URL(url).port || 80)
  if (isRunning) return line('machine', `port ${port}`, { figure: 'K2 has it' })
  const fault = await new Promise<string | undefined>((done) => {
    const server = createServer()
    server.once('error', (error) => done(error.message))
    server.listen(port, '127.0.0.1', () => server.close(() => done(undefined)))
  })
  return line('machine', `port ${port}`, {
    figure: fault ?? 'free',
    ...(fault === undefined
      ? {}
      : { remedy: `npm start -- --http-port ${port + 1}, and --url to here`, isFailure: true })
  })
}
