/** Requests to the server that this page came from, with the key that its user gave. */

const keyName = 'k2-api-key'

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const hasKey = (): boolean => sessionStorage.getItem(keyName) !== null

/** For this tab only. */
export const keepKey = (key: string): void => sessionStorage.setItem(keyName, key)

const headersOf = (more: Readonly<Record<string, string>>): Record<string, string> => {
  const key = sessionStorage.getItem(keyName)
  return { ...more, ...(key === null ? {} : { authorization: `Bearer ${key}` }) }
}

/** @throws ApiProblem for an answer that is none of success; TypeError where there is no answer */
export const request = async (
  path: string,
  { headers = {}, ...init }: Omit<RequestInit, 'headers'> & {
    readonly headers?: Readonly<Record<string, string>>
  } = {}
): Promise<Response> => {
  const response = await fetch(path, { ...init, headers: headersOf(headers) })
  if (response.ok) return response
  throw new ApiProblem(response.status, await problemTextOf(response))
}

const problemTextOf = async (response: Response): Promise<string> => {
  const problem = (await response.json().catch(() => ({}))) as Partial<
    Record<'detail' | 'hint', string>
  > & { readonly errors?: ReadonlyArray<Record<'field' | 'detail' | 'remedy', string>> }
  const errors = (problem.errors ?? []).map(
    ({ field, detail, remedy }) => `${field}: ${detail}; allowed: ${remedy}`
  )
  const parts = [problem.detail, problem.hint, ...errors].filter((it) => it !== undefined)
  return parts.length === 0 ? `the server answered ${response.status}` : parts.join('; ')
}

/** What an envelope has in it. */
export interface Answer<Data> {
  readonly data: Data
  readonly meta: Readonly<Record<string, unknown>>
}

/** Decimals come as text: no digit is lost on the way to the eye. */
export const ask = async <Data>(path: string, signal?: AbortSignal): Promise<Answer<Data>> => {
  const response = await request(path, signal === undefined ? {} : { signal })
  return (await response.json()) as Answer<Data>
}

export const post = async <Data>(
  path: string,
  body: unknown,
  reason?: string
): Promise<Answer<Data>> => {
  const response = await request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(reason === undefined ? {} : { 'x-reason': reason })
    }
  })
  return (await response.json()) as Answer<Data>
}
