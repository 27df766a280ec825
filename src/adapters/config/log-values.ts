/** Least severe log lines: of all, and of single components. */
import { suggestion } from './suggestion.ts'
import { type Kind, ok, refuse } from './values.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]

export interface LogLevels {
  readonly level: Level
  /** By the first word of an event's name. */
  readonly byComponent: ReadonlyMap<string, Level>
}

/** First words of the names of events, `feed` of `feed.subscribed`. */
export const logComponents: ReadonlySet<string> = new Set([
  'actor', 'append', 'batch', 'batches', 'callback', 'candles', 'check', 'child', 'circuit',
  'claims', 'cleanup', 'client', 'commands', 'commit', 'compaction', 'connection', 'conservation',
  'dead_letter', 'disk', 'drain', 'effect', 'exchange', 'expiry', 'faults', 'feed', 'file',
  'files', 'frames', 'gaps', 'group', 'heal', 'hint', 'http', 'ids', 'issued_record', 'journal',
  'kafka', 'lander', 'lane', 'ledger', 'log', 'memory', 'messages', 'orphans', 'partition',
  'pause', 'playback', 'policy', 'position', 'pressure', 'probe', 'producer', 'query', 'record',
  'records', 'reference_data', 'registry', 'release', 'replay', 'request', 'resource', 'rest',
  'resume', 'retention', 'retirement', 'rollup', 'root', 'sample', 'schema', 'schema_cache',
  'send', 'shutdown', 'socket', 'spool', 'stop', 'store', 'subscription', 'symbols', 'tail',
  'topic', 'trace', 'watch'
])

const isLevel = (text: string): text is Level => levels.some((level) => level === text)

/** A level, and `component=level` as often as wanted: `info,feed=debug`. */
export const logLevels: Kind<LogLevels> = {
  unit: `${levels.join(' | ')}, component=level …`,
  parse: (text) => {
    const [level = '', ...rest] = text.split(',').map((part) => part.trim())
    if (!isLevel(level)) {
      return refuse(`one of ${levels.join(', ')}, then levels of components: info,feed=debug`)
    }
    const byComponent = new Map<string, Level>()
    for (const part of rest) {
      const [component = '', own = '', ...more] = part.split('=')
      if (more.length > 0 || !isLevel(own)) {
        return refuse(`a level, then levels of components; "${part}" should be like feed=debug`)
      }
      if (!logComponents.has(component)) {
        const hint = suggestion(component, logComponents)
        return refuse(`of components that log; "${component}" does not${hint}`)
      }
      byComponent.set(component, own)
    }
    return ok({ level, byComponent })
  }
}
