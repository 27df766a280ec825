/**
 * The group of landers that share a topic: gives partitions to members, and tells each of them in
 * its own time, so that for a while two of them may take a partition for theirs.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type { Assignment } from '../../src/adapters/log/event-log.ts'
import type { Membership } from './broker.ts'
import type { Environment } from './environment.ts'
import type { SimulatedProcess } from './process.ts'

/** A member that is gone is noticed after so long. */
const sessionMs = 1_500

class Member implements Membership {
  readonly process: SimulatedProcess
  readonly #first = Deferred.makeUnsafe<void>()
  readonly #listeners = new Set<() => void>()
  #assignment: Assignment = { generation: 0, partitions: [] }
  #round = 0

  constructor(process: SimulatedProcess) {
    this.process = process
  }

  readonly assignment: Effect.Effect<Assignment> = Effect.suspend(() =>
    Effect.map(Deferred.await(this.#first), () => this.#assignment)
  )

  readonly changed = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Older rounds may come later, and then count no more. */
  tell(round: number, partitions: readonly number[]): void {
    if (!this.process.isRunning || round < this.#round) return
    this.#round = round
    const { generation } = this.#assignment
    this.#assignment = { generation: generation + 1, partitions }
    this.process.trace(`lands partitions [${partitions.join()}]`)
    Deferred.doneUnsafe(this.#first, Effect.void)
    for (const listener of this.#listeners) listener()
  }
}

export class LanderGroup {
  readonly #environment: Environment
  readonly #partitionCount: number
  readonly #members = new Set<Member>()
  #round = 0

  constructor(environment: Environment, partitionCount: number) {
    this.#environment = environment
    this.#partitionCount = partitionCount
  }

  join(process: SimulatedProcess): Membership & { readonly leave: () => void } {
    const member = new Member(process)
    this.#members.add(member)
    this.assign()
    const leave = () => {
      this.#members.delete(member)
      this.#environment.scheduler.after(sessionMs, () => this.assign())
    }
    return { assignment: member.assignment, changed: member.changed, leave }
  }

  /** Members of processes that have ended are noticed after a while. */
  noteEnded(): void {
    this.#environment.scheduler.after(sessionMs, () => this.assign())
  }

  /** Gives every partition to a member, by chance. */
  assign(): void {
    for (const member of this.#members) {
      if (!member.process.isRunning) this.#members.delete(member)
    }
    const members = [...this.#members]
    if (members.length === 0) return
    const round = ++this.#round
    const owners = Array.from({ length: this.#partitionCount }, () =>
      this.#environment.pick(members)
    )
    for (const member of members) {
      const partitions = owners.flatMap((owner, partition) => (owner === member ? [partition] : []))
      this.#environment.scheduler.after(this.#environment.between(1, 1_200), () =>
        member.tell(round, partitions)
      )
    }
  }
}
