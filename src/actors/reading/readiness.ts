/**
 * Whether this process does what its roles ask: feed connected, log open, lander running, table
 * readable.
 */
import type { Readiness } from '../../adapters/http/api-deps.ts'
import { releaseRequest } from '../../adapters/http/actors-routes.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Shared } from '../shared.ts'
import type { ActorStatus, RuntimeStatus } from '../status.ts'

export const readinessOf = (shared: Shared, status: RuntimeStatus): Readiness => {
  const { hasRole, captured } = shared
  const reasons: string[] = []
  if (hasRole('serve') && shared.queries.current === undefined)
    reasons.push('the query engine is not running')
  if (hasRole('ingest') || hasRole('land')) {
    if (shared.log.current === undefined) reasons.push('the event log is not open')
  }
  if (hasRole('serve') || hasRole('land')) {
    for (const { tableName, table } of shared.pipelines) {
      if (table.current === undefined) reasons.push(`the table ${tableName} is not open`)
    }
  }
  if (hasRole('ingest')) reasons.push(...captured.flatMap(publisherReasons))
  if (hasRole('land')) reasons.push(...captured.flatMap(landerReasons))
  const policy = shared.policy.current
  for (const feed of leavesOf(status.root).filter(({ path }) => path.includes('/feed:'))) {
    // A feed that was told to pause does what it should.
    if (policy?.isPaused === true || feed.tags.includes('healthy')) continue
    reasons.push(`${feed.id} is ${feed.state}`)
  }
  return {
    reasons,
    components: leavesOf(status.root).map(healthOf),
    level: policy?.level ?? null
  }
}

const publisherReasons = ({ dataType, publisher }: Pipeline): readonly string[] => {
  if (publisher.current === undefined) return [`the publisher of ${dataType} is not running`]
  return publisher.current.refused
    ? [`the event log refuses appends of ${dataType}: it or the disk is full`]
    : []
}

const landerReasons = ({ dataType, topic, landing }: Pipeline): readonly string[] => {
  const reasons: string[] = []
  const who = dataType === 'gaps' ? 'gap writer' : `lander of ${dataType}`
  if (landing.current?.isStarted !== true) reasons.push(`the ${who} is not running`)
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
