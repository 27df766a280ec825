/** A box for one SELECT, its rows to the digit, and what answering cost. */
import { html, nothing, type TemplateResult } from 'lit-html'
import { request } from './api.ts'
import { cellsOf } from './csv.ts'
import { Loading } from './loading.ts'

interface SqlAnswer {
  readonly rows: readonly (readonly string[])[]
  readonly explain: Readonly<Record<string, number>>
  readonly ms: number
}

const rowsMax = 200

const example = `SELECT symbol, count(*) AS trades, min(price) AS low, max(price) AS high
FROM trades GROUP BY symbol ORDER BY trades DESC`

export class SqlView {
  readonly #answer: Loading<SqlAnswer>
  #sql = example

  constructor(onChange: () => void) {
    this.#answer = new Loading(onChange, () => this.#ask())
  }

  view(): TemplateResult {
    return html`
      <section class="panel sql" aria-labelledby="sql-title">
        <h2 id="sql-title">Query</h2>
        <form
          @submit=${(event: SubmitEvent) => {
            event.preventDefault()
            void this.#answer.load()
          }}
        >
          <label for="sql" class="quiet">
            One SELECT over trades, quotes, candles, gaps, snapshots
          </label>
          <textarea
            id="sql"
            rows="4"
            spellcheck="false"
            .value=${this.#sql}
            @input=${(event: Event) => {
              this.#sql = (event.target as HTMLTextAreaElement).value
            }}
          ></textarea>
          <button type="submit">Run</button>
        </form>
        ${this.#answer.isNew ? nothing : this.#answer.view(answerView)}
      </section>
    `
  }

  /** As CSV: no digit passes through a number of this page. */
  async #ask(): Promise<SqlAnswer> {
    const startedMs = performance.now()
    const response = await request('/v1/sql?explain=1', {
      method: 'POST',
      body: JSON.stringify({ sql: this.#sql, limit: rowsMax }),
      headers: { 'content-type': 'application/json', accept: 'text/csv' }
    })
    const rows = cellsOf(await response.text())
    const explain = JSON.parse(response.headers.get('k2-explain') ?? '{}') as SqlAnswer['explain']
    return { rows, explain, ms: performance.now() - startedMs }
  }
}

const answerView = ({ rows: [head = [], ...rows], explain, ms }: SqlAnswer): TemplateResult => html`
  <p class="plan">
    ${rows.length} rows in ${ms.toFixed(0)} ms.
    ${Object.entries(explain).map(
      ([name, value]) => html`<span>${name.replaceAll('_', ' ')} <strong>${value}</strong></span>`
    )}
  </p>
  <div class="scroll" tabindex="0" role="group" aria-label="Rows">
    <table>
      <thead>
        <tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}
      </tbody>
    </table>
  </div>
`
