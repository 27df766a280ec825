/**
 * What this process tells those who watch it. It outlives restarts of the actor that writes it: the
 * journal goes on.
 *
 * 1. Noting something costs a push, and never throws; it is bounded, and counts what it leaves out.
 * 2. Nobody is told anything here: readers wait for `changed`, the writer for `news`.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type { WatchActor, WatchMark } from '../../adapters/http/watch-schemas.ts'
import type { Host } from '../host.ts'
import type { Evidence, Transition } from '../inspector.ts'
import { Journal } from './journal.ts'
import { logicOf, type MachineList, noMachines } from './machine-list.ts'
import { RequestBoard } from './request-board.ts'
import { Viewers } from './viewers.ts'
import type { FrameFacts } from './watch-fold.ts'

export interface Seen {
  readonly transition: Transition
  readonly evidence: Evidence
}

interface News {
  readonly seen: readonly Seen[]
  readonly leftOut: number
  readonly marks: readonly WatchMark[]
}

const seenMax = 200
const marksMax = 100

interface Clocks {
  readonly uuid: () => string
  readonly nowMs: () => number
  readonly host: Pick<Host, 'monotonicMs'>
}

interface Signal {
  readonly wait: Effect.Effect<void>
  readonly give: () => void
}

export class WatchBoard {
  readonly requests = new RequestBoard()
  readonly viewers: Viewers
  readonly startedMs: number
  machines: MachineList = noMachines
  /** Of actors, as the newest frame left them. */
  lines: () => readonly WatchActor[] = () => []
  /** Changes of level that are in frames. */
  changesTold = 0
  readonly #uuid: () => string
  #instance: string | undefined
  #journal: Journal | undefined
  #seen: Seen[] = []
  #leftOut = 0
  #marks: WatchMark[] = []
  readonly #news = makeSignal()
  readonly #changed = makeSignal()

  constructor({ uuid, nowMs, host }: Clocks) {
    this.#uuid = uuid
    this.startedMs = nowMs()
    this.viewers = new Viewers(host.monotonicMs)
  }

  /** Of this process. */
  get instance(): string {
    this.#instance ??= this.#uuid()
    return this.#instance
  }

  get journal(): Journal {
    this.#journal ??= new Journal(this.startedMs)
    return this.#journal
  }

  /** Ends once something has been noted that is in no frame yet. */
  get news(): Effect.Effect<void> {
    return this.#hasNews ? Effect.void : this.#news.wait
  }

  /** Ends with the next frame. */
  get changed(): Effect.Effect<void> {
    return this.#changed.wait
  }

  /** Of machines: what a program does is said by its keeper. Before they are known, of all. */
  saw(transition: Transition, evidence: Evidence): void {
    const { machines } = this
    if (machines !== noMachines && machines.idOf(logicOf(evidence.actor)) === null) return
    if (this.#seen.length < seenMax) this.#seen.push({ transition, evidence })
    else this.#leftOut += 1
    this.#news.give()
  }

  mark(mark: WatchMark): void {
    if (this.#marks.length < marksMax) this.#marks.push(mark)
    this.#news.give()
  }

  /** What was noted since it was asked last. */
  take(): News {
    const news = { seen: this.#seen, leftOut: this.#leftOut, marks: this.#marks }
    this.#seen = []
    this.#leftOut = 0
    this.#marks = []
    return news
  }

  push(frame: FrameFacts): void {
    this.journal.push(frame)
    this.#changed.give()
  }

  get #hasNews(): boolean {
    return this.#seen.length > 0 || this.#leftOut > 0 || this.#marks.length > 0
  }
}

/** Whoever waits when it is given goes on. */
const makeSignal = (): Signal => {
  let waiting: Deferred.Deferred<void> | undefined
  return {
    wait: Effect.suspend(() => {
      waiting ??= Deferred.makeUnsafe<void>()
      return Deferred.await(waiting)
    }),
    give: () => {
      if (waiting === undefined) return
      const given = waiting
      waiting = undefined
      Deferred.doneUnsafe(given, Effect.void)
    }
  }
}
