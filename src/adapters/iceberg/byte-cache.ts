/**
 * A cache of immutable things by name: least recently used goes first once the estimated bytes
 * exceed the limit.
 */
export interface ByteCache<V> {
  readonly get: (key: string) => V | undefined
  readonly set: (key: string, value: V, bytes: number) => void
}

export const makeByteCache = <V>(bytesMax: number): ByteCache<V> => {
  const entries = new Map<string, { readonly value: V; readonly bytes: number }>()
  let held = 0
  const drop = (key: string): void => {
    held -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set: (key, value, bytes) => {
      drop(key)
      entries.set(key, { value, bytes })
      held += bytes
      for (const oldest of entries.keys()) {
        if (held <= bytesMax || oldest === key) break
        drop(oldest)
      }
    }
  }
}
