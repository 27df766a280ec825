/**
 * What labels may say. A set that belongs to another layer is spelled anew here, and its callers
 * compile only while it has what they bring.
 */
import type { NameSet } from './declaration.ts'

const names = (what: string, namesMax: number): NameSet => ({ what, namesMax })

export const actorNames = names('actors, by path', 300)
export const deadLetterReasons = names('reasons of dead letters', 64)
export const breakerNames = names('circuit breakers: publisher and its data type', 32)
export const endpointNames = names('routes of the API as the document names them', 128)
export const consumerGroups = names('consumer groups', 32)
export const exchangeNames = names('exchanges', 32)
export const failureNames = names('failures, by their tag', 64)
export const feedNames = names('feeds', 64)
export const metricNames = names('metrics', 300)
export const partitionNames = names('partitions, by number', 512)
export const statusCodes = names('statuses of HTTP', 64)
export const tableNames = names('tables', 32)
export const threadNames = names('threads', 32)
export const termNames = names('terms of the equations', 64)
export const versionNames = names('versions, and roles as K2_ROLES has them', 16)
export const topicNames = names('topics', 64)

export const allDataTypes = ['trades', 'quotes', 'reference_data', 'gaps'] as const

export const levels = ['normal', 'soft', 'graceful', 'aggressive', 'circuitBreak'] as const

export const signals = [
  'memory', 'resident', 'lag', 'in_flight', 'spool', 'disk', 'retention', 'loop_delay', 'circuit',
  'injected'
] as const

export const symbolTiers = ['1', '2', '3', 'all'] as const

export const frameKinds = [
  'trade', 'quote', 'control', 'shed', 'rejected', 'depthUpdate', 'depthSnapshot', 'bookTicker',
  'kline', 'aggTrade', 'ticker', 'miniTicker', 'rollingTicker', 'avgPrice', 'markPrice',
  'serverShutdown', 'other'
] as const

export const frameFaults = [
  'binary', 'oversized', 'invalid_utf8', 'malformed_json', 'unknown_shape', 'missing_field',
  'duplicate_field', 'bad_value', 'bad_id', 'bad_time', 'bad_decimal', 'decimal_overflow',
  'bad_price', 'bad_quantity', 'unknown_symbol', 'symbol_mismatch'
] as const

export const openGapReasons = [
  'unknown', 'restart', 'disconnect', 'paused', 'spool_full', 'shed', 'rejected'
] as const

export const healOutcomes = [
  'healed', 'nothing', 'no_room', 'limited', 'unavailable', 'unlisted', 'question', 'form',
  'symbol', 'range', 'time', 'order'
] as const

export const equationNames = [
  'feed', 'handover', 'publisher', 'spool', 'append', 'landing', 'table'
] as const

const knownMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export const queryTypes = ['realtime', 'historical', 'hybrid', 'none'] as const

export const poolNames = ['queries', 'replays'] as const

export const httpMethods = [...knownMethods, 'other'] as const

/** Whatever a client sends as its method. */
export const methodLabel = (method: string): (typeof httpMethods)[number] =>
  knownMethods.find((known) => known === method) ?? 'other'
