/**
 * How much memory this process may use: what is configured, else 2 GiB, or what its control group
 * (v1 or v2) allows if that is less (R13).
 */
const defaultBytes = 2 * 1_024 ** 3

/** @param constrainedBytes of the control group; 0, undefined or beyond any machine: none */
export const memoryBytesMax = (
  configuredBytes: number | undefined,
  constrainedBytes: number | undefined = process.constrainedMemory()
): number => {
  if (configuredBytes !== undefined) return configuredBytes
  const isConstrained = constrainedBytes !== undefined && constrainedBytes > 0
  return isConstrained ? Math.min(defaultBytes, constrainedBytes) : defaultBytes
}
