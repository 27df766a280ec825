/**
 * Reads the configuration once, checks it as a whole and reports every fault at once.
 *
 * 1. A flag overrides its variable, a variable overrides the preset; an empty variable is unset.
 * 2. A name that is no setting is a fault, so that a misspelt one is never silently ignored.
 * 3. Relations between settings hold after `readConfig` returned.
 */
import * as Schema from 'effect/Schema'
import { degradationFaults } from './degradation-settings.ts'
import type { Setting } from './setting.ts'
import { settings, type SettingKey, streamsPerConnectionMax } from './settings.ts'
import { suggestion } from './suggestion.ts'
import { formatBytes, formatDuration, isLoopbackHost } from './values.ts'

export type Config = {
  readonly [K in SettingKey]: (typeof settings)[K] extends Setting<infer A> ? A : never
}

/** One line per fault: the setting, the value it has and what is allowed. */
export class ConfigRejected extends Schema.TaggedError<ConfigRejected>()('ConfigRejected', {
  faults: Schema.Array(Schema.String)
}) {
  override get message() {
    return `${this.faults.join('\n')}\nRun \`npm start -- --help\` for all settings.`
  }
}

/** Variables that belong to the tests, which start K2 in their own environment. */
const testVariables = new Set([
  'K2_CACHE_DIR',
  'K2_CHROMIUM',
  'K2_FAULT_POINTS',
  'K2_KILL_ROUNDS',
  'K2_KILL_SEED',
  'K2_RECORDINGS',
  'K2_REQUIRE_PYTHON',
  'K2_REQUIRE_RECORDINGS',
  'K2_REQUIRE_SERVICES',
  'K2_SCREENSHOTS',
  'K2_TEST_SEED'
])

export const flagOf = (variable: string): string =>
  `--${variable.slice('K2_'.length).toLowerCase().replaceAll('_', '-')}`

/** Names of all flags. */
export const settingFlags: readonly string[] = Object.values(settings).map(({ variable }) =>
  flagOf(variable)
)

interface Source {
  /** As the user knows it: the variable or the flag. */
  readonly name: string
  readonly text: string
}

const entries = Object.entries(settings) as [SettingKey, Setting<unknown>][]

/**
 * @param env environment variables
 * @param args command-line arguments: `--name value` or `--name=value`
 * @throws ConfigRejected naming every fault
 */
export const readConfig = (
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[]
): Config => {
  const faults: string[] = []
  const flags = readFlags(args, faults)
  const known = new Set<string>(entries.map(([, { variable }]) => variable))
  for (const name of Object.keys(env)) {
    if (name.startsWith('K2_') && !known.has(name) && !testVariables.has(name)) {
      faults.push(`${name} is not a setting of K2${suggestion(name, known)}`)
    }
  }
  const values: Record<string, unknown> = {}
  for (const [key, setting] of entries) {
    const source = sourceOf(setting, env, flags)
    if (source === undefined) continue
    const parsed = setting.kind.parse(source.text)
    if ('value' in parsed) values[key] = parsed.value
    else {
      const shown = setting.kind.isSecret === true ? 'not shown here' : `"${source.text}"`
      faults.push(`${source.name} is ${shown}, but must be ${parsed.allowed}`)
    }
  }
  if (faults.length === 0) faults.push(...brokenRelations(values as Config))
  if (faults.length > 0) throw new ConfigRejected({ faults })
  return values as Config
}

/** Help text with every flag and variable, its unit, preset and an example. */
export const configHelp = (): string =>
  entries
    .map(([, { variable, kind, preset, example, about }]) => {
      // What is taken where there is no preset stands in `about`.
      const given = preset === undefined ? '' : `default ${preset === '' ? 'none' : preset}; `
      const values = `${kind.unit}; ${given}for example ${variable}=${example}`
      const name = `  ${flagOf(variable)}, ${variable}`
      return [name, ...wrapped(about), ...wrapped(values)].join('\n')
    })
    .join('\n')

const helpColumns = 94

/** Lines of words, indented; a word that is longer than a line has one of its own. */
const wrapped = (text: string): readonly string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= helpColumns)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map((line) => `      ${line}`)
}

const sourceOf = (
  { variable, preset }: Setting<unknown>,
  env: Readonly<Record<string, string | undefined>>,
  flags: ReadonlyMap<string, string>
): Source | undefined => {
  const flag = flagOf(variable)
  const flagText = flags.get(flag)
  if (flagText !== undefined) return { name: flag, text: flagText }
  const envText = env[variable]
  if (envText !== undefined && envText !== '') return { name: variable, text: envText }
  return preset === undefined ? undefined : { name: variable, text: preset }
}

const readFlags = (args: readonly string[], faults: string[]): ReadonlyMap<string, string> => {
  const known = new Set(entries.map(([, { variable }]) => flagOf(variable)))
  const flags = new Map<string, string>()
  const rest = [...args]
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name, inline] = splitOnce(arg)
    if (!known.has(name)) {
      faults.push(`${arg} is not a flag of K2${suggestion(name, known)}`)
      if (inline === undefined && rest[0]?.startsWith('-') === false) rest.shift()
      continue
    }
    const value = inline ?? rest.shift()
    if (value === undefined) faults.push(`${name} needs a value, for example ${name}=…`)
    else if (flags.has(name)) faults.push(`${name} is given twice; give it once`)
    else flags.set(name, value)
  }
  return flags
}

const splitOnce = (arg: string): readonly [string, string?] => {
  const at = arg.indexOf('=')
  return at === -1 ? [arg] : [arg.slice(0, at), arg.slice(at + 1)]
}

const brokenRelations = (config: Config): readonly string[] => {
  const faults: string[] = []
  if (config.logDiskBytesMax > config.diskBytesMax) {
    faults.push(
      `K2_LOG_DISK_LIMIT is ${formatBytes(config.logDiskBytesMax)}, ` +
        `but must not exceed K2_DISK_LIMIT (${formatBytes(config.diskBytesMax)})`
    )
  }
  if (config.logFlushMs > config.commitAgeMs) {
    faults.push(
      `K2_LOG_FLUSH_INTERVAL is ${formatDuration(config.logFlushMs)}, ` +
        `but must not exceed K2_COMMIT_AGE (${formatDuration(config.commitAgeMs)})`
    )
  }
  if (!isLoopbackHost(config.httpHost) && config.apiKeys.length === 0) {
    faults.push(
      `K2_HTTP_HOST is ${config.httpHost}, which other machines may reach, but K2_API_KEYS is ` +
        'not given: set it, or listen on 127.0.0.1'
    )
  }
  faults.push(...missingServices(config), ...degradationFaults(config))
  const { binanceSymbols, dataTypes } = config
  const symbolsMax = symbolsPerConnectionMax(dataTypes.length)
  if (binanceSymbols !== undefined && binanceSymbols.length > symbolsMax) {
    faults.push(
      `K2_BINANCE_SYMBOLS names ${binanceSymbols.length} symbols, but with ` +
        `K2_DATA_TYPES=${dataTypes.join(',')} a connection carries at most ${symbolsMax} ` +
        `(${streamsPerConnectionMax} streams): name fewer symbols or fewer data types`
    )
  }
  return faults
}

/** Settings that say nothing without another one. */
const missingServices = (config: Config): readonly string[] => {
  const needs: readonly (readonly [string, unknown, string, unknown])[] = [
    [
      'K2_KAFKA_SCHEMA_REGISTRY_URL',
      config.schemaRegistryUrls,
      'K2_KAFKA_BOOTSTRAP_SERVERS',
      config.kafkaBootstrapServers
    ],
    [
      'K2_KAFKA_SASL_MECHANISM',
      config.kafkaSaslMechanism,
      'K2_KAFKA_SASL_USERNAME',
      config.kafkaSaslUsername
    ],
    [
      'K2_KAFKA_SASL_USERNAME',
      config.kafkaSaslUsername,
      'K2_KAFKA_SASL_PASSWORD',
      config.kafkaSaslPassword
    ],
    [
      'K2_ICEBERG_S3_ENDPOINT',
      config.s3Endpoint,
      'K2_ICEBERG_S3_ACCESS_KEY_ID',
      config.s3AccessKeyId
    ],
    [
      'K2_ICEBERG_S3_ENDPOINT',
      config.s3Endpoint,
      'K2_ICEBERG_S3_SECRET_ACCESS_KEY',
      config.s3SecretAccessKey
    ]
  ]
  const faults = needs.flatMap(([name, given, needed, has]) =>
    given !== undefined && has === undefined
      ? [`${name} is given, but ${needed} is not: set both or neither`]
      : []
  )
  if (config.roles.length < 3 && config.kafkaBootstrapServers === undefined) {
    faults.push(
      `K2_ROLES is ${config.roles.join(',')}, but the embedded log serves one process only: ` +
        'set K2_KAFKA_BOOTSTRAP_SERVERS, or leave K2_ROLES at ingest,land,serve'
    )
  }
  return faults
}

/** Symbols that one connection carries: each has a stream per data type. */
export const symbolsPerConnectionMax = (dataTypeCount: number): number =>
  Math.floor(streamsPerConnectionMax / dataTypeCount)
