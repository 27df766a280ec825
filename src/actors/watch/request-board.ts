/** Requests of the API in the last seconds: how many, and how long queries took. Bounded. */
const windowMs = 10_000
/** Beyond it the oldest are forgotten before their time. */
const queriesMax = 2_000

interface Query {
  readonly atMs: number
  readonly durationMs: number
}

export class RequestBoard {
  #requests = 0
  readonly #queries: Query[] = []
  #next = 0

  /** Since the start. */
  get requests(): number {
    return this.#requests
  }

  note(request: Query & { readonly isQuery: boolean }): void {
    this.#requests += 1
    if (!request.isQuery) return
    this.#queries[this.#next] = { atMs: request.atMs, durationMs: request.durationMs }
    this.#next = (this.#next + 1) % queriesMax
  }

  /** Of the last 10 s; null if there was none. */
  p99Seconds(nowMs: number): number | null {
    const recent = this.#queries
      .filter(({ atMs }) => nowMs - atMs < windowMs)
      .map(({ durationMs }) => durationMs)
      .sort((one, other) => one - other)
    const value = recent[Math.max(0, Math.ceil(recent.length * 0.99) - 1)]
    return value === undefined ? null : value / 1_000
  }
}
