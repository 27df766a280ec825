/** Trades as rows, newest first as they come. */
import { html, type TemplateResult } from 'lit-html'

export interface Trade {
  readonly timestamp: string
  readonly symbol: string
  readonly exchange: string
  readonly side: string
  readonly price: string
  readonly quantity: string
  readonly trade_id: string
}

export const tradesTable = (trades: readonly Trade[]): TemplateResult =>
  trades.length === 0
    ? html`<p class="empty">No trades yet.</p>`
    : html`<div class="scroll" tabindex="0" role="group" aria-label="Newest trades">
        <table>
          <thead>
            <tr>
              <th scope="col">Time (UTC)</th>
              <th scope="col">Symbol</th>
              <th scope="col">Side</th>
              <th scope="col" class="number">Price</th>
              <th scope="col" class="number">Quantity</th>
              <th scope="col">Id</th>
            </tr>
          </thead>
          <tbody>
            ${trades.map(
              (it) => html`<tr>
                <td>${it.timestamp.slice(11, 26)}</td>
                <td>${it.symbol}</td>
                <td>${it.side}</td>
                <td class="number">${it.price}</td>
                <td class="number">${it.quantity}</td>
                <td>${it.trade_id}</td>
              </tr>`
            )}
          </tbody>
        </table>
      </div>`
