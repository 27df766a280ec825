/** One lander of a group, in this process or in one of its own, and what it says. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import type { Lander } from '../../../../src/actors/lander/lander.ts'
import { landTopic, type TopicLanding } from './topic-landing.ts'

type Event = Parameters<TopicLanding['observe']>[0]

type Landing = Omit<TopicLanding, 'observe' | 'onLander'>

class Said {
  readonly events: Event[] = []

  /** Rows of commits of this member. */
  get landedCount(): number {
    return this.all('commit.landed').reduce((sum, { rows }) => sum + rows, 0)
  }

  /** Records that it has read, as often as it has. */
  get readCount(): number {
    return this.all('records.read').reduce((sum, { count }) => sum + count, 0)
  }

  /** Partitions of the newest assignment. */
  get assigned(): readonly number[] | undefined {
    return this.all('group.joined').at(-1)?.assignment.partitions
  }

  all<T extends Event['type']>(type: T): readonly Extract<Event, { readonly type: T }>[] {
    return this.events.filter(
      (event): event is Extract<Event, { readonly type: T }> => event.type === type
    )
  }
}

const script = fileURLToPath(new URL('lander-process.ts', import.meta.url))

export class LandingProcess extends Said {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  constructor(landing: Landing) {
    super()
    const args = ['--import', 'tsx', script, JSON.stringify(landing)]
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#exited = once(this.#child, 'exit')
    const lines = createInterface({ input: this.#child.stdout! })
    lines.on('line', (line) => this.events.push(JSON.parse(line) as Event))
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  /** Lands what is durable by now, leaves the group, and ends. */
  async finish(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    await this.#exited
    return this.#child.exitCode
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}

export class LandingMember extends Said {
  readonly #landing: TopicLanding
  #lander: Lander | undefined
  #isFinishing = false
  #running: Fiber.Fiber<void, unknown> | undefined

  constructor(landing: Landing) {
    super()
    this.#landing = {
      ...landing,
      observe: (event) => this.events.push(event),
      onLander: (lander) => {
        this.#lander = lander
        if (this.#isFinishing) Effect.runSync(lander.finish)
      }
    }
  }

  start(): void {
    this.#running = Effect.runFork(landTopic(this.#landing))
  }

  /** Lands what is durable by now, leaves the group, and ends. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    if (this.#lander !== undefined) Effect.runSync(this.#lander.finish)
    await Effect.runPromise(Fiber.join(this.#running!))
  }

  async stop(): Promise<void> {
    if (this.#running !== undefined) await Effect.runPromise(Fiber.interrupt(this.#running))
  }

  async run(during: () => Promise<void>): Promise<void> {
    this.start()
    try {
      await during()
      await this.finish()
    } finally {
      await this.stop()
    }
  }
}
