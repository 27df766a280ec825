/** Whether what a presentation falls back on is there: documents, pictures, recordings. */
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type CheckContext, plural, sizeText } from './check-context.ts'
import { type CheckLine, line } from './check-report.ts'

const screenshotsMin = 10
const backupCommand = 'npm run backup'

const documents: readonly (readonly [file: string, remedy: string])[] = [
  ['docs/contingency.md', 'git checkout docs/contingency.md'],
  ['docs/quick-reference.md', 'npm run docs'],
  ['docs/demo-day-checklist.md', 'npm run k2 -- checklist --print']
]

interface Material {
  readonly name: string
  readonly fits: RegExp
  readonly least: number
}

const materials: readonly Material[] = [
  { name: 'screenshots', fits: /\.png$/, least: screenshotsMin },
  { name: 'video', fits: /\.(?:mp4|webm)$/, least: 1 },
  { name: 'walk-through', fits: /(?:^|\/)walkthrough\.html$/, least: 1 },
  { name: 'terminal recording', fits: /\.cast$/, least: 1 }
]

export const backupChecks = async ({
  projectRoot
}: Pick<CheckContext, 'projectRoot'>): Promise<readonly CheckLine[]> => {
  const lines: CheckLine[] = []
  for (const [file, remedy] of documents) lines.push(await documentLine(projectRoot, file, remedy))
  const files = await filesBelow(join(projectRoot, 'backup'))
  return [...lines, ...materials.map((it) => materialLine(it, files))]
}

const documentLine = async (root: string, file: string, remedy: string): Promise<CheckLine> => {
  const path = join(root, file)
  const bytes = existsSync(path) ? (await stat(path)).size : 0
  return line('backup', file, {
    figure: bytes > 0 ? sizeText(bytes) : 'is not there',
    values: { bytes },
    ...(bytes > 0 ? {} : { remedy })
  })
}

interface Found {
  readonly path: string
  readonly bytes: number
}

const materialLine = (
  { name, fits, least }: Material,
  files: readonly Found[]
): CheckLine => {
  const found = files.filter(({ path, bytes }) => fits.test(path) && bytes > 0)
  const bytes = found.reduce((sum, it) => sum + it.bytes, 0)
  const needed = least > 1 ? `, ${least} are needed` : ''
  return line('backup', name, {
    figure: `${plural(found.length, 'file')} in backup/, ${sizeText(bytes)}${needed}`,
    values: { files: found.length, bytes },
    ...(found.length >= least ? {} : { remedy: backupCommand })
  })
}

const filesBelow = async (folder: string): Promise<readonly Found[]> => {
  if (!existsSync(folder)) return []
  const names = await readdir(folder, { recursive: true })
  const found: Found[] = []
  for (const path of names) {
    const facts = await stat(join(folder, path))
    if (facts.isFile()) found.push({ path, bytes: facts.size })
  }
  return found
}
