/**
 * What everything of one run shares: its seed's choices, its time, its one machine, its faults, its
 * log.
 *
 * 1. Every choice comes from the seed. There is no other source of chance, and no other time.
 * 2. The log tells each event in the order in which it happened: the same seed, the same bytes.
 */
import { type Random, randomFrom } from '../random.ts'
import { Coverage, type Sometimes } from './coverage.ts'
import { type FaultChance, faultPlan, type FaultPlan, noFaults } from './faults.ts'
import { Scheduler } from './scheduler.ts'
import { type PendingOperation, SimulatedMachine } from './simulated-files.ts'

/** 2026-01-15, noon: no day ends in a run, unless the clock jumps. */
const startMs = 1_768_478_400_000

export class Environment {
  readonly seed: number
  readonly scheduler: Scheduler
  readonly coverage = new Coverage()
  readonly machine: SimulatedMachine
  /** For what is drawn once, at the start of a run. */
  readonly setup: Random
  readonly #write: ((line: string) => void) | undefined
  readonly #random: Random
  readonly #ids: Random
  #faults: FaultPlan
  #wallOffsetMs = 0
  /** Ends a process while an operation of its is under way. */
  onDoom: (process: number) => void = () => undefined

  /** @param write takes the lines of the log; without it none is made */
  constructor(seed: number, write?: (line: string) => void) {
    this.seed = seed
    this.#write = write
    this.setup = randomFrom(seed)
    this.#random = randomFrom(Math.imul(seed, 0x9e3779b1))
    this.#ids = randomFrom(Math.imul(seed, 0x85ebca6b) ^ 0x1d)
    this.#faults = faultPlan(this.setup)
    const order = randomFrom(Math.imul(seed, 0xc2b2ae35) ^ 0x2f)
    this.scheduler = new Scheduler(order)
    this.machine = new SimulatedMachine(() => this.#random.next(), {
      schedule: (operation) => this.#schedule(operation),
      fails: (kind, path) => this.#fails(kind, path)
    })
  }

  get isTraced(): boolean {
    return this.#write !== undefined
  }

  get faults(): FaultPlan {
    return this.#faults
  }

  get isHealed(): boolean {
    return this.#faults === noFaults
  }

  /** From here on nothing goes wrong any more. */
  heal(): void {
    this.#faults = noFaults
    this.trace('world', 'no more faults')
  }

  /** A line of the log (2). */
  trace(who: string, what: string): void {
    if (this.#write === undefined) return
    const seconds = (this.scheduler.nowMs / 1_000).toFixed(6).padStart(11)
    this.#write(`${seconds} ${who}: ${what}`)
  }

  note(what: Sometimes): void {
    this.coverage.note(what)
  }

  /** Unix ms, as the machine's clock has them: it may jump. */
  get wallMs(): number {
    return startMs + Math.floor(this.scheduler.nowMs) + this.#wallOffsetMs
  }

  /** The same, of a clock that does not. */
  get steadyMs(): number {
    return startMs + this.scheduler.nowMs
  }

  jump(ms: number): void {
    this.#wallOffsetMs += ms
    this.trace('machine', `the clock jumps by ${ms} ms`)
  }

  between(min: number, max: number): number {
    return this.#random.between(min, max)
  }

  pick<A>(choices: readonly A[]): A {
    return this.#random.pick(choices)
  }

  isLucky(chance: number): boolean {
    return chance > 0 && this.#random.next() < chance
  }

  /** Whether a fault strikes now. */
  strikes(fault: FaultChance, what: Sometimes): boolean {
    if (!this.isLucky(this.#faults.chances[fault])) return false
    this.note(what)
    return true
  }

  /** A version 4 UUID. */
  uuid(): string {
    let hex = ''
    while (hex.length < 32) {
      hex += Math.floor(this.#ids.next() * 0x1_0000_0000).toString(16).padStart(8, '0')
    }
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`]
    return [...parts, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
  }

  #schedule(operation: PendingOperation): void {
    const { kind, path, process } = operation
    const isSync = kind === 'sync' || kind === 'syncDirectory'
    const isSlow = this.strikes('diskSlow', 'fault: disk slow')
    const delayMs = isSlow ? this.between(100, 3_000) : this.between(0.02, isSync ? 3 : 0.2)
    if (this.strikes('killsHere', 'fault: process killed')) {
      this.scheduler.after(delayMs * this.between(0, 1), () => this.onDoom(process))
    }
    this.scheduler.after(delayMs, () => {
      if (this.isTraced && this.machine.isRunning(process)) {
        this.trace(`process ${process}`, `${kind} ${path}`)
      }
      operation.take()
    })
  }

  #fails(kind: 'sync' | 'write', path: string): boolean {
    const isSync = kind === 'sync'
    const fails = this.strikes(
      isSync ? 'syncFails' : 'writeFails',
      isSync ? 'fault: sync failed' : 'fault: write torn'
    )
    if (fails) this.trace('machine', `${kind} of ${path} fails`)
    return fails
  }
}
