/** The verdict on the data: the oracle's, which asks nothing of K2 and shares no code with it. */
import { examineDelivery } from '../chaos/oracle/oracle.ts'
import type { Verdict } from '../chaos/oracle/verdict.ts'
import type { Found } from './record.ts'

export interface Judged {
  /** The exchange's own record. */
  readonly issued: string
  readonly metadataFile: string
  readonly objects: string
}

/** Nothing that is missing is explained away: everything must have been healed. */
export const judgeTable = async ({ issued, metadataFile, objects }: Judged): Promise<Found> =>
  foundOf(
    await examineDelivery({
      issued,
      log: undefined,
      table: { plain: { metadataFile, objects } },
      explanations: []
    })
  )

export const foundOf = ({ issued, landed, explained, classes }: Verdict): Found => {
  const { before_first_delivery: beforeFirst = 0, ...missing } = explained
  const explainedAway = Object.values(missing).reduce((sum, count) => sum + count, 0)
  const wrong = classes['wrong-value'].count + classes['wrong-partition'].count
  return {
    issued,
    landed,
    beforeFirst,
    lost: explainedAway + classes['unexplained-hole'].count + classes.lost.count,
    duplicate: classes.duplicate.count,
    wrong,
    examples: [
      ...Object.entries(missing).map(([reason, count]) => `${count} are missing: ${reason}`),
      ...Object.values(classes).flatMap(({ examples }) => examples)
    ]
  }
}
