/** Something that is asked for: what came last, whether more is on its way, and what went wrong. */
import { html, type TemplateResult } from 'lit-html'

export class Loading<Value> {
  value: Value | undefined
  problem: string | undefined
  readonly #onChange: () => void
  readonly #load: () => Promise<Value>
  #asked = 0

  constructor(onChange: () => void, load: () => Promise<Value>) {
    this.#onChange = onChange
    this.#load = load
  }

  /** Whether it has not been asked for yet. */
  get isNew(): boolean {
    return this.#asked === 0
  }

  /** Asks; of several answers the one to the newest question counts. */
  async load(): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    try {
      const value = await this.#load()
      if (asked !== this.#asked) return
      this.value = value
      this.problem = undefined
    } catch (error) {
      if (asked !== this.#asked) return
      this.problem = (error as Error).message
    }
    this.#onChange()
  }

  view(show: (value: Value) => TemplateResult): TemplateResult {
    return html`
      ${this.problem === undefined
        ? ''
        : html`<p class="error" role="alert">${this.problem}</p>`}
      ${this.value !== undefined
        ? show(this.value)
        : this.problem === undefined
          ? html`<p class="empty">Loading…</p>`
          : ''}
    `
  }
}
