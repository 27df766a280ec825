/** What goes wrong by itself: processes end, links are cut, clocks jump, at the plan's rates. */
import type { FaultRate } from './faults.ts'
import type { World } from './world.ts'

/** Programs that crash, in the tree of K2. */
const programs = [
  'root/storage/trades',
  'root/log/event-log',
  'root/log/spool',
  'root/log/publisher:trades/program',
  'root/landing/lander:trades',
  'root/ingest/feed:binance/stream:a',
  'root/log/publisher:gaps/program',
  'root/landing/gaps',
  'root/landing/claims',
  'root/degradation/sampler',
  'root/repair/healer/look',
  'root/repair/healer/heal'
] as const

const tickMs = 100

export class Striker {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  start(): void {
    const { scheduler } = this.#world.environment
    const tick = () => {
      this.#strike()
      if (!this.#world.environment.isHealed) scheduler.after(tickMs, tick)
    }
    scheduler.after(500, tick)
  }

  #strike(): void {
    const { environment } = this.#world
    const { rates } = environment.faults
    for (const [fault, perSecond] of Object.entries(rates) as [FaultRate, number][]) {
      if (environment.isLucky((perSecond * tickMs) / 1_000)) this.#strikes[fault]()
    }
  }

  readonly #strikes: Readonly<Record<FaultRate, () => void>> = {
    kill: () => {
      const { environment, members } = this.#world
      environment.note('fault: process killed')
      this.#world.kill(environment.pick(members))
    },
    powerCut: () => {
      this.#world.environment.note('fault: power cut')
      this.#world.cutPower()
    },
    crash: () => {
      const { environment, members } = this.#world
      const { k2 } = environment.pick(members)
      if (k2?.crash(environment.pick(programs)) === true) {
        environment.note('fault: program crashed')
      }
    },
    drain: () => {
      const { environment, members } = this.#world
      environment.note('fault: process drained')
      this.#world.drain(environment.pick(members))
    },
    clockJump: () => {
      const { environment } = this.#world
      const ms = Math.round(environment.between(-20_000, 20_000))
      environment.note(ms > 0 ? 'fault: clock forward' : 'fault: clock back')
      environment.jump(ms)
    },
    venueCloses: () => {
      const { environment, venue } = this.#world
      if (venue.drop()) environment.note('fault: venue closed the connection')
    },
    brokerDown: () => {
      const { environment, broker } = this.#world
      if (broker === undefined) return
      environment.note('fault: broker down')
      broker.goDown(environment.between(100, 6_000))
    },
    linkCut: () => {
      const { environment, links } = this.#world
      environment.note('fault: link cut')
      environment.pick(Object.values(links)).cut(environment.between(50, 5_000))
    },
    reassign: () => {
      const { environment, groups, broker } = this.#world
      if (broker === undefined) return
      environment.note('fault: partitions assigned anew')
      environment.pick(Object.values(groups)).assign()
    },
    hoard: () => {
      const { environment, members } = this.#world
      const process = members[0]!.k2?.process
      if (process === undefined) return
      environment.note('fault: memory held')
      process.hoardedBytes = environment.between(30_000, 100_000)
      process.trace(`holds ${process.hoardedBytes.toFixed(0)} bytes for nothing`)
      process.after(environment.between(300, 3_000), () => {
        process.hoardedBytes = 0
      })
    },
    killCatalog: () => {
      const { environment, catalog } = this.#world
      if (catalog === undefined) return
      environment.note('fault: catalog killed')
      this.#world.killCatalog()
    }
  }
}
