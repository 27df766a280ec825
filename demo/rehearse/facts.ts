/** What is counted in the repository, and what `k2 check` says of the K2 that runs. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withoutSettings } from '../../chaos/without-settings.ts'
import type { Facts } from './record.ts'

const commandMsMax = 60_000

export const gatherFacts = async (root: string, k2Url: string): Promise<Facts> => {
  const k2 = join(root, 'dist', 'cli', 'k2.js')
  const [check, docs] = await Promise.all([
    told(root, [k2, 'check', '--json', '--url', k2Url]),
    told(root, ['--import', 'tsx', join(root, 'scripts', 'docs', 'main.ts'), '--check'])
  ])
  return {
    check: { code: check.code, summary: checkSummary(check) },
    docs: { code: docs.code, summary: docs.code === 0 ? 'all documents are current' : docs.text },
    decisions: decisionsOf(root),
    alerts: alertsOf(root),
    links: linksOf(root)
  }
}

interface Told {
  readonly code: number
  readonly text: string
}

const told = (cwd: string, args: readonly string[]): Promise<Told> =>
  new Promise((resolve) => {
    const options = { cwd, env: withoutSettings(process.env), timeout: commandMsMax }
    const child = execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const code = child.exitCode ?? (error === null ? 0 : -1)
      resolve({ code, text: stdout === '' ? stderr.trim().slice(0, 300) : stdout })
    })
  })

/** How many of its lines are in which state. */
const checkSummary = ({ code, text }: Told): string => {
  const counts = new Map<string, number>()
  for (const [, state = ''] of text.matchAll(/"state":\s*"([a-z_ -]+)"/gi))
    counts.set(state, (counts.get(state) ?? 0) + 1)
  const told = [...counts].map(([state, count]) => `${count} ${state}`).join(', ')
  return `exit code ${code}${told === '' ? '' : `: ${told}`}`
}

/** Each of a whole record's parts, by the word that its heading has. */
const recordParts = [/^#+.*alternativ/im, /^#+.*(trade-?off|consequence)/im, /^#+.*evidence/im]

const decisionsOf = (root: string): Facts['decisions'] => {
  const folder = join(root, 'docs', 'decisions')
  if (!existsSync(folder)) return { all: 0, whole: 0 }
  const records = readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => readFileSync(join(folder, name), 'utf8'))
  const whole = records.filter((text) => recordParts.every((part) => part.test(text)))
  return { all: records.length, whole: whole.length }
}

const alertsOf = (root: string): Facts['alerts'] => {
  const folder = join(root, 'deploy', 'prometheus', 'rules')
  const rules = readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
  const names = [...rules.matchAll(/^\s*-\s*alert:\s*(\w+)/gm)].map(([, name]) => name!)
  const runbook = readFileSync(join(root, 'docs', 'runbook.md'), 'utf8')
  const inRunbook = names.filter((name) => new RegExp(`^#+ .*\\b${name}\\b`, 'm').test(runbook))
  return { all: names.length, inRunbook: inRunbook.length }
}

const linkedFrom = ['README.md', 'docs/quick-reference.md']

const linksOf = (root: string): Facts['links'] => {
  const links = linkedFrom.flatMap((path) => {
    const file = join(root, path)
    if (!existsSync(file)) return [{ path, target: path, isThere: false }]
    return [...readFileSync(file, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      ([, target = '']) => {
        return { path, target, isThere: existsSync(join(dirname(file), decodeURI(target))) }
      }
    )
  })
  const broken = links.filter(({ isThere }) => !isThere)
  return { all: links.length, broken: broken.map(({ path, target }) => `${path}: ${target}`) }
}
