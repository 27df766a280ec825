/**
 * A lab without processes: its parts remember what state they are in, and refuse what the real ones
 * refuse.
 */
import type { Drill } from '../../../chaos/drill.ts'
import type { Fault } from '../../../chaos/faults.ts'
import type { Ended } from '../../../chaos/member.ts'
import type { RunTarget } from '../../../chaos/run.ts'
import type { Wholeness } from '../../../chaos/wholeness.ts'

type Condition = 'running' | 'paused' | 'ended'

export class FakePart {
  readonly name: string
  condition: Condition = 'running'
  output = ''
  landed = 10_000
  readonly unexpectedEnds: string[] = []
  ended: Ended = { code: 0, signal: null }

  constructor(name: string) {
    this.name = name
  }

  pause(): void {
    if (this.condition !== 'running') throw new Error(`${this.name} does not run`)
    this.condition = 'paused'
  }

  resume(): void {
    if (this.condition === 'paused') this.condition = 'running'
  }

  kill(): Promise<void> {
    this.condition = 'ended'
    return Promise.resolve()
  }

  start(): void {
    if (this.condition === 'ended') this.condition = 'running'
  }

  end(): Promise<Ended> {
    this.condition = 'ended'
    return Promise.resolve(this.ended)
  }

  metric(): Promise<number> {
    return Promise.resolve(this.landed)
  }
}

/** As `ServiceProcess`: a paused one is not started, one that does not run is not paused. */
const serviceOf = (part: FakePart) => ({
  condition: async () => part.condition,
  kill: () => part.kill(),
  start: async () => {
    if (part.condition === 'paused') throw new Error(`${part.name} is paused`)
    part.start()
  },
  pause: async () => part.pause(),
  resume: async () => {
    if (part.condition === 'ended') throw new Error(`${part.name} does not run`)
    part.resume()
  }
})

export class FakeLab implements RunTarget {
  readonly services: ReadonlyMap<string, FakePart> = new Map(
    ['kafka', 'registry', 's3', 'catalog'].map((name) => [name, new FakePart(name)])
  )
  readonly landers = [new FakePart('land-1'), new FakePart('land-2')]
  readonly ingest = new FakePart('ingest')
  readonly serve = new FakePart('serve')
  readonly exchange = new FakePart('exchange')
  readonly stack = {
    service: (name: string) => {
      const part = this.services.get(name)
      if (part === undefined) throw new Error(`there is no ${name}`)
      return serviceOf(part)
    }
  }
  isExchangeFaulty = false
  isDiskFull = false

  get k2s(): readonly FakePart[] {
    return [this.ingest, this.serve, ...this.landers]
  }

  /** Parts that are not as they were at first. */
  get broken(): readonly string[] {
    const parts = [...this.services.values(), ...this.k2s, this.exchange]
    return [
      ...parts.filter(({ condition }) => condition !== 'running').map(({ name }) => name),
      ...(this.isExchangeFaulty ? ['faults of the exchange'] : []),
      ...(this.isDiskFull ? ['disk'] : [])
    ]
  }

  async controlExchange(body: Readonly<Record<string, unknown>>): Promise<void> {
    this.isExchangeFaulty = body['heal'] !== true
  }

  killIngest(): Promise<void> {
    return this.ingest.kill()
  }

  async startIngest(): Promise<void> {
    this.ingest.start()
  }

  async fillDisk(): Promise<void> {
    this.isDiskFull = true
  }

  async freeDisk(): Promise<void> {
    this.isDiskFull = false
  }

  /** What `whole` says. */
  wholeness: Wholeness = { wholeMs: 1, healed: {}, problems: [] }
  wasWholeBeforeDrain: boolean | undefined

  async whole(): Promise<Wholeness> {
    this.wasWholeBeforeDrain = this.ingest.condition === 'running'
    return this.wholeness
  }

  /** What `drill` says. */
  blindness: string | undefined
  readonly drilled: string[] = []

  async drill({ alert }: Drill): Promise<string | undefined> {
    this.drilled.push(alert)
    return this.blindness
  }

  /** What `imbalances` says. */
  imbalance: string | undefined

  async imbalances(): Promise<readonly string[]> {
    return this.imbalance === undefined ? [] : [this.imbalance]
  }

  async ready(): Promise<void> {
    if (this.broken.length > 0) throw new Error(`not ready: ${this.broken.join()}`)
  }
}

/** One that strikes and is undone at once. */
export const quickFault = (fault: Partial<Fault> & Pick<Fault, 'name'>): Fault => ({
  strike: async () => undefined,
  heal: async () => undefined,
  holdMs: [0, 0],
  ...fault
})
