/** The run alone says how K2 is set: whatever the caller's environment has for it is left out. */
export const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('K2_')))
