/** Whether K2 serves what it is for: feed connected, log open, lander running, table readable. */
import type { Readiness } from '../../adapters/http/api-deps.ts'
import { releaseRequest } from '../../adapters/http/release-route.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Shared } from '../shared.ts'
import type { ActorStatus, RuntimeStatus } from '../status.ts'

export const readinessOf = (shared: Shared, status: RuntimeStatus): Readiness => {
  const reasons: string[] = []
  if (shared.queries.current === undefined) reasons.push('the query engine is not running')
  if (shared.log.current === undefined) reasons.push('the event log is not open')
  for (const { tableName, table } of shared.pipelines) {
    if (table.current === undefined) reasons.push(`the table ${tableName} is not open`)
  }
  reasons.push(...shared.captured.flatMap(captureReasons))
  for (const feed of leavesOf(status.root).filter(({ path }) => path.includes('/feed:'))) {
    if (!feed.tags.includes('healthy')) reasons.push(`${feed.id} is ${feed.state}`)
  }
  return { reasons, components: leavesOf(status.root).map(healthOf) }
}

const captureReasons = ({
  dataType,
  topic,
  publisher,
  landing
}: Pipeline): readonly string[] => {
  const reasons: string[] = []
  if (publisher.current === undefined) reasons.push(`the publisher of ${dataType} is not running`)
  if (publisher.current?.refused === true)
    reasons.push(`the event log refuses appends of ${dataType}: it or the disk is full`)
  if (landing.current?.isStarted !== true) reasons.push(`the lander of ${dataType} is not running`)
  for (const { partition, detail } of landing.current?.stopped ?? []) {
    reasons.push(`partition ${partition} of ${topic} is not landed: ${detail}`)
  }
  return reasons
}

/**
 * Components: actors without supervised ones below them. Programs inside a machine have no tags.
 */
const leavesOf = (actor: ActorStatus): readonly ActorStatus[] => {
  const supervised = actor.children.filter(({ tags }) => tags.length > 0)
  return supervised.length === 0 ? [actor] : supervised.flatMap(leavesOf)
}

const remedyOf = (path: string, tags: ActorStatus['tags']): string | undefined =>
  tags.includes('quarantined')
    ? `it crashed too often and waits for ${releaseRequest(path)}`
    : undefined

const healthOf = ({
  path,
  state,
  tags,
  lastError
}: ActorStatus): Readiness['components'][number] => {
  const name = path.slice(path.indexOf('/') + 1)
  if (tags.includes('healthy')) return { name, status: 'healthy' }
  const detail = [state, lastError?.message, remedyOf(path, tags)].filter(Boolean).join(': ')
  return { name, status: tags.includes('degraded') ? 'degraded' : 'unavailable', detail }
}
