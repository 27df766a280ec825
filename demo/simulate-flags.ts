/** Command line of `npm run simulate`. Every wrong flag is reported, with what is allowed. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const faultNames = ['lag', 'memory', 'disconnect', 'broker-loss', 'recover'] as const

export type FaultName = (typeof faultNames)[number]

const injectable = ['soft', 'graceful', 'aggressive', 'circuitBreak'] as const

export interface SimulateFlags {
  /** Undefined: only how things stand. */
  readonly fault: FaultName | undefined
  readonly showsStatus: boolean
  readonly url: string
  readonly apiKey: string | undefined
  /** Where the exchange is controlled; undefined: where K2 says that its own one is. */
  readonly exchange: string | undefined
  /** Folder of `npm run stack`. */
  readonly stack: string
  readonly seconds: number
  readonly times: number
  readonly level: (typeof injectable)[number]
}

const secondsDefault = 20
const secondsMax = 600
const timesDefault = 200
const timesMax = 1_000
const portDefault = '8000'

export const usage = `usage: npm run simulate -- lag|memory|disconnect|broker-loss|recover [flags]
       npm run simulate -- --status

One fault against a running K2, as a presenter would show it: what was measured before, what is
done, what was measured after.

  lag          the exchange floods K2 for a while: real load, --times as busy as before
  memory       pressure as of memory, through K2's API, which expires by itself: what K2 queues is
               bounded, so that from outside no load fills its memory; the level is thus injected
  disconnect   the exchange cuts every connection
  broker-loss  kill -9 of the Kafka of \`npm run stack\`; it stays away until \`recover\`
  recover      undoes all of these, and waits until the level is normal

lag and disconnect are done to a simulated exchange: the one that K2 runs by default, or one of
\`npm run exchange\`, whose address --exchange gives.

  --status        how things stand; after a fault, once more at the end
  --url URL       of K2 (default http://127.0.0.1:\${K2_HTTP_PORT:-8000})
  --exchange URL  of the exchange's REST API (default: K2's own)
  --stack DIR     folder of the stack (default .k2-stack)
  --seconds N     how long it goes on, or is waited for (default ${secondsDefault})
  --times N       lag: how many times as busy (default ${timesDefault})
  --level LEVEL   memory: ${injectable.join(', ')} (default graceful)
  --help          this text
With K2_API_KEY set, that key is sent, else the first of K2_API_KEYS.
Exit code: 0 done, 1 K2 did not do what was to be seen, 2 it cannot be done, and why.`

const options = {
  status: { type: 'boolean' },
  url: { type: 'string' },
  exchange: { type: 'string' },
  stack: { type: 'string' },
  seconds: { type: 'string' },
  times: { type: 'string' },
  level: { type: 'string' },
  help: { type: 'boolean' }
} as const

type Env = Readonly<Record<string, string | undefined>>

/** The flags, what is wrong with them, or that help was asked for. */
export const readSimulateFlags = (
  args: readonly string[],
  env: Env,
  projectRoot: string
): SimulateFlags | { readonly problems: readonly string[] } | 'help' => {
  const parsed = parse(args)
  if ('problem' in parsed) return { problems: [parsed.problem] }
  const { values, positionals } = parsed
  if (values.help === true) return 'help'
  const problems: string[] = []
  const number = (name: 'seconds' | 'times', fallback: number, max: number): number => {
    const text = values[name]
    if (text === undefined) return fallback
    if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= max) return Number(text)
    problems.push(`--${name} is "${text}": allowed are whole numbers from 1 to ${max}`)
    return fallback
  }
  const address = (name: 'url' | 'exchange'): string | undefined => {
    const text = values[name]
    if (text === undefined || /^https?:\/\/[^/]+\/?$/.test(text)) return text?.replace(/\/$/, '')
    problems.push(`--${name} is "${text}": give an address such as http://127.0.0.1:8000`)
    return undefined
  }
  const fault = faultNames.find((name) => name === positionals[0])
  const isNamed = fault !== undefined && positionals.length === 1
  if (!isNamed && (positionals.length > 0 || values.status !== true)) {
    const given = positionals.length === 0 ? 'no fault is named' : `"${positionals.join(' ')}"`
    problems.push(`${given}: name one of ${faultNames.join(', ')}, or give --status`)
  }
  const level = injectable.find((name) => name === (values.level ?? 'graceful'))
  if (level === undefined)
    problems.push(`--level is "${values.level}": allowed are ${injectable.join(', ')}`)
  const flags: SimulateFlags = {
    fault,
    showsStatus: values.status === true,
    url: address('url') ?? `http://127.0.0.1:${env['K2_HTTP_PORT'] ?? portDefault}`,
    apiKey: env['K2_API_KEY'] ?? plainKeyOf(env['K2_API_KEYS'] ?? ''),
    exchange: address('exchange'),
    stack: resolve(values.stack ?? join(projectRoot, '.k2-stack')),
    seconds: number('seconds', secondsDefault, secondsMax),
    times: number('times', timesDefault, timesMax),
    level: level ?? 'graceful'
  }
  return problems.length > 0 ? { problems } : flags
}

/** The first that does not stand as its digest, without what stands before it. */
const plainKeyOf = (keys: string): string | undefined =>
  keys
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !/(?:^|:)sha256:/.test(part))[0]
    ?.replace(/^.*:/, '')

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    // What follows of an unknown flag is how to write a word that looks like one: there is none.
    const [problem = ''] = (error as Error).message.split('. To specify')
    return { problem }
  }
}
