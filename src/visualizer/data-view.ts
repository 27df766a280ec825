/** What K2 has captured: newest trades, candles, snapshots and their differences, and SQL. */
import { html, nothing, type TemplateResult } from 'lit-html'
import { ask } from './api.ts'
import type { App } from './app.ts'
import { type Candle, candlesChart, type Gap } from './candles-chart.ts'
import { Loading } from './loading.ts'
import { SnapshotsView } from './snapshots-view.ts'
import { SqlView } from './sql-view.ts'
import { type Trade, tradesTable } from './trades-table.ts'

const tradesShown = 25
const candlesShown = 120
const intervals = ['1m', '5m', '15m', '1h']
const refreshMs = 2_000

interface Candles {
  readonly candles: readonly Candle[]
  readonly gaps: readonly Gap[]
}

export class DataView {
  readonly #app: App
  readonly #symbols: Loading<readonly string[]>
  readonly #trades: Loading<readonly Trade[]>
  readonly #candles: Loading<Candles>
  readonly #snapshots: SnapshotsView
  readonly #sql: SqlView
  #symbol = ''
  #interval = '1m'

  constructor(app: App, onChange: () => void) {
    this.#app = app
    this.#symbols = new Loading(onChange, async () => (await ask<string[]>('/v1/symbols')).data)
    this.#trades = new Loading(onChange, () => this.#askTrades())
    this.#candles = new Loading(onChange, () => this.#askCandles())
    this.#snapshots = new SnapshotsView(onChange)
    this.#sql = new SqlView(onChange)
    setInterval(() => this.#refresh(), refreshMs)
  }

  view(): TemplateResult {
    if (this.#symbols.isNew) void this.#start()
    return html`
      <main class="data">
        <section class="panel" aria-labelledby="trades-title">
          <h2 id="trades-title">Newest trades</h2>
          ${this.#symbolPicker()} ${this.#trades.view(tradesTable)}
        </section>
        <section class="panel" aria-labelledby="candles-title">
          <h2 id="candles-title">Candles ${this.#symbol}</h2>
          ${this.#intervalPicker()}
          ${this.#candles.view(({ candles, gaps }) => candlesChart(candles, gaps))}
          <p class="quiet">Shaded: trades are missing, as the gap ledger says.</p>
        </section>
        ${this.#snapshots.view()} ${this.#sql.view()}
      </main>
    `
  }

  async #start(): Promise<void> {
    await this.#symbols.load()
    const symbols = this.#symbols.value ?? []
    this.#symbol ||= symbols.find((it) => it.startsWith('BTC')) ?? symbols[0] ?? ''
    await Promise.all([this.#trades.load(), this.#candles.load(), this.#snapshots.load()])
  }

  /** Only what is looked at. */
  #refresh(): void {
    if (this.#app.view !== 'data' || document.hidden) return
    if (this.#symbol === '') void this.#start()
    else {
      void this.#trades.load()
      void this.#candles.load()
    }
  }

  #query(more: Readonly<Record<string, string>>): string {
    return new URLSearchParams({ symbol: this.#symbol, ...more }).toString()
  }

  async #askTrades(): Promise<readonly Trade[]> {
    if (this.#symbol === '') return []
    const query = this.#query({ limit: String(tradesShown), decimals: 'string' })
    return (await ask<Trade[]>(`/v1/trades?${query}`)).data
  }

  async #askCandles(): Promise<Candles> {
    if (this.#symbol === '') return { candles: [], gaps: [] }
    const query = { interval: this.#interval, limit: String(candlesShown), decimals: 'string' }
    const [candles, gaps] = await Promise.all([
      ask<Candle[]>(`/v1/candles?${this.#query(query)}`),
      ask<Gap[]>(`/v1/gaps?${this.#query({ state: 'all', limit: '200' })}`)
    ])
    return { candles: candles.data, gaps: gaps.data }
  }

  #symbolPicker(): TemplateResult {
    const { value = [], problem } = this.#symbols
    return html`
      ${picker('Symbol', value, this.#symbol, (symbol) => {
        this.#symbol = symbol
        this.#refresh()
      })}
      ${problem === undefined ? nothing : html`<span class="error">${problem}</span>`}
    `
  }

  #intervalPicker(): TemplateResult {
    return picker('Interval', intervals, this.#interval, (interval) => {
      this.#interval = interval
      void this.#candles.load()
    })
  }
}

const picker = (
  label: string,
  all: readonly string[],
  picked: string,
  pick: (it: string) => void
): TemplateResult => html`
  <label>
    ${label}
    <select @change=${(event: Event) => pick((event.target as HTMLSelectElement).value)}>
      ${all.map((it) => html`<option ?selected=${it === picked}>${it}</option>`)}
    </select>
  </label>
`
