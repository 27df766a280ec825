/** Command line of `npm run present`. */
import { readFlagsOf } from '../show/read-flags.ts'

export interface PresentFlags {
  readonly port: number
  /** Of a K2 that runs; undefined: one is started. */
  readonly url: string | undefined
  readonly isKafka: boolean
  readonly installs: boolean
}

const portDefault = 8_100

export const usage = `usage: npm run present [-- flags]

The twelve minutes of the demonstration, on stage: a page on this machine with a key for each step.
Space or → executes the next step against a K2 that runs, and shows the talking point with what
was just measured, the page of K2, and the output. B shows the backup of the section at any
moment, also when K2 is dead; npm run backup makes it, and what npm run rehearse executed is
part of it.
Ctrl-C ends it and what it started.
Exit code: 0 ended; 2 it could not begin.

  --port N     of the page (default ${portDefault}; 0 takes any free one)
  --url URL    a K2 that runs already; then nothing is killed, and its own marks of pressure hold.
               Its key is taken from K2_API_KEY. By default a K2 with an exchange is started.
  --kafka      the K2 that is started uses Kafka, natively, instead of its embedded log
  --install    install what Kafka needs and is missing (Java; as root, on Debian)
  --help       this text`

const types = {
  port: 'string', url: 'string', kafka: 'boolean', install: 'boolean', help: 'boolean'
} as const

const portMax = 65_535

export const readPresentFlags = (
  args: readonly string[]
): PresentFlags | { readonly problems: readonly string[] } | 'help' => {
  const flags = readFlagsOf(args, types)
  if (flags.has('help')) return 'help'
  const problems = [...flags.problems]
  const [port, url] = [flags.text('port'), flags.text('url')]
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= portMax))
    problems.push(`--port is "${port}": allowed are whole numbers from 0 to ${portMax}`)
  if (url !== undefined && !/^https?:\/\/[^/\s]+\/?$/.test(url))
    problems.push(`--url is "${url}": it must be like http://127.0.0.1:8000`)
  if (url !== undefined && flags.has('kafka'))
    problems.push('--kafka is for a K2 that is started here; --url names one that runs')
  if (flags.has('install') && !flags.has('kafka'))
    problems.push('--install is for --kafka; the embedded log needs nothing')
  if (problems.length > 0) return { problems }
  return {
    port: Number(port ?? portDefault),
    url: url?.replace(/\/$/, ''),
    isKafka: flags.has('kafka'),
    installs: flags.has('install')
  }
}
