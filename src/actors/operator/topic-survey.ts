/** What the brokers have of the topics that a K2 of these settings uses; nothing is made. */
import * as Effect from 'effect/Effect'
import type { Config } from '../../adapters/config/config.ts'
import type { LogUnavailable } from '../../adapters/log/event-log.ts'
import type { TopicsFileRejected } from '../../adapters/log/kafka/topics-file.ts'
import { topicName } from '../../market/instrument.ts'
import { connectionOf, declaredTopics } from '../log/kafka-settings.ts'

export interface TopicSurvey {
  readonly topic: string
  /** None: it is not there. */
  readonly partitions: number
  readonly records: number
  /** Where it is not as declared. */
  readonly differences: readonly string[]
}

const answerMsMax = 10_000

export const surveyTopics = (
  config: Config
): Effect.Effect<readonly TopicSurvey[], LogUnavailable | TopicsFileRejected> =>
  Effect.gen(function* () {
    const { KafkaAdmin, openSession, compareTopics } = yield* loadKafka
    const specs = yield* declaredTopics(config, topicsOf(config))
    const open = () => openSession(connectionOf(config), () => undefined)
    const admin = yield* Effect.acquireRelease(
      Effect.sync(() => new KafkaAdmin(open, answerMsMax)),
      (opened) => Effect.sync(() => opened.close())
    )
    const differences = new Map<string, string[]>()
    const found = yield* compareTopics(admin, specs, (event) => {
      if (event.type !== 'topic.differs') return
      const { topic, setting, declared, actual } = event
      const told = `${setting} is ${actual}, declared is ${declared}`
      differences.set(topic, [...(differences.get(topic) ?? []), told])
    })
    const surveys: TopicSurvey[] = []
    for (const topic of specs.keys()) {
      const isThere = found.has(topic)
      const bounds = isThere ? yield* admin.bounds(topic) : []
      surveys.push({
        topic,
        partitions: bounds.length,
        records: bounds.reduce((sum, it) => sum + it.endOffset - it.startOffset, 0),
        differences: differences.get(topic) ?? []
      })
    }
    return surveys
  }).pipe(Effect.scoped)

const topicsOf = ({ feeds, dataTypes, referenceMs }: Config): readonly string[] =>
  feeds.flatMap((exchange) =>
    [...dataTypes, ...(referenceMs === null ? [] : ['reference_data']), 'gaps'].map((type) =>
      topicName('crypto', type, exchange)
    )
  )

// Loaded only where they are used: an embedded log does not pay for them.
const loadKafka = Effect.promise(async () => {
  const [{ KafkaAdmin }, { openSession }, { compareTopics }] = await Promise.all([
    import('../../adapters/log/kafka/kafka-admin.ts'),
    import('../../adapters/log/kafka/kafka-session.ts'),
    import('../../adapters/log/kafka/topics.ts')
  ])
  return { KafkaAdmin, openSession, compareTopics }
})
