/** Snapshots of the trades; two that are picked are held against each other. */
import { html, nothing, type TemplateResult } from 'lit-html'
import { ask } from './api.ts'
import { Loading } from './loading.ts'
import { type Trade, tradesTable } from './trades-table.ts'

interface Snapshot {
  readonly snapshot_id: string
  readonly timestamp: string
  readonly operation: string
  readonly summary: Readonly<Record<string, string>>
}

interface Diff {
  readonly added: number
  readonly removed: number
  readonly rows: readonly Trade[]
}

const snapshotsShown = 12
const rowsShown = 10

export class SnapshotsView {
  readonly #snapshots: Loading<readonly Snapshot[]>
  readonly #diff: Loading<Diff>
  /** Ids, at most two. */
  #picked: readonly string[] = []
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.#snapshots = new Loading(onChange, async () => {
      return (await ask<Snapshot[]>(`/v1/snapshots?limit=${snapshotsShown}`)).data
    })
    this.#diff = new Loading(onChange, () => this.#askDiff())
  }

  load(): Promise<void> {
    return this.#snapshots.load()
  }

  view(): TemplateResult {
    return html`
      <section class="panel" aria-labelledby="snapshots-title">
        <h2 id="snapshots-title">Snapshots</h2>
        <p class="quiet">
          Pick two to see which trades came between them.
          <button type="button" @click=${() => void this.load()}>Ask again</button>
        </p>
        ${this.#snapshots.view((all) => this.#list(all))}
        ${this.#picked.length === 2
          ? this.#diff.view(
              ({ added, removed, rows }) => html`<h3>
                  ${added} rows more, ${removed} rows less; the newest of them
                </h3>
                ${tradesTable(rows)}`
            )
          : nothing}
      </section>
    `
  }

  #list(snapshots: readonly Snapshot[]): TemplateResult {
    if (snapshots.length === 0) return html`<p class="empty">Nothing has been committed yet.</p>`
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Snapshots">
      <table>
        <thead>
          <tr>
            <th scope="col">Pick</th>
            <th scope="col">Committed (UTC)</th>
            <th scope="col">Operation</th>
            <th scope="col" class="number">Rows added</th>
            <th scope="col" class="number">Rows</th>
            <th scope="col">Id</th>
          </tr>
        </thead>
        <tbody>${snapshots.map((it) => this.#row(it))}</tbody>
      </table>
    </div>`
  }

  #row({ snapshot_id: id, timestamp, operation, summary }: Snapshot): TemplateResult {
    return html`<tr>
      <td>
        <input
          type="checkbox"
          aria-label=${`snapshot of ${timestamp}`}
          .checked=${this.#picked.includes(id)}
          @change=${() => this.#pick(id)}
        />
      </td>
      <td>${timestamp.slice(0, 23).replace('T', ' ')}</td>
      <td>${operation}</td>
      <td class="number">${summary['added-records'] ?? ''}</td>
      <td class="number">${summary['total-records'] ?? ''}</td>
      <td>${id}</td>
    </tr>`
  }

  #pick(id: string): void {
    this.#picked = this.#picked.includes(id)
      ? this.#picked.filter((it) => it !== id)
      : [...this.#picked, id].slice(-2)
    if (this.#picked.length === 2) void this.#diff.load()
    this.#onChange()
  }

  async #askDiff(): Promise<Diff> {
    const order = (this.#snapshots.value ?? []).map(({ snapshot_id: id }) => id)
    const [newer, older] = [...this.#picked].sort(
      (one, other) => order.indexOf(one) - order.indexOf(other)
    )
    const { data, meta } = await ask<Trade[]>(
      `/v1/snapshots/${newer}/diff?base_snapshot_id=${older}&limit=${rowsShown}&decimals=string`
    )
    return { rows: data, added: Number(meta['added_rows']), removed: Number(meta['removed_rows']) }
  }
}
