/** Why a replay ends before it has sent all that it was asked for. */
import * as Schema from 'effect/Schema'
import type { PointNotReached } from './read-point.ts'

/** Days of the view were removed while they were waited for. */
export class RowsRemoved extends Schema.TaggedError<RowsRemoved>()('RowsRemoved', {
  day: Schema.String
}) {
  override get message() {
    return `the records of ${this.day} were removed while the replay had not come to them`
  }
}

/** Live rows come from the log, which nobody here reads. */
export class NotFollowed extends Schema.TaggedError<NotFollowed>()('NotFollowed', {}) {
  override get message() {
    return 'nobody here reads the log on'
  }
}

export type ReplayFault = RowsRemoved | NotFollowed | PointNotReached
