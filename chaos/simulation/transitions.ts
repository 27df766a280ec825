/** What K2 goes through and says of itself, as far as some run must have seen it. */
import type { InspectionEvent } from 'xstate'
import type { Transition } from '../../src/actors/inspector.ts'
import type { Sometimes } from './coverage.ts'
import type { Environment } from './environment.ts'
import type { SimulatedProcess } from './process.ts'

const circuitStates: readonly (readonly [string, Sometimes])[] = [
  ['open', 'circuit: open'],
  ['halfOpen', 'circuit: halfOpen'],
  ['closed', 'circuit: closed']
]

export const noteTransition = (
  environment: Environment,
  process: SimulatedProcess,
  { path, from, to }: Transition
): void => {
  if (environment.isTraced) process.trace(`${path}: ${from} → ${to}`)
  if (path.endsWith('publisher:trades#')) {
    for (const [state, what] of circuitStates) {
      // Closed at first is no news.
      if (to.startsWith(state) && (state !== 'closed' || from !== '')) environment.note(what)
    }
  }
  if (to === 'waiting') environment.note('child: waiting')
  if (to === 'backingOff') environment.note('child: backing off')
  if (to === 'releasing' && from.startsWith('up.starting')) {
    environment.note('child: crashed while starting')
  }
  if (to === 'quarantined') environment.note('child: parked')
  if (path === 'root' && to === 'escalated') environment.note('root: escalated')
}

const lines: Readonly<Record<string, Sometimes>> = {
  'log.tail_truncated': 'log: tail cut',
  'log.append_refused': 'log: full',
  'log.segment.removed': 'log: segment removed',
  'spool.lane.found': 'spool: drained after a restart',
  'commit.conflicted': 'commit: conflict',
  'ledger.fenced': 'ledger: fenced',
  'heal.healed': 'healer: healed',
  'heal.form': 'healer: useless answer',
  'heal.order': 'healer: useless answer',
  'heal.range': 'healer: useless answer',
  'heal.symbol': 'healer: useless answer',
  'heal.question': 'healer: useless answer',
  'heal.limited': 'healer: refused for its weight'
}

/** Of a line that K2 logs. */
export const noteLine = (environment: Environment, event: string): void => {
  const what = lines[event]
  if (what !== undefined) environment.note(what)
}

/** Why a child went down. */
export const noteCrash = (
  environment: Environment,
  process: SimulatedProcess,
  inspected: InspectionEvent
): void => {
  if (!environment.isTraced || inspected.type !== '@xstate.event') return
  const event = inspected.event as unknown as Readonly<Record<string, unknown>>
  if (event['type'] !== 'child.crashed') return
  process.trace(`${String(event['childId'])} is down: ${String(event['message'])}`)
}
