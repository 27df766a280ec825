/**
 * What answering a request costs: counted by whoever plans, waits and reads for it, told when it
 * was slow.
 *
 * 1. It belongs to one request, whose Effect carries it; outside of one nothing is counted.
 */
import * as Context from 'effect/Context'
import * as Effect from 'effect/Effect'

export interface QueryCost {
  plans: number
  manifestsConsidered: number
  manifestsPruned: number
  filesConsidered: number
  filesPruned: number
  filesRead: number
  /** That were in memory, unpacked: not read again. */
  filesInMemory: number
  statements: number
  /** That the engine gave. */
  rows: number
  /** For what the log has beyond the files. */
  tailMs: number
  planMs: number
  /** For a connection. */
  waitMs: number
  /** In the engine; of statements side by side, their sum. */
  readMs: number
}

export const noCost = (): QueryCost => ({
  plans: 0,
  manifestsConsidered: 0,
  manifestsPruned: 0,
  filesConsidered: 0,
  filesPruned: 0,
  filesRead: 0,
  filesInMemory: 0,
  statements: 0,
  rows: 0,
  tailMs: 0,
  planMs: 0,
  waitMs: 0,
  readMs: 0
})

/** By the names that logs and answers have; milliseconds to the microsecond. */
export const costFields = (cost: QueryCost): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(cost).map(([name, value]) => [snakeCase(name), roundedMs(value)])
  )

export const roundedMs = (value: number): number => Math.round(value * 1_000) / 1_000

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Of the request that an Effect runs for. */
export const CurrentCost = Context.Reference<QueryCost | undefined>('k2/QueryCost', {
  defaultValue: () => undefined
})

/** What took time while a request was answered. */
export interface QueryStep {
  readonly name: (typeof stepNames)[TimedCost]
  /** From the beginning of the answer. */
  readonly afterMs: number
  readonly tookMs: number
}

type TimedCost = 'tailMs' | 'planMs' | 'waitMs' | 'readMs'

/** As traces name them. */
const stepNames = { tailMs: 'tail', planMs: 'plan', waitMs: 'wait', readMs: 'read' } as const

/** Steps of one request: of a replay there may be any number, and the first ones are told. */
export class QuerySteps {
  readonly #startedMs = performance.now()
  readonly #steps: QueryStep[] = []

  get all(): readonly QueryStep[] {
    return this.#steps
  }

  add(cost: TimedCost, startedMs: number, endedMs: number): void {
    if (this.#steps.length === stepsMax) return
    const afterMs = startedMs - this.#startedMs
    this.#steps.push({ name: stepNames[cost], afterMs, tookMs: endedMs - startedMs })
  }
}

const stepsMax = 64

/** Of the request that an Effect runs for. */
export const CurrentSteps = Context.Reference<QuerySteps | undefined>('k2/QuerySteps', {
  defaultValue: () => undefined
})

/** Adds to the cost of the request, if there is one (1). */
export const addCost = (some: Partial<QueryCost>): Effect.Effect<void> =>
  Effect.map(CurrentCost, (cost) => {
    if (cost === undefined) return
    for (const [name, value] of Object.entries(some)) cost[name as keyof QueryCost] += value
  })

/** Runs an Effect and adds the milliseconds that it took, however it ended. */
export const timedAs = <A, E, R>(
  name: TimedCost,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const startedMs = performance.now()
    return Effect.ensuring(
      effect,
      Effect.flatMap(CurrentSteps, (steps) => {
        const endedMs = performance.now()
        steps?.add(name, startedMs, endedMs)
        return addCost({ [name]: endedMs - startedMs })
      })
    )
  })
