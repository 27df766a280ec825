/** What is asked of a Prometheus that runs. */
interface Answer<A> {
  readonly status: string
  readonly error?: string
  readonly data: A
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [seconds: number, value: string])[]
}

interface RuleState {
  readonly name: string
  readonly health: string
  readonly lastError?: string
}

const ask = async <A>(base: string, path: string): Promise<A> => {
  const answer = (await (await fetch(`${base}/api/v1/${path}`)).json()) as Answer<A>
  if (answer.status === 'success') return answer.data
  throw new Error(`Prometheus refuses ${path}: ${answer.error}`)
}

/** Series over these seconds, one point a second, those alone that have a number. */
export const queryRange = async (
  base: string,
  expr: string,
  [from, to]: readonly [number, number]
): Promise<readonly Series[]> => {
  const asked = new URLSearchParams({
    query: expr,
    start: String(from),
    end: String(to),
    step: '1'
  })
  const { result } = await ask<{ result: Series[] }>(base, `query_range?${asked.toString()}`)
  return result.filter(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))))
}

export const ruleStates = async (base: string): Promise<readonly RuleState[]> => {
  const { groups } = await ask<{ groups: { rules: RuleState[] }[] }>(base, 'rules')
  return groups.flatMap(({ rules }) => rules)
}
