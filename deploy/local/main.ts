/** `npm run stack -- COMMAND [flags]`: the services that K2 can run on, on this machine. */
import { resolve } from 'node:path'
import { type Flags, portsFromDefault, readFlags, usage } from './flags.ts'
import { readLayout } from './layout.ts'
import { cacheRoot } from './install/cache.ts'
import type { ServiceProcess } from './service-process.ts'
import { findStack, openStack, type Stack } from './stack.ts'
import { StackProblem } from './stack-problem.ts'
import { statusJson, statusLines } from './status.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')

const main = async (args: readonly string[]): Promise<number> => {
  const flags = readFlags(args, process.env, projectRoot)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`stack: ${problem}`)
    return 2
  }
  try {
    await run(flags)
    return 0
  } catch (error) {
    if (!(error instanceof StackProblem)) throw error
    console.error(`stack: ${error.message}`)
    return 1
  }
}

const run = async (flags: Flags): Promise<void> => {
  if (flags.command === 'up') return up(flags)
  const stack = await findStack(flags.folder)
  if (stack === undefined) {
    if (flags.command === 'down') return console.log(`no stack in ${flags.folder}`)
    throw new StackProblem(`no stack in ${flags.folder}: bring one up first, or give its --folder`)
  }
  switch (flags.command) {
    case 'down':
      await (flags.remove ? stack.destroy() : stack.close())
      return console.log(flags.remove ? `ended, ${flags.folder} removed` : 'ended; data kept')
    case 'status':
      return showStatus(stack, flags)
    case 'logs':
      return showLogs(targetsOf(stack, flags), flags)
    case 'kill':
      return forEach(targetsOf(stack, flags), 'killed', async (service) => service.kill())
    case 'pause':
      return forEach(targetsOf(stack, flags), 'paused', async (service) => service.pause())
    case 'resume':
      return forEach(targetsOf(stack, flags), 'resumed', async (service) => service.resume())
    case 'restart':
      return forEach(targetsOf(stack, flags), 'ready', async (service) => {
        await service.stop()
        await service.start()
      })
    default:
      return flags.command satisfies never
  }
}

const up = async (flags: Flags): Promise<void> => {
  const { folder, services, brokers, proxied, tls, sasl } = flags
  const isNew = (await readLayout(folder)) === undefined
  const kafka =
    proxied !== undefined || tls || sasl
      ? { tls, sasl, ...(proxied !== undefined && { proxied }) }
      : undefined
  console.log(`starting in ${folder}; what the first time fetches and builds, for some minutes,`)
  console.log(`is kept in ${cacheRoot()}`)
  const stack = await openStack({
    folder,
    services,
    brokers,
    kafka,
    portsFrom: flags.portsFrom ?? (isNew ? portsFromDefault : undefined),
    survives: true
  })
  await showStatus(stack, flags)
}

const showStatus = async (stack: Stack, { json }: Flags): Promise<void> => {
  if (json) console.log(JSON.stringify(await statusJson(stack), null, 2))
  else for (const line of await statusLines(stack)) console.log(line)
}

const showLogs = async (services: readonly ServiceProcess[], { lines }: Flags): Promise<void> => {
  for (const service of services) {
    if ((await service.condition()) === 'not started') continue
    console.log(`==> ${service.logFile}\n${await service.logTail(lines)}\n`)
  }
}

const forEach = async (
  services: readonly ServiceProcess[],
  done: string,
  act: (service: ServiceProcess) => Promise<void>
): Promise<void> => {
  await Promise.all(
    services.map(async (service) => {
      await act(service)
      console.log(`${service.name} ${done}`)
    })
  )
}

/** `kafka` means all its brokers, no name means all. */
const targetsOf = (stack: Stack, { targets }: Flags): readonly ServiceProcess[] => {
  if (targets.length === 0) return stack.processes
  return targets.flatMap((target) => {
    const group = stack.processes.filter(({ spec }) => spec.service === target)
    return group.length > 0 ? group : [stack.service(target)]
  })
}

process.exitCode = await main(process.argv.slice(2))
