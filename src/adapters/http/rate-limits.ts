/**
 * How often each caller is answered: a bucket that fills evenly, so that a minute's worth may be
 * asked for at once, and no more than that over any longer time.
 *
 * What is remembered is bounded: of callers that have not asked for longest, a full bucket is
 * forgotten, which is what a new one has.
 */
export interface RateLimits {
  /** Takes one request of the caller's; undefined headers: there is no limit. */
  readonly take: (caller: string, nowMs: number) => Taken
}

interface Taken {
  readonly isAllowed: boolean
  /** For the answer, whether it is allowed or not. */
  readonly headers: Readonly<Record<string, string>>
}

export const rateHeaders = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'] as const

interface Bucket {
  requests: number
  atMs: number
}

const minuteMs = 60_000
const callersMax = 10_000

/** @param perMinute 0: no limit */
export const makeRateLimits = (perMinute: number): RateLimits => {
  if (perMinute === 0) return { take: () => ({ isAllowed: true, headers: {} }) }
  const perMs = perMinute / minuteMs
  const buckets = new Map<string, Bucket>()
  const bucketOf = (caller: string, nowMs: number): Bucket => {
    const { requests, atMs } = buckets.get(caller) ?? { requests: perMinute, atMs: nowMs }
    // A clock that is set back gives nothing and takes nothing.
    const grown = requests + Math.max(0, nowMs - atMs) * perMs
    const bucket = { requests: Math.min(perMinute, grown), atMs: nowMs }
    buckets.delete(caller)
    buckets.set(caller, bucket)
    if (buckets.size > callersMax) buckets.delete(buckets.keys().next().value!)
    return bucket
  }
  return {
    take: (caller, nowMs) => {
      const bucket = bucketOf(caller, nowMs)
      const isAllowed = bucket.requests >= 1
      if (isAllowed) bucket.requests -= 1
      const secondsTo = (requests: number) =>
        String(Math.ceil(Math.max(0, requests - bucket.requests) / perMs / 1_000))
      return {
        isAllowed,
        headers: {
          'ratelimit-limit': String(perMinute),
          'ratelimit-remaining': String(Math.floor(bucket.requests)),
          'ratelimit-reset': secondsTo(perMinute),
          ...(isAllowed ? {} : { 'retry-after': secondsTo(1) })
        }
      }
    }
  }
}
