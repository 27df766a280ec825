/** Asks for a key where the server wants one. */
import { html, type TemplateResult } from 'lit-html'
import { keepKey } from './api.ts'

export const keyForm = (reason: string, again: () => void): TemplateResult => html`
  <form
    class="panel key"
    @submit=${(event: SubmitEvent) => {
      event.preventDefault()
      const given = new FormData(event.target as HTMLFormElement).get('key')
      keepKey(typeof given === 'string' ? given : '')
      again()
    }}
  >
    <h2>This K2 asks for a key</h2>
    <p>${reason}</p>
    <label>API key <input name="key" type="password" autocomplete="off" required /></label>
    <button type="submit">Use it</button>
    <p class="quiet">
      It is kept in this tab, and forgotten with it. Scope read shows all, sql asks, admin releases.
    </p>
  </form>
`
