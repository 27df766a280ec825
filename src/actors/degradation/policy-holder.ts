/**
 * What the degradation manager commands now: read by who works a batch at a time, followed by who
 * has to act when it changes.
 *
 * 1. There is no policy before the first complete sample of a fresh process (R39).
 * 2. It outlives the manager: while that is being restarted, its last command holds (R39).
 * 3. A listener that throws keeps no other from hearing; the first error goes to who commands.
 */
import type { IngestPolicy } from '../../machines/ingest-policy.ts'

type Listener = (policy: IngestPolicy) => void

export class PolicyHolder {
  #current: IngestPolicy | undefined
  #listeners: readonly Listener[] = []

  get current(): IngestPolicy | undefined {
    return this.#current
  }

  set(policy: IngestPolicy): void {
    this.#current = policy
    const errors: unknown[] = []
    for (const listener of this.#listeners) {
      try {
        listener(policy)
      } catch (error) {
        errors.push(error) // (3)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  /** Calls back with the policy, now if there is one and at each command; returns how to stop. */
  follow(listener: Listener): () => void {
    // An own function each time: who follows twice with the same one hears twice, and stops each.
    const own: Listener = (policy) => listener(policy)
    this.#listeners = [...this.#listeners, own]
    if (this.#current !== undefined) own(this.#current)
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== own)
    }
  }
}
