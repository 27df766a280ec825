/**
 * A stack: real services on this machine's loopback, without containers.
 *
 * 1. Several run at once: each has a folder and ports of its own.
 * 2. What is started is found again by its folder, by another process too.
 * 3. When the start of one service fails, what this call started is ended.
 * 4. Unless it is to survive, what was started ends when this process exits. After SIGKILL nobody
 *    is there to do it: `down` with the folder does.
 */
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Addresses, addressesOf } from './addresses.ts'
import { withFolderLock } from './folder-lock.ts'
import {
  changedLayout,
  type Layout,
  type LayoutOptions,
  newLayout,
  readLayout,
  writeLayout
} from './layout.ts'
import { findFreePorts } from './ports.ts'
import { type ServiceName, serviceNames } from './services/service-spec.ts'
import { ServiceProcess } from './service-process.ts'
import { needsOf, specsOf, withNeeds } from './services/specs.ts'
import { StackProblem } from './stack-problem.ts'

export interface StackOptions extends LayoutOptions {
  readonly folder: string
  /** Default: all. What they need is added. */
  readonly services?: readonly ServiceName[] | undefined
  /** Services go on when this process ends. Default: false. */
  readonly survives?: boolean
}

/** Brings up what does not run yet. Without `portsFrom`, a new folder gets free ports. */
export const openStack = async (options: StackOptions): Promise<Stack> => {
  const folder = resolve(options.folder)
  return withFolderLock(folder, async () => {
    const stack = new Stack(folder, await settleLayout(folder, options))
    if (options.survives !== true) endWithThisProcess(stack)
    await stack.start(options.services ?? serviceNames)
    return stack
  })
}

/** The stack of a folder as it is; undefined when there has been none. */
export const findStack = async (folder: string): Promise<Stack | undefined> => {
  const layout = await readLayout(resolve(folder))
  return layout === undefined ? undefined : new Stack(resolve(folder), layout)
}

const mortal = new Set<Stack>()

const endWithThisProcess = (stack: Stack): void => {
  if (mortal.size === 0) process.once('exit', killMortal)
  mortal.add(stack)
}

const killMortal = (): void => {
  for (const { processes } of mortal) for (const started of processes) started.killAtExit()
}

const settleLayout = async (folder: string, options: LayoutOptions): Promise<Layout> => {
  const saved = await readLayout(folder)
  if (saved === undefined) {
    const portsFrom = options.portsFrom ?? (await findFreePorts())
    const layout = newLayout({ ...options, portsFrom })
    await writeLayout(folder, layout)
    return layout
  }
  const wanted = changedLayout(saved, options)
  if (JSON.stringify(wanted) === JSON.stringify(saved)) return saved
  const running = await new Stack(folder, saved).running()
  if (running.length > 0) {
    throw new StackProblem(
      `${running.map(({ name }) => name).join(', ')} run in ${folder} with other settings: ` +
        'bring the stack down first, or leave the settings out'
    )
  }
  await writeLayout(folder, wanted)
  return wanted
}

export class Stack {
  readonly folder: string
  readonly addresses: Addresses
  readonly processes: readonly ServiceProcess[]

  constructor(folder: string, layout: Layout) {
    this.folder = folder
    this.addresses = addressesOf(folder, layout)
    this.processes = specsOf(folder, layout).map((spec) => new ServiceProcess(folder, spec))
  }

  /** By its name in `status`: with three brokers, `kafka-1` to `kafka-3`. */
  service(name: string): ServiceProcess {
    const found = this.processes.find((process) => process.name === name)
    if (found !== undefined) return found
    const names = this.processes.map((process) => process.name)
    throw new StackProblem(`"${name}" is no service of this stack: it has ${names.join(', ')}`)
  }

  /** Running or paused ones. */
  async running(): Promise<readonly ServiceProcess[]> {
    const pids = await Promise.all(this.processes.map(async (process) => process.pid()))
    return this.processes.filter((_, index) => pids[index] !== undefined)
  }

  /** Side by side, but each after what it needs. */
  async start(services: readonly ServiceName[]): Promise<void> {
    const before = await this.running()
    const started = new Map<ServiceName, Promise<void>>()
    const startOnce = async (service: ServiceName): Promise<void> => {
      const begun = started.get(service) ?? this.#startService(service, startOnce)
      started.set(service, begun)
      return begun
    }
    const outcomes = await Promise.allSettled([...withNeeds(services)].map(startOnce))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return
    const ours = (await this.running()).filter((process) => !before.includes(process))
    await Promise.all(ours.map(async (process) => process.kill()))
    throw failed.reason
  }

  /** Ends all services; their data stays. What needs another ends before it. */
  async close(): Promise<void> {
    const left = new Set(this.processes)
    while (left.size > 0) {
      const needed = new Set([...left].flatMap(({ spec }) => needsOf[spec.service]))
      const next = [...left].filter(({ spec }) => !needed.has(spec.service))
      await Promise.all(next.map(async (process) => process.stop()))
      for (const process of next) left.delete(process)
    }
  }

  /** Ends all services at once and removes the folder. */
  async destroy(): Promise<void> {
    await Promise.all(this.processes.map(async (process) => process.kill()))
    await rm(this.folder, { recursive: true, force: true })
  }

  async #startService(
    service: ServiceName,
    startOnce: (service: ServiceName) => Promise<void>
  ): Promise<void> {
    await Promise.all(needsOf[service].map(startOnce))
    const processes = this.processes.filter(({ spec }) => spec.service === service)
    await Promise.all(processes.map(async (process) => process.start()))
  }
}
