/**
 * Where a topic is to go on, decided from what the table records and what the log has (R8). Pure.
 *
 * 1. In the same log no offset goes back: rows of those offsets are in the table.
 * 2. What the log holds and the table lacks is never passed over unless the operator says so; what
 *    the log does not hold any more is named, with how many records it was.
 * 3. In another log nothing that is read again lands again: ids decide, and their state goes along.
 */
import type { LogCorrupt, ReadFailure } from '../../adapters/log/event-log.ts'
import type { PartitionSurvey } from '../../adapters/log/log-survey.ts'

/** What an operator asked for. */
export type StartingPoint = 'start' | 'end' | number

export interface PlannedPartition {
  readonly partition: number
  /** What the table records in this log; null: nothing. */
  readonly from: number | null
  readonly to: number
  /** Where the log itself must be made to go on, if it must. */
  readonly logGoesOnAt: number | null
  readonly reason: string
}

/** One partition, as it is. */
export interface Situation {
  readonly survey: PartitionSurvey
  /** What the table records in this log; null: it is another log's topic so far. */
  readonly recorded: number | null
  /** Why nothing can be read at the recorded offset. */
  readonly fault: ReadFailure | null
}

/** The plan, or why there is none. */
export const planPartition = (
  situation: Situation,
  asked: StartingPoint | undefined
): PlannedPartition | { readonly refusal: string } => {
  const { survey, recorded } = situation
  if (recorded === null) return planNewLog(survey, asked)
  const planned = planSameLog({ ...situation, recorded })
  if (asked === undefined) return planned
  const to = offsetOf(asked, survey)
  const name = `${survey.topic}-${survey.partition}`
  if (to < recorded) {
    return {
      refusal:
        `${name}: ${to} is below ${recorded}, to which this log has landed: rows of those ` +
        'offsets are in the table'
    }
  }
  if (to > Math.max(survey.endOffset, planned.to))
    return { refusal: `${name}: ${to} is beyond the log's end at ${survey.endOffset}` }
  return { ...planned, to, reason: skipped(to - recorded, 'as asked for') }
}

const planSameLog = ({
  survey,
  recorded,
  fault
}: Situation & { readonly recorded: number }): PlannedPartition => {
  const { partition, startOffset, endOffset, damage } = survey
  const plan = (to: number, reason: string, logGoesOnAt: number | null = null) => ({
    partition,
    from: recorded,
    to,
    logGoesOnAt,
    reason
  })
  if (recorded > endOffset) {
    const landed = `all below had landed, and the log goes on at ${recorded}`
    return plan(recorded, `the log was cut off at ${endOffset}: ${landed}`, recorded)
  }
  if (recorded < startOffset)
    return plan(startOffset, skipped(startOffset - recorded, 'deleted from the log'))
  const goesOnAt = damage === null ? null : endOffset
  if (fault?._tag === 'LogOffsetsLost')
    return plan(fault.nextOffset, skipped(fault.nextOffset - recorded, 'lost'), goesOnAt)
  if (fault?._tag === 'LogCorrupt') {
    const to = behindDamage(survey, recorded)
    return plan(to, skipped(to - recorded, whereOf(fault)), goesOnAt)
  }
  if (goesOnAt !== null) {
    const again = 'start K2, which lands what is before the damage, then adopt the log again'
    return plan(recorded, `the log goes on behind the damage at ${goesOnAt}: ${again}`, goesOnAt)
  }
  return plan(recorded, 'nothing to do')
}

const planNewLog = (
  survey: PartitionSurvey,
  asked: StartingPoint | undefined
): PlannedPartition | { readonly refusal: string } => {
  const { topic, partition, startOffset, endOffset } = survey
  const to = offsetOf(asked ?? 'start', survey)
  if (to < startOffset || to > endOffset)
    return {
      refusal: `${topic}-${partition}: the log has [${startOffset}, ${endOffset}), not ${to}`
    }
  const reread = `${endOffset - to} records are read; of them what has landed is not landed again`
  const reason =
    to === startOffset ? reread : `${skipped(to - startOffset, 'as asked for')}; ${reread}`
  const logGoesOnAt = survey.damage === null ? null : endOffset
  return { partition, from: null, to, logGoesOnAt, reason }
}

/** The segment that follows the one in which an offset is damaged begins there. */
const behindDamage = ({ segmentOffsets, endOffset }: PartitionSurvey, offset: number): number =>
  segmentOffsets.find((it) => it > offset) ?? endOffset

const offsetOf = (point: StartingPoint, { startOffset, endOffset }: PartitionSurvey): number =>
  point === 'start' ? startOffset : point === 'end' ? endOffset : point

const skipped = (records: number, why: string): string =>
  records === 0 ? 'nothing is passed over' : `${records} records are passed over (${why})`

const whereOf = ({ file, position }: LogCorrupt): string => `damaged: ${file} at byte ${position}`
