/** An operator's word for a quarantined actor: it starts again, with a clean record. */
import type { AnyActorRef } from 'xstate'
import { actorAt, findActor, type RuntimeStatus } from './status.ts'

/** @param status of the tree below `root`, as just read */
export const releaseActor = (
  root: AnyActorRef,
  status: RuntimeStatus,
  path: string
): 'released' | 'unknown' | 'not_quarantined' => {
  const line = findActor(status.root, path)
  if (line === undefined) return 'unknown'
  if (!line.tags.includes('quarantined')) return 'not_quarantined'
  // A quarantined keeper keeps nothing, so it is itself what stands at the path.
  actorAt(root, path)?.send({ type: 'release.requested' })
  return 'released'
}
