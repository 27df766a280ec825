/**
 * A test file of vitest's report, from the root of the clone that ran it, which may be another one
 * than this.
 */
export const testedFile = (name) => name.slice(name.lastIndexOf('/test/') + 1)
