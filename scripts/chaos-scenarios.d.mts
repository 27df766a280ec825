export const scenarioNames: readonly string[]
export const isRoot: boolean
export const runnable: () => string[]
export const seedOf: (commit: string, name: string) => number
export const chosenFor: (commit: string, names: readonly string[]) => string[]
export const runAll: (
  runs: readonly { name: string; seed: number; minutes: number; args: readonly string[] }[],
  atOnce: number
) => Promise<number>
