/** Milliseconds since 1970 by a clock that never goes back, whatever the system's is set to. */
export const steadyMs = (): number => performance.timeOrigin + performance.now()
