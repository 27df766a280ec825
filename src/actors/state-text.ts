/**
 * The state of any actor as text: `up.running`, `{a.b|c}` for parallel states, else its status.
 * Total: a snapshot of unknown logic gives its status.
 */
export const stateTextOf = (snapshot: object): string => {
  if ('value' in snapshot) return valueText(snapshot.value)
  return 'status' in snapshot ? String(snapshot.status) : 'unknown'
}

const valueText = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return 'unknown'
  const regions = Object.entries(value).map(([name, inner]) => joined(name, valueText(inner)))
  return regions.length < 2 ? (regions[0] ?? '') : `{${regions.join('|')}}`
}

/** A machine without states has none to show. */
export const joined = (name: string, inner: string): string =>
  inner === '' ? name : `${name}.${inner}`
