/**
 * Whether a run stayed at level normal (R2). Pure.
 *
 * Where K2 exports its level, it was 0 whenever somebody looked. With or without it, what normal
 * means holds: nothing refused, no actor restarted or degraded, every part ready.
 */
import { type Sample, sumOf } from './exposition.ts'

const levelMetric = 'k2_degradation_level'

/** What is read of a line of `/v1/system/actors`. */
export interface ActorLine {
  readonly path: string
  readonly state: string
  readonly tags: readonly string[]
  readonly restarts: number
  readonly children: readonly ActorLine[]
}

export interface LevelFacts {
  /** Metrics, each time that somebody looked; the last one when trades stopped flowing. */
  readonly scrapes: readonly (readonly Sample[])[]
  readonly actors: ActorLine
  readonly readyStatus: number
  /** What `/health/ready` said. */
  readonly readyText: string
}

export interface LevelCheck {
  readonly faults: readonly string[]
  /** Which check was made. */
  readonly note: string
}

export const checkLevel = (facts: LevelFacts): LevelCheck => {
  const levels = facts.scrapes.flatMap((samples) =>
    samples.filter(({ name }) => name === levelMetric).map(({ value }) => value)
  )
  const raised = levels.filter((level) => level !== 0)
  const looks = `${raised.length} of ${levels.length} looks`
  const refused = sumOf(facts.scrapes.at(-1) ?? [], 'k2_publish_refused_total')
  const conduct = 'nothing was refused, no actor was restarted or degraded, every part was ready'
  return {
    faults: [
      ...(raised.length === 0
        ? []
        : [`${levelMetric} was ${Math.max(...raised)} (${looks})`]),
      ...(refused === 0 ? [] : [`the event log refused ${refused} batches`]),
      ...unsound(facts.actors),
      ...(facts.readyStatus === 200 ? [] : [`K2 was not ready: ${facts.readyText}`])
    ],
    note:
      levels.length > 0
        ? `level: ${levelMetric} was 0 at every look, and ${conduct}`
        : `level: ${levelMetric} is not exported; ${conduct}`
  }
}

const unsoundTags = ['degraded', 'quarantined']

const unsound = ({ path, state, tags, restarts, children }: ActorLine): readonly string[] => [
  ...(restarts === 0 ? [] : [`${path} was restarted ${restarts} times`]),
  ...(tags.some((tag) => unsoundTags.includes(tag)) ? [`${path} is ${state}`] : []),
  ...children.flatMap(unsound)
]
