/**
 * One process of the simulated machine: what it has of time, files and chance ends with it.
 *
 * A process that has ended does nothing more: nothing that it waits for ever comes, and there is
 * nothing else that could let it go on.
 */
import * as Clock from 'effect/Clock'
import * as Context from 'effect/Context'
import * as Duration from 'effect/Duration'
import * as Effect from 'effect/Effect'
import { MixedScheduler, Scheduler } from 'effect/Scheduler'
import type { LogClock, LogFiles } from '../../src/adapters/log/log-files.ts'
import type { LogProcess } from '../../src/adapters/log/writer-lock.ts'
import type { Environment } from './environment.ts'

type Cancel = () => void

export class SimulatedProcess {
  readonly name: string
  readonly pid: number
  readonly files: LogFiles
  readonly logClock: LogClock
  /** Clock and scheduler of its fibers. */
  readonly context: Context.Context<never>
  /** Of its actors. */
  readonly actorClock: {
    readonly setTimeout: (run: () => void, ms: number) => Cancel
    readonly clearTimeout: (cancel: Cancel) => void
  }
  /** Memory that something in it holds that has no part in its work. */
  hoardedBytes = 0
  readonly #environment: Environment

  constructor(environment: Environment, name: string) {
    this.#environment = environment
    this.pid = environment.machine.start()
    this.name = `${name}#${this.pid}`
    this.files = environment.machine.files(this.pid)
    this.logClock = {
      nowMs: () => environment.wallMs,
      schedule: (delayMs, run) => this.after(delayMs, run)
    }
    this.actorClock = {
      setTimeout: (run, ms) => this.after(ms, run),
      clearTimeout: (cancel: Cancel | undefined) => cancel?.()
    }
    this.context = Context.make(Clock.Clock, this.#clock).pipe(
      Context.add(Scheduler, new MixedScheduler('async', soon))
    )
  }

  get isRunning(): boolean {
    return this.#environment.machine.isRunning(this.pid)
  }

  get logProcess(): LogProcess {
    const { machine } = this.#environment
    return {
      self: { pid: this.pid, incarnation: 'simulated' },
      isAlive: (mark) => Promise.resolve(machine.isRunning(mark.pid)),
      uniqueId: () => this.#environment.uuid()
    }
  }

  /** Runs something after a delay, if the process still runs then. */
  after(delayMs: number, run: () => void): Cancel {
    return this.#environment.scheduler.after(delayMs, () => {
      if (this.isRunning) run()
    })
  }

  trace(what: string): void {
    this.#environment.trace(this.name, what)
  }

  get #clock(): Clock.Clock {
    const { scheduler } = this.#environment
    const wallMs = () => this.#environment.wallMs
    const wallNanos = () => BigInt(wallMs()) * 1_000_000n
    const nanos = () => BigInt(Math.round(scheduler.nowMs * 1_000)) * 1_000n
    return {
      currentTimeMillisUnsafe: wallMs,
      currentTimeMillis: Effect.sync(wallMs),
      currentTimeNanosUnsafe: wallNanos,
      currentTimeNanos: Effect.sync(wallNanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) =>
        Effect.callback<void>((resume) => {
          const cancel = this.after(Duration.toMillis(duration), () => resume(Effect.void))
          return Effect.sync(cancel)
        })
    }
  }
}

/** What fibers put off goes on within the same event, behind what is on its way. */
const soon = (run: () => void): Cancel => {
  const state = { isCancelled: false }
  queueMicrotask(() => {
    if (!state.isCancelled) run()
  })
  return () => {
    state.isCancelled = true
  }
}
