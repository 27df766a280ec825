/**
 * What must have happened in some run, or runs prove nothing: every fault, every state of the
 * breaker, every way in which a commit can end, an end of the process in every phase.
 */

const sometimes = [
  // Faults.
  'fault: process killed',
  'fault: power cut',
  'fault: program crashed',
  'fault: process drained',
  'fault: sync failed',
  'fault: write torn',
  'fault: disk slow',
  'fault: clock forward',
  'fault: clock back',
  'fault: venue closed the connection',
  'fault: broker down',
  'fault: link cut',
  'fault: request lost',
  'fault: request late',
  'fault: request twice',
  'fault: acknowledgement lost',
  'fault: acknowledgement twice',
  'fault: partitions assigned anew',
  'fault: catalog killed',
  'fault: swap late',
  'fault: swap answer lost',
  'fault: swap lost',
  'fault: memory held',
  'fault: history fails',
  'fault: history odd',
  'fault: history limited',
  // What they lead to.
  'discarded send arrived late',
  'circuit: open',
  'circuit: halfOpen',
  'circuit: closed',
  'spool: used',
  'spool: drained',
  'spool: drained after a restart',
  'spool: full',
  'log: full',
  'log: tail cut',
  'log: segment removed',
  'commit: landed',
  'commit: fenced',
  'commit: conflict',
  'commit: unknown, had landed',
  'commit: unknown, had not landed',
  'commit: without rows',
  'fold: duplicate',
  'fold: gap',
  'fold: late',
  'frame: refused',
  'feed: waits for the publisher',
  'child: waiting',
  'child: backing off',
  'child: crashed while starting',
  'child: parked',
  'root: escalated',
  // The ladder, and what is done at its levels.
  'level: normal',
  'level: soft',
  'level: graceful',
  'level: aggressive',
  'level: circuitBreak',
  'action: throttle',
  'action: shed tier 3',
  'action: shed tier 2',
  'action: spill',
  'action: pause',
  'action: resume',
  'action: ramp back',
  // Holes: why they were opened, and how they ended.
  'hole: unknown',
  'hole: restart',
  'hole: disconnect',
  'hole: paused',
  'hole: spool_full',
  'hole: shed',
  'hole: rejected',
  'hole: narrowed',
  'hole: closed as landed',
  'hole: closed as rejected',
  'hole: closed as never_issued',
  'ledger: fenced',
  'healer: healed',
  'healer: useless answer',
  'healer: refused for its weight',
  // Where the process was when it ended.
  'ended in: start',
  'ended in: log append',
  'ended in: spool append',
  'ended in: data file',
  'ended in: sequence state',
  'ended in: metadata',
  'ended in: swap',
  'ended in: send',
  'ended in: drain',
  'ended in: quiet'
] as const

export type Sometimes = (typeof sometimes)[number]

export class Coverage {
  readonly #counts = new Map<Sometimes, number>()

  note(what: Sometimes): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  /** In the order of the list. */
  get counts(): Readonly<Record<string, number>> {
    const reached = sometimes.filter((what) => this.#counts.has(what))
    return Object.fromEntries(reached.map((what) => [what, this.countOf(what)]))
  }

  add(counts: Readonly<Record<string, number>>): void {
    for (const what of sometimes) {
      const count = counts[what]
      if (count !== undefined) this.#counts.set(what, this.countOf(what) + count)
    }
  }

  countOf(what: Sometimes): number {
    return this.#counts.get(what) ?? 0
  }

}

export const unreachedIn = (counts: Readonly<Record<string, number>>): readonly Sometimes[] =>
  sometimes.filter((what) => counts[what] === undefined)
