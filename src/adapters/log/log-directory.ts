/**
 * What a log directory says of itself: the log's identity and its topics with their partition
 * counts.
 *
 * 1. It is durable before the first partition is made: records without an identity cannot exist.
 * 2. A topic's partition count never changes: its keys would move (R41).
 */
import * as Schema from 'effect/Schema'
import type { LogFiles } from './log-files.ts'
import { readWhole, replaceWhole } from './whole-file.ts'

export interface LogDescription {
  /** UUID that names the log's offsets (R8). */
  readonly identity: string
  /** Partition count by topic. */
  readonly topics: ReadonlyMap<string, number>
}

/** A topic has another partition count than when it was made. */
export class TopicPartitionsChanged extends Schema.TaggedError<TopicPartitionsChanged>()(
  'TopicPartitionsChanged',
  { topic: Schema.String, recorded: Schema.Number, declared: Schema.Number }
) {
  override get message() {
    const counts = `${this.recorded} partitions, ${this.declared} were asked for`
    return `topic ${this.topic} has ${counts}: keys would move; keep the count or use a new topic`
  }
}

/** The directory's description is absent or damaged, though the directory is in use. */
export class LogDescriptionUnreadable extends Schema.TaggedError<LogDescriptionUnreadable>()(
  'LogDescriptionUnreadable',
  { file: Schema.String, detail: Schema.String }
) {
  override get message() {
    return `${this.file}: ${this.detail}; restore the file: it holds the identity of the log`
  }
}

/** Directory of a partition, and its name in errors. */
export const topicPartitionName = (topic: string, partition: number): string =>
  `${topic}-${partition}`

/** Rejects with LogDescriptionUnreadable, or the disk's own error. */
export const readDescription = async (
  files: LogFiles,
  directory: string
): Promise<LogDescription | undefined> => {
  const text = await readWhole(files, `${directory}/${fileName}`)
  if (text === undefined) return undefined
  try {
    const { identity, topics } = decodeFile(JSON.parse(text))
    return { identity, topics: new Map(Object.entries(topics)) }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new LogDescriptionUnreadable({ file: fileName, detail })
  }
}

/**
 * Makes the directory a log that has the declared topics, and those it had.
 * Rejects with TopicPartitionsChanged, LogDescriptionUnreadable, or the disk's own error.
 */
export const establishDescription = async (
  files: LogFiles,
  directory: string,
  wanted: { readonly topics: Readonly<Record<string, number>>; readonly newIdentity: () => string }
): Promise<LogDescription> => {
  const recorded = await readDescription(files, directory)
  const names = await files.list(directory)
  if (recorded === undefined && names.some((name) => partitionPattern.test(name))) {
    throw new LogDescriptionUnreadable({ file: fileName, detail: 'it is absent beside partitions' })
  }
  const topics = new Map(recorded?.topics)
  for (const [topic, declared] of Object.entries(wanted.topics)) {
    checkTopic(topic, declared)
    const known = topics.get(topic)
    if (known !== undefined && known !== declared) {
      throw new TopicPartitionsChanged({ topic, recorded: known, declared })
    }
    topics.set(topic, declared)
  }
  const identity = recorded?.identity ?? wanted.newIdentity()
  const description = { identity, topics }
  if (topics.size !== recorded?.topics.size) await writeDescription(files, directory, description)
  // Also when it was read: its writer may have died before it was durable (1).
  await files.syncDirectory(directory)
  return description
}

const fileName = 'log.json'
const partitionsMax = 1_024
const topicPattern = /^[A-Za-z0-9._-]{1,200}$/
/** Names of partitions' directories. */
export const partitionPattern = /^(?!writer\.lock).*-[0-9]+$/

const decodeFile = Schema.decodeUnknownSync(
  Schema.Struct({
    version: Schema.Literal(1),
    identity: Schema.NonEmptyString,
    topics: Schema.Record(Schema.String, Schema.Int)
  })
)

const checkTopic = (topic: string, partitionCount: number): void => {
  if (!topicPattern.test(topic)) throw new RangeError(`topic "${topic}" is no name for a directory`)
  if (!Number.isInteger(partitionCount) || partitionCount < 1 || partitionCount > partitionsMax) {
    const allowed = `allowed are 1 to ${partitionsMax}`
    throw new RangeError(`topic ${topic}: ${partitionCount} partitions, ${allowed}`)
  }
}

const writeDescription = (
  files: LogFiles,
  directory: string,
  { identity, topics }: LogDescription
): Promise<void> => {
  const content = { version: 1, identity, topics: Object.fromEntries(topics) }
  const text = `${JSON.stringify(content, undefined, 2)}\n`
  return replaceWhole(files, `${directory}/${fileName}`, text)
}
