/**
 * Chaos scenarios by name, for scripts that run them; and one run.
 *
 * A run that hangs is ended in the end: it then has failed, and ends what it started.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { projectRoot } from './install.mjs'

/** A test holds them against the scenarios themselves. */
export const scenarioNames = [
  'broker-kill',
  'broker-pause',
  'lander-kill',
  'ingest-kill',
  'registry-down',
  'catalog-down',
  'store-down',
  'disk-full',
  'socket-storm',
  'everything'
]

/** They mount a small disk, which takes root. */
const needsRoot = ['disk-full']
/** Beyond the time of its faults: services, warm-up, healing, draining, verdict. */
const aroundMsMax = 1_500_000

export const isRoot = process.getuid?.() === 0

/** What this user can run. */
export const runnable = () => scenarioNames.filter((name) => isRoot || !needsRoot.includes(name))

/** A number from 1 to 2^31 that follows from a commit and a name. */
export const seedOf = (commit, name) =>
  1 + (createHash('sha256').update(`${commit} ${name}`).digest().readUInt32BE(0) % 2 ** 31)

/** The scenarios of a commit's check: the first always, and two others that its hash chooses. */
export const chosenFor = (commit, names) => {
  const [first, ...others] = names
  const bySeed = others.toSorted((one, other) => seedOf(commit, one) - seedOf(commit, other))
  return [first, ...bySeed.slice(0, 2)]
}

/** Exit code of `npm run chaos` with these arguments; its output is shown, each line named. */
const runChaos = (name, args, minutes) =>
  new Promise((resolve) => {
    const command = [join(projectRoot, 'scripts', 'run.mjs'), 'chaos/main.ts', name]
    const run = spawn(process.execPath, [...command, ...args, '--minutes', `${minutes}`], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    for (const stream of [run.stdout, run.stderr]) {
      createInterface({ input: stream }).on('line', (line) => console.log(`${name}: ${line}`))
    }
    const deadline = setTimeout(
      () => {
        console.log(`${name}: it took too long and is ended`)
        run.kill('SIGTERM')
      },
      minutes * 60_000 + aroundMsMax
    )
    run.on('error', (error) => {
      console.error(`${name}: the run could not be started: ${error.message}`)
      resolve(2)
    })
    // With all of its output.
    run.on('close', (code) => {
      clearTimeout(deadline)
      resolve(code ?? 1)
    })
  })

/**
 * Runs all, `atOnce` of them side by side: each has services and folders of its own. Prints each
 * verdict, returns how many did not pass.
 */
export const runAll = async (runs, atOnce) => {
  const verdicts = []
  const waiting = [...runs]
  const work = async () => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
      const { name, seed, minutes, args } = run
      const startedMs = Date.now()
      const code = await runChaos(name, ['--seed', `${seed}`, ...args], minutes)
      const seconds = Math.round((Date.now() - startedMs) / 1_000)
      const verdict = code === 0 ? 'passed' : code === 1 ? 'FAILED' : 'COULD NOT RUN'
      const line = `${name} --seed ${seed} --minutes ${minutes}: ${verdict}, ${seconds} s`
      verdicts.push({ code, line })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  for (const { line } of verdicts) console.log(`chaos: ${line}`)
  return verdicts.filter(({ code }) => code !== 0).length
}
