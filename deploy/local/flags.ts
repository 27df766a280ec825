/** The command line of the stack. Pure; every wrong flag is told at once. */
import { resolve } from 'node:path'
import { portsFromMax, portsFromMin } from './ports.ts'
import type { HostPort } from './services/kafka-properties.ts'
import { type ServiceName, serviceNames } from './services/service-spec.ts'

const commands = ['up', 'down', 'status', 'logs', 'kill', 'pause', 'resume', 'restart'] as const
type CommandName = (typeof commands)[number]

export interface Flags {
  readonly command: CommandName
  /** Names of services or of their processes. */
  readonly targets: readonly string[]
  readonly folder: string
  readonly services: readonly ServiceName[] | undefined
  readonly portsFrom: number | undefined
  readonly brokers: 1 | 3 | undefined
  readonly proxied: readonly HostPort[] | undefined
  readonly tls: boolean
  readonly sasl: boolean
  readonly lines: number
  readonly json: boolean
  readonly remove: boolean
}

export const portsFromDefault = 19_000

export const usage = `usage: npm run stack -- COMMAND [flags]

Real services on this machine, without containers, listening on 127.0.0.1 only:
${serviceNames.join(', ')}. They go on after \`up\` has ended, until \`down\`.

  up                    installs what is missing and starts what does not run
  down                  ends all services; data stays unless --remove is given
  status                what runs, with process ids and addresses
  logs [SERVICE…]       newest lines of their logs
  kill SERVICE…         SIGKILL
  pause, resume SERVICE…  SIGSTOP, SIGCONT
  restart SERVICE…      starts it again on its data and ports; ends it first if it runs

  --folder DIR          data, logs, settings (default .k2-stack)
  --services A,B        up: these and what they need (default all)
  --ports-from N        up: first of 32 ports, ${portsFromMin} to ${portsFromMax}
                        (default ${portsFromDefault}; variable K2_STACK_PORTS_FROM)
  --brokers N           up: Kafka brokers, 1 or 3 (default 1)
  --proxied H:P[,H:P]   up: a listener more, advertised as these addresses, one a broker
  --tls, --sasl         up: Kafka listeners with TLS, with SASL, and with both
  --lines N             logs: lines of each, 1 to 10000 (default 40)
  --json                status: as JSON, with passwords
  --remove              down: removes the folder too
  --help                this text

Exit code 0: done; 1: failed; 2: wrong flags.`

const valueFlags = ['folder', 'services', 'ports-from', 'brokers', 'proxied', 'lines'] as const
const switches = ['tls', 'sasl', 'json', 'remove'] as const
type ValueFlag = (typeof valueFlags)[number]
type Switch = (typeof switches)[number]

const commandsOf: Readonly<Record<ValueFlag | Switch, readonly CommandName[]>> = {
  folder: commands,
  services: ['up'],
  'ports-from': ['up'],
  brokers: ['up'],
  proxied: ['up'],
  tls: ['up'],
  sasl: ['up'],
  lines: ['logs'],
  json: ['status'],
  remove: ['down']
}

/** The flags, all their problems, or that help was asked for. */
export const readFlags = (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  projectRoot: string
): Flags | { readonly problems: readonly string[] } | 'help' => {
  if (args.includes('--help')) return 'help'
  const { values, given, words, problems } = splitFlags(args)
  const [word, ...targets] = words
  const command = commands.find((known) => known === word)
  if (command === undefined) {
    problems.push(`${word === undefined ? 'no command' : `"${word}" is no command`}: ` +
      `allowed are ${commands.join(', ')}`)
    return { problems }
  }
  for (const flag of [...values.keys(), ...given]) {
    if (commandsOf[flag].includes(command)) continue
    problems.push(`--${flag} does nothing for ${command}: it is for ${commandsOf[flag].join(', ')}`)
  }
  checkTargets(command, targets, problems)
  const flags: Flags = {
    command,
    targets,
    folder: resolve(projectRoot, values.get('folder') ?? '.k2-stack'),
    services: readServices(values.get('services'), problems),
    portsFrom: readPort(values.get('ports-from'), env['K2_STACK_PORTS_FROM'], problems),
    brokers: readBrokers(values.get('brokers'), problems),
    proxied: readProxied(values.get('proxied'), problems),
    tls: given.has('tls'),
    sasl: given.has('sasl'),
    lines: readCount('--lines', values.get('lines') ?? '40', [1, 10_000], problems),
    json: given.has('json'),
    remove: given.has('remove')
  }
  return problems.length > 0 ? { problems } : flags
}

const splitFlags = (args: readonly string[]) => {
  const values = new Map<ValueFlag, string>()
  const given = new Set<Switch>()
  const words: string[] = []
  const problems: string[] = []
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index]!
    const [, name, attached] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? []
    const valueFlag = valueFlags.find((known) => known === name)
    const switchFlag = switches.find((known) => known === name)
    if (name === undefined) {
      words.push(arg)
    } else if (switchFlag !== undefined) {
      if (attached === undefined) given.add(switchFlag)
      else problems.push(`--${switchFlag} takes no value: give it alone`)
    } else if (valueFlag === undefined) {
      problems.push(`"${arg}" is no flag: --help lists them`)
    } else {
      const value = attached ?? args[(index += 1)]
      const isMissing = attached === undefined && value?.startsWith('--') === true
      if (value === undefined || value === '' || isMissing) {
        problems.push(`--${valueFlag} needs a value`)
      } else if (values.has(valueFlag)) problems.push(`--${valueFlag} is given twice`)
      else values.set(valueFlag, value)
    }
  }
  return { values, given, words, problems }
}

const checkTargets = (command: CommandName, targets: readonly string[], problems: string[]) => {
  const needsTarget = ['kill', 'pause', 'resume', 'restart'].includes(command)
  if (needsTarget && targets.length === 0) {
    problems.push(`${command} needs a service, for example: ${command} kafka`)
  }
  if (!needsTarget && command !== 'logs' && targets.length > 0) {
    problems.push(`${command} takes no "${targets.join(' ')}"; to choose services, see --services`)
  }
}

const readServices = (text: string | undefined, problems: string[]) => {
  if (text === undefined) return undefined
  const asked = text.split(',').map((part) => part.trim())
  for (const part of asked) {
    if (serviceNames.some((name) => name === part)) continue
    problems.push(`--services has "${part}": allowed are ${serviceNames.join(', ')}`)
  }
  return serviceNames.filter((name) => asked.includes(name))
}

const readPort = (flag: string | undefined, variable: string | undefined, problems: string[]) => {
  const range = [portsFromMin, portsFromMax] as const
  if (flag !== undefined) return readCount('--ports-from', flag, range, problems)
  if (variable === undefined || variable === '') return undefined
  return readCount('K2_STACK_PORTS_FROM', variable, range, problems)
}

const readBrokers = (text: string | undefined, problems: string[]): 1 | 3 | undefined => {
  if (text === undefined) return undefined
  if (text === '1') return 1
  if (text === '3') return 3
  problems.push(`--brokers is "${text}": allowed are 1 and 3`)
  return undefined
}

const readProxied = (text: string | undefined, problems: string[]) => {
  if (text === undefined) return undefined
  return text.split(',').map((part): HostPort => {
    const [, host = '', port = '0'] = /^([\w.-]+):(\d{1,5})$/.exec(part.trim()) ?? []
    if (Number(port) < 1 || Number(port) > 65_535) {
      problems.push(`--proxied has "${part}": allowed are addresses like 127.0.0.1:29092`)
    }
    return { host, port: Number(port) }
  })
}

const readCount = (
  name: string,
  text: string,
  [min, max]: readonly [number, number],
  problems: string[]
): number => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  problems.push(`${name} is "${text}": allowed are whole numbers from ${min} to ${max}`)
  return min
}
