/**
 * The file that declares what the topics of Kafka are like, by pattern of their names:
 *
 *     { "version": 1, "topics": [ {
 *       "pattern": "market.{asset_class}.trades.{exchange}",   {…} stands for one part of the name
 *       "partitions": 4,            1 to 1024; never changed afterwards (R41)
 *       "replication": 3,           1 to 15; with 1, records outlive a broker's kill but no more
 *       "min_in_sync_replicas": 2,  by default one less than the replicas, but at least 1
 *       "retention": "7d",          a duration, or "forever"; not with "compact"
 *       "compression": "lz4",       lz4 | zstd | none
 *       "cleanup": "delete"         delete | compact
 *     } ] }
 *
 * 1. Every fault of the file is reported at once, with its field and what is allowed there.
 * 2. The first pattern that fits a topic describes it.
 */
import { readFile } from 'node:fs/promises'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { duration } from '../../config/values.ts'

export interface TopicSpec {
  readonly partitions: number
  readonly replication: number
  readonly minInSyncReplicas: number
  /** ms; -1: for ever. Undefined where only the newest record of a key is kept. */
  readonly retentionMs: number | undefined
  readonly compression: TopicCompression
  readonly cleanup: TopicCleanup
}

const compressions = ['lz4', 'zstd', 'none'] as const
const cleanups = ['delete', 'compact'] as const
export type TopicCompression = (typeof compressions)[number]
type TopicCleanup = (typeof cleanups)[number]

export interface DeclaredTopics {
  /** @throws TopicsFileRejected if no pattern of the file fits */
  readonly specOf: (topic: string) => TopicSpec
}

/** One line per fault: the field, the value it has and what is allowed. */
export class TopicsFileRejected extends Schema.TaggedError<TopicsFileRejected>()(
  'TopicsFileRejected',
  { file: Schema.String, faults: Schema.Array(Schema.String) }
) {
  readonly isRefusal = true
  override get message() {
    return this.faults.map((fault) => `${this.file}: ${fault}`).join('\n')
  }
}

/** A file that cannot be read is rejected like one that says nothing. */
export const readTopicsFile = (file: string): Effect.Effect<DeclaredTopics, TopicsFileRejected> =>
  Effect.tryPromise({
    try: async () => parseTopicsFile(await readFile(file, 'utf8'), file),
    catch: (error) => rejected(file, error)
  })

/**
 * What a list of topics is to be like.
 * @param file its name in errors
 */
export const specsOf = (
  declared: DeclaredTopics,
  topics: readonly string[],
  file: string
): Effect.Effect<ReadonlyMap<string, TopicSpec>, TopicsFileRejected> =>
  Effect.try({
    try: () => new Map(topics.map((topic) => [topic, declared.specOf(topic)])),
    catch: (error) => rejected(file, error)
  })

const rejected = (file: string, error: unknown): TopicsFileRejected => {
  if (error instanceof TopicsFileRejected) return error
  const fault = error instanceof Error ? error.message : String(error)
  return new TopicsFileRejected({ file, faults: [fault] })
}

/**
 * @param file its name in errors
 * @throws TopicsFileRejected naming every fault
 */
export const parseTopicsFile = (text: string, file: string): DeclaredTopics => {
  const faults: string[] = []
  const entries = entriesOf(text, faults)
  const topics = entries.flatMap((entry, index) => {
    const read = readEntry(new Fields(entry, `topics[${index}]`, faults))
    return read === undefined ? [] : [read]
  })
  if (faults.length > 0) throw new TopicsFileRejected({ file, faults })
  return {
    specOf(topic) {
      const found = topics.find(({ pattern }) => pattern.test(topic))
      if (found !== undefined) return found.spec
      const fault = `no pattern fits ${topic}; add an entry to "topics" whose "pattern" does`
      throw new TopicsFileRejected({ file, faults: [fault] })
    }
  }
}

const partitionsMax = 1_024
const replicationMax = 15
const retention = duration(60_000, 3_650 * 86_400_000)
const forever = -1
const patternText = /^(?:[A-Za-z0-9_-]+|\{[a-z_]+\})(?:\.(?:[A-Za-z0-9_-]+|\{[a-z_]+\}))*$/

const entriesOf = (text: string, faults: string[]): readonly unknown[] => {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch (error) {
    faults.push(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
    return []
  }
  const fields = new Fields(file, '', faults)
  fields.allow(['version', 'topics'])
  if (fields.get('version') !== 1) fields.fault('version', '1')
  const topics = fields.get('topics')
  if (Array.isArray(topics) && topics.length > 0) return topics as readonly unknown[]
  fields.fault('topics', 'a list with an entry for each pattern')
  return []
}

const readEntry = (
  fields: Fields
): { readonly pattern: RegExp; readonly spec: TopicSpec } | undefined => {
  fields.allow(entryFields)
  const pattern = fields.get('pattern')
  const isPattern = typeof pattern === 'string' && patternText.test(pattern)
  if (!isPattern) fields.fault('pattern', 'parts with dots between, as market.{asset_class}.trades')
  const partitions = fields.count('partitions', partitionsMax)
  const replication = fields.count('replication', replicationMax)
  const minInSyncReplicas =
    fields.get('min_in_sync_replicas') === undefined
      ? Math.max(1, replication - 1)
      : fields.count('min_in_sync_replicas', replication)
  const compression = fields.choice('compression', compressions)
  const cleanup = fields.choice('cleanup', cleanups)
  const retentionMs = readRetention(fields, cleanup)
  if (!isPattern || compression === undefined || cleanup === undefined) return undefined
  return {
    pattern: patternOf(pattern),
    spec: { partitions, replication, minInSyncReplicas, retentionMs, compression, cleanup }
  }
}

const entryFields = [
  'pattern',
  'partitions',
  'replication',
  'min_in_sync_replicas',
  'retention',
  'compression',
  'cleanup'
]

const readRetention = (fields: Fields, cleanup: TopicCleanup | undefined): number | undefined => {
  const text = fields.get('retention')
  if (cleanup === 'compact') {
    if (text !== undefined) fields.fault('retention', 'absent where "cleanup" is "compact"')
    return undefined
  }
  if (text === 'forever') return forever
  const parsed = retention.parse(typeof text === 'string' ? text : '')
  if ('value' in parsed) return parsed.value
  fields.fault('retention', `${parsed.allowed}, or forever`)
  return undefined
}

const patternOf = (pattern: string): RegExp => {
  const parts = pattern.split('.').map((part) => (part.startsWith('{') ? '[^.]+' : part))
  return new RegExp(`^${parts.join('\\.')}$`)
}

/** Reads the fields of one object and notes what is wrong with them (1). */
class Fields {
  readonly #fields: Readonly<Record<string, unknown>>
  readonly #path: string
  readonly #faults: string[]

  constructor(value: unknown, path: string, faults: string[]) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isObject) faults.push(`${path || 'the file'} must be an object`)
    this.#fields = isObject ? (value as Readonly<Record<string, unknown>>) : {}
    this.#path = path
    this.#faults = faults
  }

  allow(names: readonly string[]): void {
    for (const name of Object.keys(this.#fields)) {
      if (names.includes(name)) continue
      this.#faults.push(`${this.#name(name)} is not known; allowed are ${names.join(', ')}`)
    }
  }

  get(name: string): unknown {
    return this.#fields[name]
  }

  /** A whole number from 1 on; 1 in place of one that is at fault. */
  count(name: string, max: number): number {
    const value = this.get(name)
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) {
      return value as number
    }
    this.fault(name, `a whole number from 1 to ${max}`)
    return 1
  }

  choice<const A extends string>(name: string, choices: readonly A[]): A | undefined {
    const found = choices.find((choice) => choice === this.get(name))
    if (found === undefined) this.fault(name, `one of ${choices.join(', ')}`)
    return found
  }

  fault(name: string, allowed: string): void {
    const value = this.get(name)
    const has = value === undefined ? 'is absent' : `is ${JSON.stringify(value)}`
    this.#faults.push(`${this.#name(name)} ${has}, but must be ${allowed}`)
  }

  #name(field: string): string {
    return this.#path === '' ? field : `${this.#path}.${field}`
  }
}
